"""Mosaics for tests: scenes of one value each, whose overlaps can be told by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.service import ImageService
from tests.rasters import write

Box = tuple[float, float, float, float]


def constant_scenes(
    folder: Path, scenes: Mapping[str, tuple[float, Box]], dtype: str = "uint8", **profile: Any
) -> list[str]:
    """A GeoTIFF a scene in Web Mercator, of pixels of one metre; they are called by the keys."""
    paths = []
    for name, (value, box) in scenes.items():
        shape = 1, round(box[3] - box[1]), round(box[2] - box[0])
        data = np.full(shape, value, dtype)
        paths.append(write(folder / f"{name}.tif", data, box, "EPSG:3857", **profile))
    return paths


THREE = {
    "item1_20010101": (10, (0, 0, 200, 200)),
    "item2_20050101": (20, (100, 0, 300, 200)),
    "item3_20100101": (30, (50, 50, 170, 150)),
}
"""Raster R5 of the published vectors; the first four digits of the date are its Year."""


def three(folder: Path, **settings: Any) -> ImageService:
    """The mosaic R5."""
    return mosaic(constant_scenes(folder, THREE, nodata=0), **settings)


def mosaic(paths: Any, **settings: Any) -> ImageService:
    """A service of the rasters, whose names end in a year."""
    chosen = {"pattern": r"_(?P<Year>\d{4})"} | settings
    return ImageService.open(paths, name="scenes", mosaic=MosaicSettings(**chosen))
