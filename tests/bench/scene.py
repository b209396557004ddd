"""A large scene for benchmarks: 30000 × 30000 RGB pixels of 1 m in UTM, with overviews."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.windows import Window

SIDE = 30_000
WEST, NORTH = 540_000, 4_470_000
"""In EPSG:32613, 40 to 70 km east of its central meridian at 40° north."""
STRIP = 500


def default_folder() -> Path:
    """Where the scene is kept from one run to the next."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "exportimage-wsgi-bench"


def scene(folder: Path, compression: str = "jpeg") -> Path:
    """The path of the scene, which is made if it isn't there."""
    path = folder / f"scene-{SIDE}-{compression}.tif"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    print(f"making {path}", file=sys.stderr)
    plain, unfinished = path.with_suffix(".plain"), path.with_suffix(".unfinished")
    try:
        _write(plain)
        options = {"overview_resampling": "average", "num_threads": "all_cpus", "bigtiff": "yes"}
        copy(plain, unfinished, driver="COG", compress=compression, **options)
        unfinished.rename(path)
    finally:
        plain.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return path


def _write(path: Path) -> None:
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": SIDE,
        "height": SIDE,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32613",
        "transform": from_origin(WEST, NORTH, 1, 1),
        "interleave": "pixel",
        "photometric": "rgb",
    }
    random = np.random.default_rng(1)
    noise = random.normal(0, 12, (3, STRIP, SIDE + 997)).astype("f4")
    with rasterio.open(path, "w", **profile) as dataset:
        for top in range(0, SIDE, STRIP):
            start = int(random.integers(997))
            strip = _smooth(top) + noise[:, :, start : start + SIDE]
            dataset.write(strip.clip(0, 255).astype("u1"), window=Window(0, top, SIDE, STRIP))


def _smooth(top: int) -> NDArray[np.float32]:
    """`(band, y, x)`: hills and valleys from 30 to 3000 pixels wide."""
    x = np.arange(SIDE, dtype="f4")
    y = np.arange(top, top + STRIP, dtype="f4")[:, None]
    wide = np.sin(x / 480) * np.cos(y / 390)
    narrow = np.sin(x / 9 + 3 * wide[0]) * np.sin(y / 11)
    bands = [
        120 + 50 * wide + 30 * narrow,
        110 - 40 * wide + 35 * narrow,
        90 + 25 * (wide + narrow),
    ]
    return np.stack(bands)
