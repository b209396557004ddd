"""Tiled TIFFs of this machine, and those in strips, read without GDAL.

GDAL reads them too, and whatever is unusual is left to it; but here the decoders are the quickest
that are kept well, no lock is held while they work, and each tile is unpacked once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from ...geo.grid import Window
from .budget import most_table_bytes, most_tile_bytes
from .kept import KeptThings, forgotten_by_children
from .levels import Ranges, assembled
from .settings import bound_gdal
from .source import Level
from .spreading import Spreading
from .thinned import Part, Thinned
from .tiff_rows import Bands, copy_rows, read_at
from .tiff_tiles import TiledFile, TiledLevel, Unusual, tiled_file
from .versions import State, replaced, state_of

_SIDE = 256
_ROWS_BYTES = 512 * 2**10
_FEW_BYTES = 2**20
"""Of a table that is read again in a millisecond or two."""

kept = forgotten_by_children(KeptThings(most_tile_bytes))
"""Tiles as they were unpacked."""

_tables = forgotten_by_children(KeptThings(most_table_bytes))
"""Where the tiles of files lie."""


def read_tiles(
    path: str,
    state: State,
    version: str,
    level: Level,
    base_yx: tuple[int, int],
    window: Window,
    bands: Sequence[int],
    dtype: str,
) -> NDArray[Any] | None:
    """`(band, y, x)`: a window of a level, or `None` where it is for GDAL to read.

    That is so too where a tile is damaged: GDAL says what is wrong with it.

    Args:
        path: of a raster that GDAL takes for a GeoTIFF, a file of this machine.
        state: of the file that is meant. Another one may be there for a moment, and gone again
            before anybody looks.
        version: of the file and of what lies beside it.
        level: one that `describe` found.
        base_yx: shape of the overview, or full resolution, that holds the level.
        window: inside the level.
        bands: GDAL's numbers, from 1.
        dtype: NumPy's name of the type that is expected.

    Raises:
        SourceError: it is another file.
    """
    samples = [band - 1 for band in bands]
    try:
        with _opened(path, state) as number:
            file = _tables.get((path, version), partial(_table, number))
            found = file.levels.get(base_yx)
            if found is None or found.dtype != np.dtype(dtype) or max(bands) > found.samples:
                return None
            opened = _Opened(path=path, version=version, file=number, level=found)
            if level.step == 1:
                return _range(opened, samples, (window.rows, window.columns), window.shape_yx)
            return _stepped(opened, samples, level, window)
    except (MemoryError, SourceError):
        raise
    except Exception:
        # Decoders raise what they like.
        return None


def _table(file: int) -> TiledFile:
    """Where the tiles lie; of too many to be kept none, as they would be looked for each time."""
    table = tiled_file(file)
    return table if table.nbytes <= max(most_table_bytes(), _FEW_BYTES) else TiledFile(levels={})


def forget(path: str) -> None:
    """Drop what was read of a file that turned out to be another one."""
    for things in (kept, _tables):
        things.drop(lambda key: isinstance(key, tuple) and key[0] == path)


@contextmanager
def _opened(path: str, state: State) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if state_of(file) != state:
            raise replaced(path)
        yield file
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Opened:
    """A level of a file that is open."""

    path: str
    version: str
    file: int
    level: TiledLevel

    def tile(self, number: int, is_kept: bool) -> NDArray[Any] | Future[NDArray[Any]]:
        """A tile `(y, x, band)`, or what will be one: another thread unpacks it just now."""
        make = partial(_unpacked, self.file, self.level, number)
        key = (self.path, self.version, self.level.shape_yx, number)
        return kept.get_now(key, make) if is_kept else make()


def _stepped(opened: _Opened, samples: list[int], level: Level, window: Window) -> NDArray[Any]:
    """A window of a level that no overview holds: blocks of it are kept, as tiles are."""
    base = opened.level
    height, width = _block_yx(base, level, len(samples))
    rows, columns = Thinned(*_run(window.rows)), Thinned(*_run(window.columns))
    out = np.empty((len(samples), *window.shape_yx), base.dtype)
    places = [(row, column) for row in rows.blocks(height) for column in columns.blocks(width)]
    # What wouldn't stay until it is wanted again must not drive out what would.
    if len(places) * height * width * out[:, :1, :1].nbytes > most_tile_bytes() // 2:
        return assembled(partial(_range, opened, samples), level, window, base.shape_yx)
    for row, column in places:
        block = _block(opened, samples, level, (row, column), (height, width))
        down, across = rows.within(row * height, height), columns.within(column * width, width)
        out[:, down.here, across.here] = block[:, down.there, across.there]
    bound_gdal(kept.nbytes + _tables.nbytes)
    return out


def _run(ends: tuple[int, int]) -> tuple[int, int, int]:
    return ends[0], 1, ends[1] - ends[0]


def _block_yx(base: TiledLevel, level: Level, bands: int) -> tuple[int, int]:
    """Blocks of a stepped level as its base can be read: in whole rows, or in squares."""
    if not base.in_strips:
        return _SIDE, _SIDE
    width = level.shape_yx[1]
    return max(_ROWS_BYTES // (width * bands * base.dtype.itemsize), 1), width


def _block(
    opened: _Opened,
    samples: list[int],
    level: Level,
    place: tuple[int, int],
    size_yx: tuple[int, int],
) -> NDArray[Any]:
    """`(band, y, x)`: one of the blocks that a stepped level is kept in; the last are smaller."""
    ends = zip(place, size_yx, level.shape_yx, strict=True)
    rows, columns = ((at * size, min((at + 1) * size, most)) for at, size, most in ends)
    window, base_yx = Window(rows=rows, columns=columns), opened.level.shape_yx
    make = partial(assembled, partial(_range, opened, samples), level, window, base_yx)
    key = (opened.path, opened.version, base_yx, level.step, *samples, window)
    return kept.get(key, make)


def _range(
    opened: _Opened, samples: list[int], where: Ranges, shape_yx: tuple[int, int]
) -> NDArray[Any]:
    """`(band, y, x)`: what `assembled` asks for."""
    rows, columns = (
        Thinned(start, (stop - start) // count, count)
        for (start, stop), count in zip(where, shape_yx, strict=True)
    )
    level = opened.level
    out = np.empty((len(samples), *shape_yx), level.dtype)
    planes = {p: _of_plane(level, p, samples) for p in (set(samples) if level.planar else {0})}
    for plane, bands in planes.items():
        if level.is_in_rows:
            copy_rows(opened.file, level, plane, rows, columns, bands, out)
        else:
            _copy_tiles(opened, plane, rows, columns, bands, out)
    return out


def _copy_tiles(
    opened: _Opened,
    plane: int,
    rows: Thinned,
    columns: Thinned,
    bands: Bands,
    out: NDArray[Any],
) -> None:
    level, spreading, later = opened.level, Spreading(bands, out), []
    (height, width), is_kept = level.tile_yx, rows.step == columns.step == 1
    places = product(_parts(rows, height), _parts(columns, width))
    for (row, rows_here), (column, columns_here) in places:
        tile = opened.tile(plane * level.in_a_plane + row * level.across + column, is_kept)
        # Threads that read one below the other want the same tiles: each goes on with another.
        if isinstance(tile, Future):
            later.append((tile, rows_here, columns_here))
        else:
            spreading.add(tile, rows_here, columns_here)
    for promised, rows_here, columns_here in later:
        spreading.add(promised.result(), rows_here, columns_here)
    spreading.end()
    bound_gdal(kept.nbytes + _tables.nbytes)


# All strips of a picture have the same columns.
@lru_cache(maxsize=64)
def _parts(pixels: Thinned, size: int) -> tuple[tuple[int, Part], ...]:
    """The tiles along an axis in which there are any of the pixels, and which."""
    return tuple((at, pixels.within(at * size, size)) for at in pixels.blocks(size))


def _of_plane(level: TiledLevel, plane: int, samples: list[int]) -> Bands:
    if level.planar:
        return [(at, 0) for at, sample in enumerate(samples) if sample == plane]
    return list(enumerate(samples))


def _unpacked(file: int, level: TiledLevel, number: int) -> NDArray[Any]:
    offset, count = int(level.offsets[number]), int(level.counts[number])
    if offset == 0 or not 0 < count <= level.most_packed_bytes:
        raise Unusual
    data = read_at(file, offset, count)
    rows = level.rows_of(number)
    tile = level.unpack(data, rows)
    shape = rows, level.tile_yx[1], level.samples_of_tile
    if len(data) != count or tile.shape != shape or tile.dtype != level.dtype:
        raise Unusual
    return tile
