"""What TIFF's floating point predictor did to numbers, undone in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled


def summed_floats(stored: NDArray[np.uint8], samples: int, size: int) -> NDArray[np.uint8]:
    """Floats that the predictor (Adobe's Technical Note 3 on TIFF) has taken apart.

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
    if dtype.kind == "f":
        summed_floats(np.zeros((1, dtype.itemsize), np.uint8), 1, dtype.itemsize)
