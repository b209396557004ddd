"""A sum over sixteen pixels in vector instructions, which the compiler doesn't find by itself."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(32)
_FOUR = ir.VectorType(_DOUBLE, 4)
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
    if not isinstance(source, types.Array) or source.layout != "C" or source.ndim != 3:
        return None
    indices = (types.intp, types.intp, types.intp)
    return types.float64(source, *indices, _WEIGHTS, _WEIGHTS), _generated


def _generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The instructions: four loads of four values, added up by columns, then across."""
    kind = signature.args[0].dtype
    array = context.make_array(signature.args[0])(context, builder, args[0])
    strides = cgutils.unpack_tuple(builder, array.strides, 3)
    loaded = ir.VectorType(context.get_data_type(kind), 4)
    place = _sum(builder, [builder.mul(i, s) for i, s in zip(args[1:4], strides, strict=True)])
    base = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    columns = []
    for weight in cgutils.unpack_tuple(builder, args[4], 4):
        at = builder.bitcast(builder.gep(base, [place]), loaded.as_pointer())
        values = _as_doubles(builder, builder.load(at, align=1), kind)
        columns.append(builder.fmul(values, _repeated(builder, weight)))
        place = builder.add(place, strides[1])
    across = ir.Constant(_FOUR, ir.Undefined)
    for number, weight in enumerate(cgutils.unpack_tuple(builder, args[5], 4)):
        across = builder.insert_element(across, weight, _INDEX(number))
    upper = builder.fadd(builder.fadd(columns[0], columns[1]), columns[2])
    weighed = builder.fmul(builder.fadd(upper, columns[3]), across)
    parts = [builder.extract_element(weighed, _INDEX(number)) for number in range(4)]
    return builder.fadd(builder.fadd(builder.fadd(parts[0], parts[1]), parts[2]), parts[3])


def _sum(builder: Any, numbers: list[Any]) -> Any:
    return builder.add(builder.add(numbers[0], numbers[1]), numbers[2])


def _as_doubles(builder: Any, values: Any, kind: Any) -> Any:
    if isinstance(kind, types.Integer):
        is_signed = kind.name.startswith("int")
        convert = builder.sitofp if is_signed else builder.uitofp
        return convert(values, _FOUR)
    return values if kind == types.float64 else builder.fpext(values, _FOUR)


def _repeated(builder: Any, number: Any) -> Any:
    vector = builder.insert_element(ir.Constant(_FOUR, ir.Undefined), number, _INDEX(0))
    first = ir.Constant(ir.VectorType(_INDEX, 4), [0] * 4)
    return builder.shuffle_vector(vector, vector, first)


sixteen: Any = _sixteen
"""As compiled code calls it: without the typing context."""
