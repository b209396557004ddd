"""Items of STAC as items of a mosaic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from ..errors import SourceError
from ..geo.crs import CRS
from ..imagery.sources.versions import display_name
from .addresses import resolved
from .columns import free_name
from .footprints import in_one_piece
from .items import Attribute, Found
from .known import known_description

_RASTER_TYPES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "application/x-geotiff")
_UNSEEN = ("proj:", "raster:", "processing:", "file:", "checksum:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """Reads the items of one document."""

    asset: str | None
    """Name of the asset that is served; `None` for the only one, or that of the role `data`."""

    document: str
    """That addresses are relative to."""

    def item(
        self,
        *,
        name: str,
        geometry: Any,
        bbox: Any,
        crs: CRS,
        properties: Mapping[str, Any],
        assets: Mapping[str, Any],
    ) -> Found:
        """An item.

        Args:
            name: its id.
            geometry: its footprint, of shapely, or `None`.
            bbox: of the geometry, in longitude and latitude; its west lies east of its east where
                the item crosses the antimeridian.
            crs: of its geometry.
            properties: what becomes attributes; colons in their names become `_`.
            assets: by name.

        Raises:
            SourceError: it isn't clear which asset is meant, or that has no address.
        """
        asset = self._asset(name, assets)
        href = asset.get("href")
        if not isinstance(href, str) or not href:
            raise SourceError(f"{self._told(name)}: its asset has no href")
        outline = _outline(geometry, bbox, crs)
        return Found(
            raster=resolved(href, self.document),
            name=name,
            place=href,
            attributes=_attributes(properties),
            known=known_description(properties, asset, outline, crs),
            outline=outline,
            outline_crs=crs,
        )

    def _told(self, name: str) -> str:
        return f"{display_name(self.document)}: item {name}"

    def _asset(self, name: str, assets: Mapping[str, Any]) -> Mapping[str, Any]:
        found = {k: each for k, each in assets.items() if isinstance(each, Mapping)}
        listed = ", ".join(found) or "none"
        if self.asset is not None:
            if self.asset not in found:
                raise SourceError(f"{self._told(name)} has no asset {self.asset}; it has {listed}")
            return found[self.asset]
        data = [each for each in found.values() if "data" in (each.get("roles") or ())]
        rasters = [each for each in found.values() if _is_raster(each)]
        for candidates in (data, rasters, list(found.values())):
            if len(candidates) == 1:
                return candidates[0]
        if data:
            return data[0]
        raise SourceError(
            f"{self._told(name)} has several assets or none ({listed}): say which by mosaic.asset"
        )


def _outline(geometry: Any, bbox: Any, crs: CRS) -> bytes | None:
    """WKB of polygons; of what is neither, nothing."""
    if geometry is None or shapely.get_type_id(geometry) not in (3, 6):
        return None
    geometry = shapely.force_2d(geometry)
    values = list(bbox.values()) if isinstance(bbox, Mapping) else list(bbox or ())
    if len(values) in (4, 6) and values[0] > values[len(values) // 2]:
        geometry = in_one_piece(geometry, crs)
    return bytes(shapely.to_wkb(geometry))


def _is_raster(asset: Mapping[str, Any]) -> bool:
    kind = asset.get("type")
    is_known = isinstance(kind, str) and kind.partition(";")[0].strip() in _RASTER_TYPES
    return is_known and not {"thumbnail", "overview"} & set(asset.get("roles") or ())


def _attributes(properties: Mapping[str, Any]) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {}
    for key, value in properties.items():
        if key.startswith(_UNSEEN):
            continue
        if isinstance(value, (list, tuple)) and all(isinstance(v, (str, int)) for v in value):
            value = ",".join(str(each) for each in value)
        if value is None or isinstance(value, (str, int, float, dt.datetime, dt.date)):
            attributes[free_name(key, attributes)] = value
    return attributes
