"""Tiled TIFFs of this machine, read tile by tile.

GDAL reads them too, and whatever is unusual is left to it; but here the decoders are the quickest
that are kept well, no lock is held while they work, and each tile is unpacked once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geo.grid import Window
from .budget import most_tile_bytes
from .kept import KeptThings, forgotten_by_children
from .settings import bound_gdal
from .source import Level
from .tiff_tiles import TiledLevel, Unusual, tiled_file
from .versions import is_address

kept = forgotten_by_children(KeptThings(most_tile_bytes))
"""Tiles as they were unpacked, and where the tiles of files lie."""


def read_tiles(
    path: str, version: str, level: Level, window: Window, bands: Sequence[int], dtype: str
) -> NDArray[Any] | None:
    """`(band, y, x)`: a window of a level, or `None` where it is for GDAL to read.

    That is so too where a tile is damaged: GDAL says what is wrong with it.

    Args:
        path: of a raster that GDAL takes for a GeoTIFF.
        version: of the file, now.
        level: one that `describe` found.
        window: inside the level.
        bands: GDAL's numbers, from 1.
        dtype: NumPy's name of the type that is expected.
    """
    if level.step > 1 or is_address(path):
        return None
    file = kept.get((path, version), partial(tiled_file, path))
    found = file.levels.get(level.shape_yx)
    if found is None or found.dtype != np.dtype(dtype) or max(bands) > found.samples:
        return None
    try:
        return _assembled(path, version, found, window, [band - 1 for band in bands])
    except MemoryError:
        raise
    except Exception:
        # Decoders raise what they like.
        return None


def _assembled(
    path: str, version: str, level: TiledLevel, window: Window, samples: list[int]
) -> NDArray[Any]:
    out = np.empty((len(samples), *window.shape_yx), level.dtype)
    planes = {p: _of_plane(level, p, samples) for p in (set(samples) if level.planar else {0})}
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        for row, column in _touched(level, window):
            for plane, bands in planes.items():
                number = plane * level.in_a_plane + row * level.across + column
                key = (path, version, level.shape_yx, number)
                tile = kept.get(key, partial(_unpacked, file, level, number))
                _spread(tile, (row, column), level, window, bands, out)
    finally:
        os.close(file)
        bound_gdal(kept.nbytes)
    return out


def _touched(level: TiledLevel, window: Window) -> Iterator[tuple[int, int]]:
    """Rows and columns of the tiles that a window lies on.

    Every other window goes from right to left: threads that read one below the other want the same
    tiles, and so meet in the middle instead of waiting for each other.
    """
    (top, bottom), (left, right) = window.rows, window.columns
    height, width = level.tile_yx
    columns = range(left // width, -(-right // width))
    for row in range(top // height, -(-bottom // height)):
        for column in reversed(columns) if top // (bottom - top) % 2 else columns:
            yield row, column


def _of_plane(level: TiledLevel, plane: int, samples: list[int]) -> list[tuple[int, int]]:
    """Pairs of a band wanted, and of the band in tiles of this plane that gives it."""
    if level.planar:
        return [(at, 0) for at, sample in enumerate(samples) if sample == plane]
    return list(enumerate(samples))


def _unpacked(file: int, level: TiledLevel, number: int) -> NDArray[Any]:
    offset, count = int(level.offsets[number]), int(level.counts[number])
    if offset == 0 or count == 0:
        raise Unusual
    data = _read_at(file, offset, count)
    tile = level.unpack(data)
    samples = 1 if level.planar else level.samples
    if len(data) != count or tile.shape != (*level.tile_yx, samples) or tile.dtype != level.dtype:
        raise Unusual
    return tile


def _read_at(file: int, offset: int, count: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, count, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, count)


def _spread(
    tile: NDArray[Any],
    place: tuple[int, int],
    level: TiledLevel,
    window: Window,
    bands: list[tuple[int, int]],
    out: NDArray[Any],
) -> None:
    """Copy what of the tile is in the window."""
    runs = zip(place, level.tile_yx, (window.rows, window.columns), strict=True)
    to, of = zip(*(_overlap(at * size, size, run) for at, size, run in runs), strict=True)
    part = np.moveaxis(tile[of], -1, 0)
    if len(bands) == len(out) == len(part) and all(band == sample for band, sample in bands):
        out[(slice(None), *to)] = part
        return
    for band, sample in bands:
        out[(band, *to)] = part[sample]


def _overlap(start: int, size: int, run: tuple[int, int]) -> tuple[slice, slice]:
    """Of a tile and a run of pixels: the part they share, in the run and in the tile."""
    first, last = max(start, run[0]), min(start + size, run[1])
    return slice(first - run[0], last - run[0]), slice(first - start, last - start)
