"""From the numbers in a tile to pixels: compiled, one pass each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled

_WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def spread(
    tile: NDArray[Any],
    of_yx: tuple[int, int],
    out: NDArray[Any],
    to_yx: tuple[int, int],
    shape_yx: tuple[int, int],
    bands: NDArray[np.int64],
) -> None:
    """Copy a rectangle of a tile `(y, x, band)` into pixels `(band, y, x)`.

    Args:
        tile: contiguous, as `out`, and of its type.
        of_yx: first row and column in the tile.
        to_yx: first row and column in `out`.
        shape_yx: rows and columns to copy.
        bands: `(2, n)`: bands of `out`, and the bands of the tile that they get.
    """
    word = _WORDS[out.itemsize]
    _spread(tile.view(word), *of_yx, out.view(word), *to_yx, *shape_yx, bands)


@compiled
def _spread(
    tile: NDArray[Any],
    top: int,
    left: int,
    out: NDArray[Any],
    y: int,
    x: int,
    height: int,
    width: int,
    bands: NDArray[np.int64],
) -> None:
    for row in range(height):
        for number in range(bands.shape[1]):
            band, sample = bands[0, number], bands[1, number]
            for column in range(width):
                out[band, y + row, x + column] = tile[top + row, left + column, sample]


def summed_floats(stored: NDArray[np.uint8], samples: int, size: int) -> NDArray[np.uint8]:
    """Floats that TIFF's floating point predictor (Technical Note 3) has taken apart.

    Args:
        stored: `(y, bytes)`: of each row differences of bytes, the highest of all numbers first.
        samples: numbers of a pixel.
        size: bytes of a number.

    Returns:
        `(y, bytes)`: rows of numbers, lowest byte first.
    """
    out = np.empty_like(stored)
    _sum_floats(stored, samples, size, np.empty(stored.shape[1], np.uint8), out)
    return out


@compiled
def _sum_floats(
    stored: NDArray[np.uint8],
    samples: int,
    size: int,
    row: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    length = stored.shape[1]
    count = length // size
    for y in range(stored.shape[0]):
        if samples == 1:
            total = np.uint8(0)
            for at in range(length):
                total = np.uint8(total + stored[y, at])
                row[at] = total
        else:
            row[:samples] = stored[y, :samples]
            for at in range(samples, length):
                row[at] = np.uint8(row[at - samples] + stored[y, at])
        if size == 4:
            for at in range(count):
                out[y, 4 * at] = row[3 * count + at]
                out[y, 4 * at + 1] = row[2 * count + at]
                out[y, 4 * at + 2] = row[count + at]
                out[y, 4 * at + 3] = row[at]
        else:
            for at in range(count):
                for byte in range(size):
                    out[y, size * at + byte] = row[(size - 1 - byte) * count + at]


def warm(dtype: np.dtype[Any]) -> None:
    """Compile, or load from disk, what tiles of a type need."""
    word = np.dtype(_WORDS[dtype.itemsize])
    bands = np.zeros((2, 1), np.int64)
    spread(np.zeros((1, 1, 1), word), (0, 0), np.zeros((1, 1, 1), word), (0, 0), (1, 1), bands)
    if dtype.kind == "f":
        summed_floats(np.zeros((1, dtype.itemsize), np.uint8), 1, dtype.itemsize)
