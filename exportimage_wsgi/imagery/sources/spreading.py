"""Parts of tiles, whose bands lie side by side, laid out band by band."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ...compiled import compiled
from .thinned import Part
from .tiff_rows import Bands

_LANES = 16
_BYTE, _INDEX = ir.IntType(8), ir.IntType(32)


def spread(tile: NDArray[Any], down: Part, across: Part, bands: Bands, out: NDArray[Any]) -> None:
    """Copy a part of a tile `(y, x, band)` to its place in `out` `(band, y, x)`."""
    are_all = len(bands) == len(out) == tile.shape[2] and all(at == of for at, of in bands)
    if are_all and _are_coloured(tile, out) and down.there.step == across.there.step == 1:
        rows, columns = (each.here.stop - each.here.start for each in (down, across))
        top, left = down.there.start, across.there.start
        at = down.here.start, across.here.start
        _spread_colours(tile, top, left, rows, columns, *at, out)
        return
    there, here = tile[down.there, across.there], out[:, down.here, across.here]
    if are_all:
        here[:] = np.moveaxis(there, -1, 0)
        return
    for band, sample in bands:
        here[band] = there[..., sample]


def _are_coloured(tile: NDArray[Any], out: NDArray[Any]) -> bool:
    """Are they bytes of red, green and blue, as compiled code knows them?"""
    is_known = all(each.flags.c_contiguous and each.flags.writeable for each in (tile, out))
    return tile.dtype == np.uint8 and tile.shape[2] == 3 and is_known


@intrinsic
def _sixteen_colours(
    typing_context: Any, line: Any, red: Any, green: Any, blue: Any, first: Any
) -> Any:
    """Copy sixteen pixels of a row, each colour to a row of its own.

    Args:
        typing_context: given by numba.
        line: `(x, 3)`, whose pixels lie one behind the other, as do those of the others.
        red: `(x,)`, which get the values.
        green: likewise.
        blue: likewise.
        first: index of the first pixel; all sixteen must be there.
    """
    return types.void(line, red, green, blue, types.intp), _colours_generated


def _colours_generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The instructions: one load, of which each colour is every third byte."""

    def place(number: int, at: Any, count: int) -> Any:
        array = context.make_array(signature.args[number])(context, builder, args[number])
        data = builder.bitcast(array.data, _BYTE.as_pointer())
        return builder.bitcast(builder.gep(data, [at]), ir.VectorType(_BYTE, count).as_pointer())

    samples = 3
    first = builder.mul(args[4], ir.Constant(args[4].type, samples))
    pixels = builder.load(place(0, first, samples * _LANES), align=1)
    for sample in range(samples):
        lanes = [samples * n + sample for n in range(_LANES)]
        chosen = ir.Constant(ir.VectorType(_INDEX, _LANES), lanes)
        values = builder.shuffle_vector(pixels, pixels, chosen)
        builder.store(values, place(1 + sample, args[4], _LANES), align=1)
    return context.get_dummy_value()


sixteen_colours: Any = _sixteen_colours
"""As compiled code calls it: without the typing context."""


@compiled
def _spread_colours(
    tile: Any, top: int, left: int, rows: int, columns: int, at_y: int, at_x: int, out: Any
) -> None:  # pragma: no cover - compiled
    whole = columns // _LANES * _LANES
    for y in range(rows):
        line = tile[top + y, left:]
        red, green, blue = out[0, at_y + y, at_x:], out[1, at_y + y, at_x:], out[2, at_y + y, at_x:]
        for x in range(0, whole, _LANES):
            sixteen_colours(line, red, green, blue, x)
        for x in range(whole, columns):
            red[x], green[x], blue[x] = line[x, 0], line[x, 1], line[x, 2]


def warm() -> None:
    """Compile, or load from disk, what pictures need."""
    whole = Part(slice(0, 1), slice(0, 1, 1))
    bands = [(band, band) for band in range(3)]
    spread(np.zeros((1, 1, 3), np.uint8), whole, whole, bands, np.zeros((3, 1, 1), np.uint8))
