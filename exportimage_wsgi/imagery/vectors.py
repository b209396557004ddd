"""Weighed sums of pixels in vector instructions, which the compiler doesn't find by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

DOUBLE, FLOAT, BYTE = ir.DoubleType(), ir.FloatType(), ir.IntType(8)
LONG, _INDEX = ir.IntType(64), ir.IntType(32)
_FOUR = ir.VectorType(DOUBLE, 4)
_WEIGHTS = types.UniTuple(types.float64, 4)


@intrinsic
def _sixteen(
    typing_context: Any, source: Any, band: Any, row: Any, column: Any, down: Any, across: Any
) -> Any:
    """Sum of four rows by four columns of a band, each value times two weights; for compiled code.

    Args:
        typing_context: given by numba.
        source: `(band, y, x)`, contiguous, of numbers that aren't complex.
        band: index.
        row: index of the first row; it and the three after it must be in the array.
        column: index of the first column, likewise.
        down: weights of the rows.
        across: weights of the columns.
    """
    if not is_cube(source):
        return None
    indices = (types.intp, types.intp, types.intp)
    return types.float64(source, *indices, _WEIGHTS, _WEIGHTS), _generated


def _generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The instructions: four loads of four values, added up by columns, then across."""
    part = Part(context, builder, signature.args[0], args[0], args[1:4])
    columns = []
    for row, weight in enumerate(cgutils.unpack_tuple(builder, args[4], 4)):
        values = as_reals(builder, part.load(LONG(row), LONG(0), 4), part.kind, DOUBLE)
        columns.append(builder.fmul(values, repeated(builder, weight, 4)))
    across = ir.Constant(_FOUR, ir.Undefined)
    for number, weight in enumerate(cgutils.unpack_tuple(builder, args[5], 4)):
        across = builder.insert_element(across, weight, _INDEX(number))
    upper = builder.fadd(builder.fadd(columns[0], columns[1]), columns[2])
    weighed = builder.fmul(builder.fadd(upper, columns[3]), across)
    parts = [builder.extract_element(weighed, _INDEX(number)) for number in range(4)]
    return builder.fadd(builder.fadd(builder.fadd(parts[0], parts[1]), parts[2]), parts[3])


def is_cube(array: Any) -> bool:
    """Is it the type of a contiguous array of three dimensions?"""
    return isinstance(array, types.Array) and array.layout == "C" and array.ndim == 3


class Part:
    """Part of an array `(band, y, x)` from one pixel on, as instructions see it."""

    def __init__(self, context: Any, builder: Any, array: Any, value: Any, first: Any) -> None:
        made = context.make_array(array)(context, builder, value)
        self.kind, self._builder = array.dtype, builder
        self._type = context.get_data_type(array.dtype)
        strides = cgutils.unpack_tuple(builder, made.strides, 3)
        self._line = strides[1]
        places = [builder.mul(i, s) for i, s in zip(first, strides, strict=True)]
        place = builder.add(builder.add(places[0], places[1]), places[2])
        self._first = builder.gep(builder.bitcast(made.data, BYTE.as_pointer()), [place])

    def load(self, row: Any, column: Any, count: int) -> Any:
        """So many values beside each other."""
        builder, vector = self._builder, ir.VectorType(self._type, count)
        line = builder.gep(self._first, [builder.mul(row, self._line)])
        at = builder.gep(builder.bitcast(line, self._type.as_pointer()), [column])
        return builder.load(builder.bitcast(at, vector.as_pointer()), align=1)


def as_reals(builder: Any, values: Any, kind: Any, real: Any) -> Any:
    """A vector of numbers of a kind as one of doubles, or of floats."""
    wanted = ir.VectorType(real, values.type.count)
    if isinstance(kind, types.Integer):
        is_signed = kind.name.startswith("int")
        convert = builder.sitofp if is_signed else builder.uitofp
        return convert(values, wanted)
    if values.type == wanted:
        return values
    return (builder.fptrunc if real == FLOAT else builder.fpext)(values, wanted)


def repeated(builder: Any, number: Any, count: int) -> Any:
    """A vector of so many times the number."""
    undefined = ir.Constant(ir.VectorType(number.type, count), ir.Undefined)
    vector = builder.insert_element(undefined, number, _INDEX(0))
    first = ir.Constant(ir.VectorType(_INDEX, count), [0] * count)
    return builder.shuffle_vector(vector, vector, first)


sixteen: Any = _sixteen
"""As compiled code calls it: without the typing context."""
