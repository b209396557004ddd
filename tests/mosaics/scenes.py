"""Scenes for tests of mosaics: GeoTIFFs of one value, beside each other and overlapping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.rasters import write


def scene(
    path: Path,
    value: float,
    bounds: tuple[float, float, float, float],
    crs: str = "EPSG:32633",
    size_wh: tuple[int, int] = (100, 100),
    bands: int = 1,
    dtype: str = "uint8",
    **profile: Any,
) -> str:
    """A GeoTIFF whose pixels all have one value; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size_wh
    return write(path, np.full((bands, height, width), value, dtype), bounds, crs, **profile)


def row_of_scenes(folder: Path, count: int = 3) -> Path:
    """Scenes of 1 km, 100 by 100 pixels, each overlapping half of the one before; their folder."""
    for i in range(count):
        west = 500_000 + 500 * i
        name = f"scene{i}_2020010{i + 1}.tif"
        scene(folder / name, i + 1, (west, 5_500_000, west + 1000, 5_501_000))
    return folder
