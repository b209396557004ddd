"""Large scenes for benchmarks, made once and kept in a cache folder.

All lie in EPSG:32613, 40 to 70 km east of its central meridian at 40° north, with pixels of 1 m.
What they show has detail of all sizes and some noise, so that it packs as pictures from the air do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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
STRIP = 500
ELEVATION_SIDE, SIX_BANDS_SIDE, PLAIN_SIDE = 20_000, 10_000, 10_000

Strip = Callable[[int, int, np.random.Generator], NDArray[Any]]
"""Values `(band, y, x)` of the rows from a first one on, of a scene so wide."""


def default_folder() -> Path:
    """Where the scenes are kept from one run to the next."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "exportimage-wsgi-bench"


def scene(folder: Path, compression: str = "jpeg") -> Path:
    """30000 × 30000 pixels of red, green and blue, as a COG."""
    name = f"scene-{SIDE}-{compression}.tif"
    return _kept(folder / name, SIDE, _colours, {"compress": compression})


def elevation(folder: Path) -> Path:
    """20000 × 20000 heights in F32, as a COG packed by Deflate."""
    options = {"compress": "deflate", "predictor": "yes"}
    return _kept(folder / "elevation.tif", ELEVATION_SIDE, _heights, options)


def six_bands(folder: Path) -> Path:
    """10000 × 10000 pixels of six bands of U16, as a COG packed by Deflate."""
    options = {"compress": "deflate", "predictor": "yes"}
    return _kept(folder / "six-bands.tif", SIX_BANDS_SIDE, _six_bands, options)


def without_overviews(folder: Path) -> Path:
    """10000 × 10000 pixels of red, green and blue, in rows, neither packed nor with overviews."""
    return _kept(folder / "without-overviews.tif", PLAIN_SIDE, _colours, None)


def _kept(path: Path, side: int, strip: Strip, options: dict[str, Any] | None) -> Path:
    """The path of a scene, which is made if it isn't there; without options it isn't a COG."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"making {path}", file=sys.stderr)
    plain, unfinished = path.with_suffix(".plain"), path.with_suffix(".unfinished")
    try:
        _write(plain, side, strip)
        if options is None:
            plain.rename(path)
            return path
        options = options | {"overview_resampling": "average", "bigtiff": "yes"}
        copy(plain, unfinished, driver="COG", num_threads="all_cpus", **options)
        unfinished.rename(path)
    finally:
        plain.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    return path


def _write(path: Path, side: int, strip: Strip) -> None:
    random = np.random.default_rng(1)
    first = strip(0, side, random)
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": side,
        "height": side,
        "count": len(first),
        "dtype": first.dtype,
        "crs": "EPSG:32613",
        "transform": from_origin(WEST, NORTH, 1, 1),
        "interleave": "pixel",
    }
    if len(first) == 3:
        profile["photometric"] = "rgb"
    with rasterio.open(path, "w", **profile) as dataset:
        for top in range(0, side, STRIP):
            values = first if top == 0 else strip(top, side, random)
            dataset.write(values, window=Window(0, top, side, STRIP))


def _colours(top: int, side: int, random: np.random.Generator) -> NDArray[np.uint8]:
    wide, narrow = _waves(top, side)
    bands = [
        120 + 50 * wide + 30 * narrow,
        110 - 40 * wide + 35 * narrow,
        90 + 25 * (wide + narrow),
    ]
    return (np.stack(bands) + 12 * _noise(3, side, random)).clip(0, 255).astype("u1")


def _heights(top: int, side: int, random: np.random.Generator) -> NDArray[np.float32]:
    """In metres, with steps of a 64th."""
    wide, narrow = _waves(top, side)
    heights = 2400 + 600 * wide + 5 * narrow + 0.1 * _noise(1, side, random)[0]
    return (np.round(heights * 64) / 64)[None].astype("f4")


def _six_bands(top: int, side: int, random: np.random.Generator) -> NDArray[np.uint16]:
    wide, narrow = _waves(top, side)
    bands = [
        900 + 300 * band + (400 - 90 * band) * wide + (150 + 40 * band) * narrow
        for band in range(6)
    ]
    return (np.stack(bands) + 40 * _noise(6, side, random)).clip(1, 65535).astype("u2")


def _waves(top: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`(y, x)` each: hills and valleys from 30 to 3000 pixels wide, from -1 to 1."""
    x = np.arange(side, dtype="f4")
    y = np.arange(top, top + STRIP, dtype="f4")[:, None]
    wide = np.sin(x / 480) * np.cos(y / 390)
    return wide, np.sin(x / 9 + 3 * wide[0]) * np.sin(y / 11)


_drawn: dict[tuple[int, int], NDArray[np.float32]] = {}


def _noise(bands: int, side: int, random: np.random.Generator) -> NDArray[np.float32]:
    """`(band, y, x)` of deviation 1: a part, at a random place, of a wider strip drawn once."""
    key = bands, side
    if key not in _drawn:
        _drawn[key] = random.standard_normal((bands, STRIP, side + 997), dtype="f4")
    start = int(random.integers(997))
    return _drawn[key][:, :, start : start + side]
