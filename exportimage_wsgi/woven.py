"""Rows of red, green and blue bytes, laid apart and side by side in vector instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

SIXTEEN = 16
"""Pixels that are taken at once."""

_COLOURS = 3
_BYTE, _INDEX = ir.IntType(8), ir.IntType(32)


@intrinsic
def _laid_apart(
    typing_context: Any, pixels: Any, red: Any, green: Any, blue: Any, first: Any
) -> Any:
    """Copy sixteen pixels of a row, each colour to a row of its own; for compiled code.

    Args:
        typing_context: given by numba.
        pixels: `(x, 3)`; all of the row lies in one piece, as do the others.
        red: `(x,)`, which get the values.
        green: likewise.
        blue: likewise.
        first: index of the first pixel; all sixteen must be there.
    """

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = _places(context, builder, signature, args)
        first = builder.mul(args[4], ir.Constant(args[4].type, _COLOURS))
        found = builder.load(at(0, first, _COLOURS * SIXTEEN), align=1)
        for colour in range(_COLOURS):
            lanes = [_COLOURS * n + colour for n in range(SIXTEEN)]
            values = builder.shuffle_vector(found, found, _lanes(lanes))
            builder.store(values, at(1 + colour, args[4], SIXTEEN), align=1)
        return context.get_dummy_value()

    return types.void(pixels, red, green, blue, types.intp), generated


@intrinsic
def _laid_together(
    typing_context: Any, red: Any, green: Any, blue: Any, pixels: Any, first: Any
) -> Any:
    """The inverse: `pixels` get the values."""

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at = _places(context, builder, signature, args)
        colours = [builder.load(at(n, args[4], SIXTEEN), align=1) for n in range(_COLOURS)]
        two = builder.shuffle_vector(*colours[:2], _lanes(range(2 * SIXTEEN)))
        last = builder.shuffle_vector(colours[2], colours[2], _lanes(range(2 * SIXTEEN)))
        lanes = [colour * SIXTEEN + n for n in range(SIXTEEN) for colour in range(_COLOURS)]
        first = builder.mul(args[4], ir.Constant(args[4].type, _COLOURS))
        woven = builder.shuffle_vector(two, last, _lanes(lanes))
        builder.store(woven, at(3, first, _COLOURS * SIXTEEN), align=1)
        return context.get_dummy_value()

    return types.void(red, green, blue, pixels, types.intp), generated


def _places(
    context: Any, builder: Any, signature: Any, args: Any
) -> Callable[[int, Any, int], Any]:
    """Where so many bytes of an argument are, from an index on."""

    def place(number: int, first: Any, count: int) -> Any:
        array = context.make_array(signature.args[number])(context, builder, args[number])
        data = builder.gep(builder.bitcast(array.data, _BYTE.as_pointer()), [first])
        return builder.bitcast(data, ir.VectorType(_BYTE, count).as_pointer())

    return place


def _lanes(numbers: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(_INDEX, len(numbers)), list(numbers))


@intrinsic
def _pointer(typing_context: Any, address: Any) -> Any:
    """An address as what `numba.carray` takes; for compiled code."""

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.uint8)(types.intp), generated


# As compiled code calls them: without the typing context.
laid_apart: Any = _laid_apart
laid_together: Any = _laid_together
pointer: Any = _pointer
