"""Overlapping scenes for benchmarks: 8 × 8 cloud-optimised GeoTIFFs of 4096² RGB pixels of 10 m."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_origin

CRS = "EPSG:32613"
ROWS, COLUMNS = 8, 8
SIDE, STEP = 4096, 3456
"""Pixels of a scene, and from one to the next: about a sixth of each lies over its neighbour."""
METRES = 10
WEST, NORTH = 360_000, 4_620_000
"""In EPSG:32613; the scenes reach from 103 to 106.6 degrees west."""
ACROSS = (COLUMNS - 1) * STEP + SIDE
"""Pixels that all scenes cover from side to side."""


def scenes(folder: Path, compression: str = "jpeg") -> list[Path]:
    """The paths of the scenes, row by row, which are made if they aren't there."""
    where = folder / f"scenes-{ROWS * COLUMNS}-{compression}"
    if not where.exists():
        print(f"making {where}", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="scenes-", dir=folder) as temporary:
            unfinished = Path(temporary) / "scenes"
            unfinished.mkdir()
            with ThreadPoolExecutor(2) as pool:
                numbers = range(ROWS * COLUMNS)
                list(pool.map(lambda number: _write(unfinished, number, compression), numbers))
            unfinished.rename(where)
    return sorted(where.glob("*.tif"))


def _write(folder: Path, number: int, compression: str) -> None:
    row, column = divmod(number, COLUMNS)
    top, left = row * STEP, column * STEP
    place = from_origin(WEST + left * METRES, NORTH - top * METRES, METRES, METRES)
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 3, "dtype": "uint8"}
    with MemoryFile() as file:
        with file.open(crs=CRS, transform=place, photometric="rgb", **profile) as dataset:
            dataset.write(_pixels(top, left))
        options = {"overview_resampling": "average", "compress": compression}
        copy(file.name, folder / f"scene-{number:02}.tif", driver="COG", **options)


def _pixels(top: int, left: int) -> NDArray[np.uint8]:
    """`(band, y, x)`: waves from 50 to 3000 pixels long; scenes are equal where they overlap."""
    x = np.arange(left, left + SIDE, dtype="f4")
    y = np.arange(top, top + SIDE, dtype="f4")[:, None]
    wide = np.sin(x / 480) * np.cos(y / 390)
    narrow = np.sin(x / 9 + 2 * np.sin(x / 480)) * np.sin(y / 11)
    grain = np.sin(x * 1.7 + y * 0.9) * np.sin(x * 0.6 - y * 2.1)
    bands = [
        120 + 50 * wide + 30 * narrow + 12 * grain,
        110 - 40 * wide + 35 * narrow - 9 * grain,
        90 + 25 * (wide + narrow) + 15 * grain,
    ]
    return np.stack(bands).clip(0, 255).astype("u1")
