"""TIFFs whose numbers lie in the file as they are, row behind row: any part of a row is read alone.

Nothing of them is kept, as the system does that.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled
from .thinned import Thinned
from .tiff_tiles import TiledLevel, Unusual

Bands = list[tuple[int, int]]
"""Pairs of a band wanted, and of the band among those that lie together that gives it."""

_AT_ONCE = 256 * 2**10
"""Bytes of rows that are read before they are taken apart, while they are in the processor."""


def copy_rows(
    file: int,
    level: TiledLevel,
    plane: int,
    rows: Thinned,
    columns: Thinned,
    bands: Bands,
    out: NDArray[Any],
) -> None:
    """Copy pixels of one plane to their places.

    Args:
        file: number of the open file.
        level: whose numbers lie in rows.
        plane: band, where each has rows of its own; else 0.
        rows: that are wanted.
        columns: that are wanted.
        bands: that are wanted of this plane.
        out: `(band, y, x)`.

    Raises:
        Unusual: the file has no such rows, or ends before them.
    """
    size = level.samples_of_tile * level.dtype.itemsize
    length = (columns.last + 1 - columns.first) * size
    offsets = _offsets(level, plane, rows) + columns.first * size
    room = np.empty((min(rows.count, max(_AT_ONCE // length, 1)), length), np.uint8)
    wanted, given = (np.array(each) for each in zip(*bands, strict=True))
    for top in range(0, rows.count, len(room)):
        some = offsets[top : top + len(room)]
        for line, offset in zip(room, some.tolist(), strict=False):
            read_into(file, line, offset)
        pixels = room[: len(some)].view(level.dtype).reshape(len(some), -1, level.samples_of_tile)
        _take_apart(pixels, columns.step, wanted, given, out[:, top : top + len(some)])


def _offsets(level: TiledLevel, plane: int, rows: Thinned) -> NDArray[np.int64]:
    """Where in the file each row begins."""
    height = level.tile_yx[0]
    row_bytes = level.tile_bytes // height
    at = np.arange(rows.first, rows.last + 1, rows.step)
    strips = at // height + plane * level.in_a_plane
    needed = (at % height + 1) * row_bytes
    if (level.offsets[strips] <= 0).any() or (level.counts[strips] < needed).any():
        raise Unusual
    return np.asarray(level.offsets[strips] + at % height * row_bytes)


def read_at(file: int, offset: int, count: int) -> bytes:
    """So many bytes of an open file, or fewer at its end."""
    if hasattr(os, "pread"):
        return os.pread(file, count, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, count)


def read_into(file: int, line: NDArray[np.uint8], offset: int) -> None:
    """Fill a run of bytes from an open file; raises `Unusual` at its end."""
    if hasattr(os, "preadv"):
        count = os.preadv(file, [line.data], offset)
    else:
        data = read_at(file, offset, len(line))
        count = len(data)
        line[:count] = np.frombuffer(data, np.uint8)
    if count != len(line):
        raise Unusual


@compiled
def _take_apart(
    pixels: Any, step: int, wanted: Any, given: Any, out: Any
) -> None:  # pragma: no cover - compiled
    """From `(y, x, sample)`, each `step`th column, to `(band, y, x)`."""
    for y in range(out.shape[1]):
        for n in range(wanted.size):
            row, sample = out[wanted[n], y], np.uintp(given[n])
            for x in range(row.size):
                row[x] = pixels[y, np.uintp(x * step), sample]


def warm(dtype: np.dtype[Any]) -> None:
    """Compile, or load from disk, what rows of a type need."""
    one = np.zeros(1, np.int64)
    _take_apart(np.zeros((1, 1, 1), dtype), 1, one, one, np.zeros((1, 1, 1), dtype))
