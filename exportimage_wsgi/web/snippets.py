"""How a service is opened elsewhere: texts to paste into programs, right for that service."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from ..geo.crs import crs_from_wkid
from ..geo.extent import projected
from ..service import ImageService
from .facts import number

_WGS84 = crs_from_wkid(4326)
_MERCATOR_LATITUDE = 85.06
_WIDTH = 1000
_MAP_VIEWER = "https://www.arcgis.com/apps/mapviewer/index.html?url="
_GDAL_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the texts tell of a service."""

    name: str

    url: str
    """Of the service, as the public reaches it; no slash at its end."""

    bounds: tuple[float, float, float, float]
    """xmin, ymin, xmax, ymax in the service's own reference."""

    code: str
    """`EPSG:n` or `ESRI:n` of that reference; nothing where it has no number."""

    shape_yx: tuple[int, int]
    """Rows, columns of the whole service at its own pixel size."""

    most_wh: tuple[int, int]
    """Width, height of the largest picture."""

    globe: tuple[float, float, float, float]
    """West, south, east, north in degrees, as far as a Web Mercator map reaches."""

    @property
    def stem(self) -> str:
        """A name for files and layers."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.name.rpartition("/")[2]).strip("-") or "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One way to open a service."""

    key: str
    """Of the element in the page."""

    title: str

    about: str
    """Where the text belongs, in one or two sentences."""

    text: str = ""
    """To be copied."""

    link: str = ""
    """To be followed."""

    link_text: str = ""


def served(service: ImageService, url: str) -> Served:
    """What the texts need of a service; no pixel is read."""
    extent = service.extent
    return Served(
        name=service.name,
        url=url.rstrip("/"),
        bounds=extent.bounds,
        code=extent.crs.code,
        shape_yx=service.shape_yx,
        most_wh=service.max_image_size,
        globe=_globe(service),
    )


def _globe(service: ImageService) -> tuple[float, float, float, float]:
    found = projected(service.extent, _WGS84)
    west, south, east, north = found.bounds if found else (-180.0, -90.0, 180.0, 90.0)
    south, north = max(south, -_MERCATOR_LATITUDE), min(north, _MERCATOR_LATITUDE)
    rounded = (round(side, 6) for side in (west, south, east, north))
    return tuple(rounded)  # type: ignore[return-value]


def snippets(service: Served) -> tuple[Snippet, ...]:
    """Every way that fits the service."""
    return tuple(found for found in (make(service) for make in _MAKERS) if found is not None)


def gdal_xml(service: Served) -> str | None:
    """A description that GDAL opens as a raster; `None` for a reference without a number, which
    GDAL's driver couldn't ask for."""
    if not service.code:
        return None
    xmin, ymin, xmax, ymax = (number(side) for side in service.bounds)
    rows, columns = service.shape_yx
    return f"""<GDAL_WMS>
  <Service name="AGS">
    <ServerUrl>{escape(service.url)}/exportImage?</ServerUrl>
    <BBoxOrder>xyXY</BBoxOrder>
    <SRS>{service.code}</SRS>
    <ImageFormat>png</ImageFormat>
  </Service>
  <DataWindow>
    <UpperLeftX>{xmin}</UpperLeftX>
    <UpperLeftY>{ymax}</UpperLeftY>
    <LowerRightX>{xmax}</LowerRightX>
    <LowerRightY>{ymin}</LowerRightY>
    <SizeX>{columns}</SizeX>
    <SizeY>{rows}</SizeY>
  </DataWindow>
  <Projection>{service.code}</Projection>
  <BandsCount>4</BandsCount>
  <BlockSizeX>{_GDAL_BLOCK}</BlockSizeX>
  <BlockSizeY>{_GDAL_BLOCK}</BlockSizeY>
</GDAL_WMS>
"""


def _qgis(service: Served) -> Snippet:
    crs = f"crs='{service.code}' " if service.code else ""
    source = f"{crs}format='PNG32' layer='' url='{service.url}'"
    return Snippet(
        key="qgis",
        title="QGIS",
        about="Paste this line into the Python console of QGIS (Plugins ▸ Python Console). Or add "
        "the address of the services as a connection: Layer ▸ Add Layer ▸ ArcGIS REST Server.",
        text=f'iface.addRasterLayer({_quoted(source)}, {_quoted(service.name)}, "arcgismapserver")',
    )


def _online(service: Served) -> Snippet:
    return Snippet(
        key="arcgis",
        title="ArcGIS Online and ArcGIS Pro",
        about="The map viewer reaches services that are public and have https. In ArcGIS Pro: "
        "Map ▸ Add Data ▸ Data From Path, with this address.",
        text=service.url,
        link=_MAP_VIEWER + quote(service.url, safe=""),
        link_text="Open in the map viewer of ArcGIS Online",
    )


def _python(service: Served) -> Snippet:
    width, height = _picture_size(service)
    bounds = ",".join(number(side) for side in service.bounds)
    return Snippet(
        key="python",
        title="Python",
        about="The values as a GeoTIFF, in the reference of the service (pip install rasterio).",
        text=f"""from urllib.parse import urlencode
from urllib.request import urlretrieve

import rasterio

query = {{
    "bbox": "{bounds}",
    "size": "{width},{height}",
    "format": "tiff",
    "f": "image",
}}
urlretrieve("{service.url}/exportImage?" + urlencode(query), "{service.stem}.tif")
with rasterio.open("{service.stem}.tif") as raster:
    print(raster.crs, raster.bounds, raster.read().shape)
""",
    )


def _picture_size(service: Served) -> tuple[int, int]:
    """Of the whole extent: a thousand pixels wide, or less where the service has or allows less."""
    rows, columns = service.shape_yx
    most_wide, most_high = service.most_wh
    width = min(_WIDTH, columns, most_wide)
    height = max(1, round(width * rows / columns))
    if height > most_high:
        width, height = max(1, round(width * most_high / height)), most_high
    return width, height


def _gdal(service: Served) -> Snippet | None:
    text = gdal_xml(service)
    if text is None:
        return None
    return Snippet(
        key="gdal",
        title="GDAL",
        about="Save this as a file and open it as a raster, or give GDAL its address: "
        f"gdalinfo /vsicurl/{service.url}/gdal.xml",
        text=text,
        link=f"{service.url}/gdal.xml",
        link_text="Download gdal.xml",
    )


def _esri_leaflet(service: Served) -> Snippet:
    west, south, east, north = service.globe
    return Snippet(
        key="leaflet",
        title="Leaflet",
        about="With esri-leaflet (npm install leaflet esri-leaflet).",
        text=f"""import * as L from "leaflet";
import {{ imageMapLayer }} from "esri-leaflet";

const map = L.map("map").fitBounds([[{south}, {west}], [{north}, {east}]]);
imageMapLayer({{ url: {_quoted(service.url)} }}).addTo(map);
""",
    )


def _openlayers(service: Served) -> Snippet:
    return Snippet(
        key="openlayers",
        title="OpenLayers",
        about="With ol (npm install ol).",
        text=f"""import Map from "ol/Map.js";
import View from "ol/View.js";
import ImageLayer from "ol/layer/Image.js";
import ImageArcGISRest from "ol/source/ImageArcGISRest.js";
import {{ transformExtent }} from "ol/proj.js";

const source = new ImageArcGISRest({{ url: {_quoted(service.url)}, crossOrigin: "anonymous" }});
const map = new Map({{
  target: "map",
  layers: [new ImageLayer({{ source }})],
  view: new View(),
}});
map.getView().fit(transformExtent({list(service.globe)}, "EPSG:4326", "EPSG:3857"));
""",
    )


def _arcgis_sdk(service: Served) -> Snippet:
    return Snippet(
        key="sdk",
        title="ArcGIS Maps SDK for JavaScript",
        about="npm install @arcgis/core; for a map and its view that are there already.",
        text=f"""import ImageryLayer from "@arcgis/core/layers/ImageryLayer.js";

const layer = new ImageryLayer({{ url: {_quoted(service.url)} }});
map.add(layer);
layer.when(() => view.goTo(layer.fullExtent));
""",
    )


def _quoted(text: str) -> str:
    """A string of JavaScript or Python."""
    return json.dumps(text, ensure_ascii=False)


_MAKERS: tuple[Callable[[Served], Snippet | None], ...] = (
    _qgis,
    _online,
    _python,
    _gdal,
    _esri_leaflet,
    _openlayers,
    _arcgis_sdk,
)
