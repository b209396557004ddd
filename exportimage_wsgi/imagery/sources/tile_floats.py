"""What TIFF's floating point predictor did to numbers, undone in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ...compiled import compiled

_LANES = 64
_BYTE, _INDEX = ir.IntType(8), ir.IntType(32)
_BYTES = ir.VectorType(_BYTE, _LANES)


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


@intrinsic
def _running_totals(
    typing_context: Any, stored: Any, first: Any, before: Any, totals: Any
) -> Any:  # pragma: no cover - compiled
    """Sums of a few bytes, of each and all before it; gives the last.

    Args:
        typing_context: given by numba.
        stored: `(byte,)`, contiguous.
        first: index of the first; those of a vector must be there.
        before: sum of what lies before it.
        totals: `(byte,)`, contiguous, which get the sums.
    """
    return types.uint8(stored, types.intp, types.uint8, totals), _totals_generated


def _totals_generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The instructions: each is added to those 1, 2, 4 … behind it."""

    def place(number: int) -> Any:
        array = context.make_array(signature.args[number])(context, builder, args[number])
        return builder.bitcast(builder.gep(array.data, [args[1]]), _BYTES.as_pointer())

    def of_lanes(lanes: list[int]) -> Any:
        return ir.Constant(ir.VectorType(_INDEX, _LANES), lanes)

    none = ir.Constant(_BYTES, [0] * _LANES)
    sums = builder.load(place(0), align=1)
    count = 1
    while count < _LANES:
        behind = [_LANES if n < count else n - count for n in range(_LANES)]
        sums = builder.add(sums, builder.shuffle_vector(sums, none, of_lanes(behind)))
        count *= 2
    carried = builder.insert_element(none, args[2], _INDEX(0))
    sums = builder.add(sums, builder.shuffle_vector(carried, none, of_lanes([0] * _LANES)))
    builder.store(sums, place(3), align=1)
    return builder.extract_element(sums, _INDEX(_LANES - 1))


running_totals: Any = _running_totals
"""As compiled code calls it: without the typing context."""


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
            total, whole = np.uint8(0), length // _LANES * _LANES
            for at in range(0, whole, _LANES):
                total = running_totals(stored[y], at, total, row)
            for at in range(whole, length):
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
