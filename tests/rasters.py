"""Rasters for tests: scenes whose value is a known function of place, and a source of arrays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.transform import from_bounds

from exportimage_wsgi.geo.crs import CRS, crs_from_wkid
from exportimage_wsgi.geo.extent import Extent
from exportimage_wsgi.geo.grid import Grid, Window
from exportimage_wsgi.imagery.sources.source import Level, SourceInfo
from exportimage_wsgi.pixels import Pixels, pixel_type_of


def extent(xmin: float, ymin: float, xmax: float, ymax: float, wkid: int) -> Extent:
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs_from_wkid(wkid))


def grid(bounds: tuple[float, float, float, float], wkid: int, size_wh: tuple[int, int]) -> Grid:
    return Grid.over(extent(*bounds, wkid), size_wh)


def write(
    path: Path | str,
    data: Any,
    bounds: tuple[float, float, float, float],
    crs: str,
    **profile: Any,
) -> str:
    """Write `(band, y, x)` as a north-up GeoTIFF; the path as text."""
    bands, height, width = data.shape
    settings = {
        "driver": "GTiff",
        "count": bands,
        "height": height,
        "width": width,
        "dtype": data.dtype,
        "crs": crs,
        "transform": from_bounds(*bounds, width, height),
    } | profile
    with rasterio.open(path, "w", **settings) as dataset:
        dataset.write(data)
    return str(path)


def waves(shape_yx: tuple[int, int], bands: int = 1, dtype: str = "float32") -> Any:
    """`(band, y, x)`: a smooth scene between 10 and 220, a little brighter in each band.

    Its right edge goes on as its left edge begins, so that it can lie around the world.
    """
    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]]
    turn = 2 * np.pi * x / shape_yx[1]
    scene = 115 + 60 * np.sin(11 * turn) + 45 * np.cos(y / 7 + 3 * turn)
    return np.stack([scene + 5 * band for band in range(bands)]).astype(dtype)


def classes(shape_yx: tuple[int, int]) -> Any:
    """`(1, y, x)` U8: patches of five classes."""
    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]]
    return ((x // 23 + 2 * (y // 17)) % 5)[None].astype("uint8")


@dataclass(frozen=True, eq=False)
class InMemory:
    """A source whose pixels are the arrays that it is given, one a level."""

    arrays: tuple[Any, ...]
    masks: tuple[Any, ...]
    info: SourceInfo

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        rows, columns = slice(*window.rows), slice(*window.columns)
        shape = self.arrays[level].shape[1:]
        assert 0 <= window.rows[0] < window.rows[1] <= shape[0]
        assert 0 <= window.columns[0] < window.columns[1] <= shape[1]
        return Pixels(
            self.arrays[level][list(bands), rows, columns], self.masks[level][:, rows, columns]
        )


def in_memory(
    array: Any,
    affine: Affine,
    crs: CRS,
    *,
    mask: Any = None,
    overviews: tuple[Any, ...] = (),
    **facts: Any,
) -> InMemory:
    """A source of `(band, y, x)`; `mask` is `(1 or band, y, x)`, 0 where there is no data."""
    arrays = (array, *overviews)
    levels = tuple(
        Level(
            shape_yx=a.shape[1:],
            scale_yx=(array.shape[1] / a.shape[1], array.shape[2] / a.shape[2]),
            overview=index - 1,
        )
        for index, a in enumerate(arrays)
    )
    masks = [np.broadcast_to(np.uint8(255), (1, *a.shape[1:])) for a in arrays]
    if mask is not None:
        masks[0] = mask
    usual: dict[str, Any] = {
        "grid": Grid(crs=crs, affine=affine, shape_yx=array.shape[1:]),
        "pixel_type": pixel_type_of(array.dtype),
        "band_names": tuple(f"Band_{band + 1}" for band in range(len(array))),
        "nodata": (None,) * len(array),
        "masked": mask is not None,
        "levels": levels,
        "version": "in memory",
    }
    return InMemory(arrays, tuple(masks), SourceInfo(**(usual | facts)))


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextmanager
def kept_from_us(path: Path) -> Iterator[None]:
    """Meanwhile nobody but root may read a file or folder, and we aren't root."""
    mode, user = path.stat().st_mode, os.geteuid()
    path.chmod(0)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(mode)
