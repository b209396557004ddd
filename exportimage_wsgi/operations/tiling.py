"""Tiling: the scheme of tiles of a service: levels, rows and columns, and where each lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..esri.replies import spatial_reference_json
from ..geo.crs import CRS
from ..geo.extent import Extent
from ..service import ImageService

SIDE = 256
"""Width and height of a tile in pixels."""

_DPI = 96
_INCHES_IN_A_METRE = 39.37
_WORLD = 20037508.342787
_WHOLE_WORLD = 156543.03392800014
"""Resolution at which one tile holds the world in Esri's scheme of Web Mercator."""
_MOST_LEVELS = 24
_LEAST_LEVELS = 2
"""GDAL opens no scheme of one level."""
_SLACK = 1.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """Square tiles in rows from the north and columns from the west."""

    crs: CRS

    origin: tuple[float, float]
    """x, y of the north-west corner of the first tile of every level."""

    resolutions: tuple[float, ...]
    """Of each level, from the coarsest: units of the reference a pixel."""

    reach: tuple[float, float]
    """x, y of the south-east corner of what tiles there are for."""

    def shape_yx(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level."""
        span = self.resolutions[level] * SIDE
        (west, north), (east, south) = self.origin, self.reach
        rows, columns = (north - south) / span, (east - west) / span
        return max(1, math.ceil(rows - 1e-6)), max(1, math.ceil(columns - 1e-6))

    def holds(self, level: int, row: int, column: int) -> bool:
        """Is there such a tile?"""
        if not 0 <= level < len(self.resolutions):
            return False
        rows, columns = self.shape_yx(level)
        return 0 <= row < rows and 0 <= column < columns

    def extent(self, level: int, row: int, column: int) -> Extent:
        """The box of a tile."""
        span, (west, north) = self.resolutions[level] * SIDE, self.origin
        return Extent(
            xmin=west + column * span,
            ymin=north - (row + 1) * span,
            xmax=west + (column + 1) * span,
            ymax=north - row * span,
            crs=self.crs,
        )

    def scale(self, level: int) -> float:
        """The denominator of the scale, on a screen of 96 dots an inch."""
        metres = self.resolutions[level] / self.crs.units_per_metre
        return metres * _DPI * _INCHES_IN_A_METRE


def scheme_of(service: ImageService) -> Scheme:
    """The scheme in the service's own reference, down to the size of its pixels.

    In Web Mercator and in degrees it is that which all maps of the world share; elsewhere the
    first tile holds the whole service, and each level has pixels half as wide as the one before.
    """
    crs, extent = service.crs, service.extent
    pixel = min(service.pixel_size_xy)
    if crs.definition == "EPSG:3857":
        return _world(crs, extent, _WORLD, _WORLD, _WHOLE_WORLD, pixel)
    if crs.is_geographic and crs.period is not None:
        half = crs.period / 2
        return _world(crs, extent, half, half / 2, crs.period / (2 * SIDE), pixel)
    wide = max(extent.width, extent.height) / (SIDE * pixel)
    levels = min(max(_LEAST_LEVELS - 1, math.ceil(math.log2(wide) - 1e-9)), _MOST_LEVELS - 1)
    resolutions = tuple(pixel * 2 ** (levels - level) for level in range(levels + 1))
    # GDAL asks for all of the square under the first tile, and gives up at a tile that isn't there.
    span = resolutions[0] * SIDE
    return Scheme(
        crs=crs,
        origin=(extent.xmin, extent.ymax),
        resolutions=resolutions,
        reach=(extent.xmin + span, extent.ymax - span),
    )


def _world(
    crs: CRS, extent: Extent, east: float, north: float, coarsest: float, pixel: float
) -> Scheme:
    """The world, and what of the service lies past its eastern edge."""
    levels = math.ceil(math.log2(coarsest / (pixel * _SLACK)))
    count = min(max(levels + 1, _LEAST_LEVELS), _MOST_LEVELS)
    return Scheme(
        crs=crs,
        origin=(-east, north),
        resolutions=tuple(coarsest / 2**level for level in range(count)),
        reach=(max(east, extent.xmax), -north),
    )


def tile_info(service: ImageService, version: float) -> dict[str, Any]:
    """What the parent says of its tiles; nothing where it has none."""
    if not service.settings.tiles:
        return {"minScale": 0, "maxScale": 0, "singleFusedMapCache": False}
    scheme = scheme_of(service)
    levels = range(len(scheme.resolutions))
    lods = [
        {"level": level, "resolution": scheme.resolutions[level], "scale": scheme.scale(level)}
        for level in levels
    ]
    x, y = scheme.origin
    info = {
        "rows": SIDE,
        "cols": SIDE,
        "dpi": _DPI,
        "format": "MIXED",
        "compressionQuality": service.settings.compression_quality,
        "origin": {"x": x, "y": y},
        "spatialReference": spatial_reference_json(scheme.crs, version),
        "lods": lods,
    }
    return {
        "minScale": lods[0]["scale"],
        "maxScale": lods[-1]["scale"],
        "singleFusedMapCache": True,
        "cacheType": "Map",
        "minLOD": 0,
        "maxLOD": levels[-1],
        "tileInfo": info,
    }
