"""What the page of a service shows: a map, facts at a glance, bands, operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ..mosaics.dataset import MosaicDataset
from ..operations.operation import Operation
from ..operations.table import OPERATIONS
from ..service import ImageService
from .charts import Chart
from .facts import Fact, fact, number, place, short

_MOST_BANDS = 8
_WIDEST_THUMBNAIL = 960
_COLOURS = ("red", "green", "blue")
_EXPORT_HELP = "Draws a picture, or the values, of any box in any reference and format."


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A map of the service, drawn by itself in its own reference."""

    path: str
    """Of exportImage."""

    extent: str
    """xmin,ymin,xmax,ymax"""

    pixel: str
    """Size of a pixel in units of the reference; the smaller side."""

    format: str
    """Of the tiles."""

    most: int
    """Rows and columns that a tile may have."""

    thumbnail: str
    """Path of a picture of the whole, for those without scripts."""

    reference: str = ""
    """What `bboxSR` calls the reference; nothing where it has no number."""

    identify: str = ""
    """Path of the operation that tells values, where the service has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band's numbers, and how they are spread."""

    name: str

    numbers: tuple[tuple[str, str], ...]

    histogram: Chart | None = None

    colour: str = ""
    """Of its histogram: red, green, blue or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An operation as the page lists it."""

    path: str

    help: str

    link: str = ""
    """Path of its page; nothing where the address has parts to be filled in."""


def preview(service: ImageService, base: str) -> Preview:
    """The map of a service whose operations begin at a path."""
    extent = service.extent
    identify = any(o.path == "identify" and o.offered(service) for o in OPERATIONS)
    return Preview(
        path=f"{base}/exportImage",
        extent=",".join(number(side) for side in extent.bounds),
        pixel=number(min(service.pixel_size_xy)),
        format="jpgpng" if service.info.is_rgb else "png",
        most=min(service.max_image_size),
        thumbnail=f"{base}/exportImage?{urlencode(_thumbnail(service))}",
        reference=str(extent.crs.latest_wkid or extent.crs.wkid or ""),
        identify=f"{base}/identify" if identify else "",
    )


def _thumbnail(service: ImageService) -> dict[str, str]:
    """The whole extent in its own shape, as far as that is sensible."""
    extent = service.extent
    shape = min(max(extent.height / extent.width, 0.3), 1.2)
    most_wide, most_high = service.max_image_size
    width = min(_WIDEST_THUMBNAIL, most_wide)
    height = min(max(round(width * shape), 1), most_high)
    return {"f": "image", "format": "png", "size": f"{width},{height}"}


def glance(service: ImageService, description: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What one wants to know first."""
    extent, crs = service.extent, service.crs
    (across, down), (rows, columns) = service.pixel_size_xy, service.shape_yx
    sides = zip(("West", "South", "East", "North"), extent.bounds, strict=True)
    unit = crs.proj.axis_info[0].unit_name if crs.proj.axis_info else ""
    return (
        fact("Reference", f"{crs.proj.name} ({crs.definition})" if crs.wkid else crs.proj.name),
        Fact(label="Extent", values=tuple((name, place(side)) for name, side in sides)),
        fact("Pixel size", f"{across:.8g} × {down:.8g} {unit}".strip()),
        fact("Size", f"{columns:,} × {rows:,} pixels"),
        *_items(service),
        fact("Bands", _band_names(service.info.band_names)),
        fact("Pixel type", f"{description['pixelType']}"),
        fact("No data", _no_data(description)),
        fact("Source", _source(description)),
        fact("Largest picture", "{:,} × {:,} pixels".format(*service.max_image_size)),
    )


def _items(service: ImageService) -> Iterator[Fact]:
    """Of a mosaic."""
    if isinstance(service.source, MosaicDataset):
        table = service.source.table
        yield fact("Rasters", f"{len(table):,}")
        yield fact("Fields", ", ".join(each.name for each in table.fields))


def _band_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_BANDS])
    rest = len(names) - _MOST_BANDS
    return f"{len(names)}: {shown}" + (f" and {rest} more" if rest > 0 else "")


def _no_data(description: Mapping[str, Any]) -> str:
    values = [v for v in description.get("noDataValues") or () if v is not None]
    return ", ".join(dict.fromkeys(str(v) for v in values)) or "no value stands for it"


def _source(description: Mapping[str, Any]) -> str:
    form = str(description.get("datasetFormat", "raster"))
    if form == "AMD":
        return "mosaic"
    packed = description.get("compressionType", "None")
    return form if packed in ("None", "") else f"{form}, {packed}"


def bands(
    service: ImageService, charts: Sequence[Chart | None] = ()
) -> tuple[tuple[Band, ...], int]:
    """The first bands with their statistics and histograms, and how many more there are."""
    names = service.info.band_names
    found = service.told_statistics
    shown = tuple(
        Band(
            name=name,
            numbers=(
                ("Minimum", short(numbers.minimum)),
                ("Maximum", short(numbers.maximum)),
                ("Mean", short(numbers.mean)),
                ("Deviation", short(numbers.deviation)),
            ),
            histogram=charts[index] if index < len(charts) else None,
            colour=_COLOURS[index] if service.info.is_rgb and index < len(_COLOURS) else "",
        )
        for index, (name, numbers) in enumerate(zip(names, found, strict=False))
        if index < _MOST_BANDS
    )
    return shown, len(found) - len(shown)


def operations(service: ImageService, base: str) -> tuple[Listed, ...]:
    """Every operation that the service has, exportImage first."""
    export = Listed(path="exportImage", help=_EXPORT_HELP, link=f"{base}/exportImage")
    others = (_listed(each, base) for each in OPERATIONS if each.offered(service))
    return (export, *others)


def items(service: ImageService, base: str) -> str:
    """Path of the list of a mosaic's rasters; nothing of a single one."""
    listed = any(each.path == "query" and each.offered(service) for each in OPERATIONS)
    query = {"where": "1=1", "outFields": "*", "returnGeometry": "false"}
    return f"{base}/query?{urlencode(query)}#result" if listed else ""


def _listed(operation: Operation, base: str) -> Listed:
    link = "" if "<" in operation.path else f"{base}/{quote(operation.path)}"
    return Listed(path=operation.path, help=operation.help, link=link)
