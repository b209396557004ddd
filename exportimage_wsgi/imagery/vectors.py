"""Weighed sums of pixels in vector instructions, which the compiler doesn't find by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

DOUBLE, FLOAT, BYTE = ir.DoubleType(), ir.FloatType(), ir.IntType(8)
LONG, _INDEX = ir.IntType(64), ir.IntType(32)
EIGHT = 8
"""Pixels that are made together."""

_SHORT = (types.uint8, types.uint16, types.int16)
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
    part = Part(context, builder, signature.args[0], args[0], args[1:4])
    down, across = (cgutils.unpack_tuple(builder, each, 4) for each in args[4:])
    return _sum_of_sixteen(builder, part, down, across)


def _sum_of_sixteen(builder: Any, part: Part, down: Sequence[Any], across: Sequence[Any]) -> Any:
    """The instructions: four loads of four values, added up by columns, then across."""
    rows = (as_reals(builder, part.load(LONG(n), LONG(0), 4), part.kind, DOUBLE) for n in range(4))
    columns = _weighed(builder, rows, [repeated(builder, weight, 4) for weight in down])
    return _weighed(builder, apart(builder, columns), across)


def _weighed(builder: Any, values: Iterable[Any], weights: Iterable[Any]) -> Any:
    """Sum of values times weights, from the first to the last: the order decides the last bit."""
    products = (builder.fmul(*each) for each in zip(values, weights, strict=True))
    return reduce(builder.fadd, products)


@intrinsic
def _eight_sums(
    typing_context: Any,
    source: Any,
    band: Any,
    at: Any,
    down: Any,
    across: Any,
    first: Any,
    sums: Any,
) -> Any:
    """What `sixteen` gives for eight pixels that are made together; for compiled code.

    Args:
        typing_context: given by numba.
        source: as of `sixteen`.
        band: index.
        at: `(pixel,)`: where in the band the first of the sixteen values is.
        down: `(4 or more, pixel)`, contiguous: weights of the rows.
        across: likewise of the columns.
        first: index of the first of the eight.
        sums: `(pixel,)`, which get the results.
    """
    if not is_cube(source):
        return None
    return types.void(source, types.intp, at, down, across, types.intp, sums), _eight_generated


def _eight_generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """The instructions; the eight are lanes where four values beside each other are one word."""
    source, _, at, down, across, _, sums = signature.args
    first = args[5]
    places = Part(context, builder, at, args[2], (first,)).load(LONG(0), LONG(0), EIGHT)
    parts = [
        Part(context, builder, source, args[0], (args[1], LONG(0), place))
        for place in apart(builder, places)
    ]
    tables = (
        Part(context, builder, down, args[3], (LONG(0), first)),
        Part(context, builder, across, args[4], (LONG(0), first)),
    )
    weights = [[table.load(LONG(n), LONG(0), EIGHT) for n in range(4)] for table in tables]
    sums_of = _sums_by_words if source.dtype in _SHORT else _sums_by_pixels
    Part(context, builder, sums, args[6], (first,)).store(sums_of(builder, parts, *weights))
    return context.get_dummy_value()


def _sums_by_pixels(
    builder: Any, parts: Sequence[Part], down: Sequence[Any], across: Sequence[Any]
) -> Any:
    lanes = [[apart(builder, each) for each in weights] for weights in (down, across)]
    sums = [
        _sum_of_sixteen(builder, part, *([each[n] for each in weights] for weights in lanes))
        for n, part in enumerate(parts)
    ]
    return together(builder, sums)


def _sums_by_words(
    builder: Any, parts: Sequence[Part], down: Sequence[Any], across: Sequence[Any]
) -> Any:
    rows = [together(builder, [part.load_word(LONG(row)) for part in parts]) for row in range(4)]
    columns = [
        _weighed(builder, [_value_of(builder, words, n, parts[0].kind) for words in rows], down)
        for n in range(4)
    ]
    return _weighed(builder, columns, across)


def _value_of(builder: Any, words: Any, number: int, kind: Any) -> Any:
    """One of the four values that each word has, as doubles."""
    bits, word = kind.bitwidth, words.type.element
    place = number if sys.byteorder == "little" else 3 - number

    def by(count: int) -> Any:
        return ir.Constant(words.type, [count] * EIGHT)

    shift = builder.ashr if kind.signed else builder.lshr
    found = shift(builder.shl(words, by((3 - place) * bits)), by(3 * bits))
    if word.width > _INDEX.width:
        found = builder.trunc(found, ir.VectorType(_INDEX, EIGHT))
    return builder.sitofp(found, ir.VectorType(DOUBLE, EIGHT))


def is_cube(array: Any) -> bool:
    """Is it the type of a contiguous array of three dimensions?"""
    return isinstance(array, types.Array) and array.layout == "C" and array.ndim == 3


class Part:
    """Part of a contiguous array from one element on, as instructions see it."""

    def __init__(self, context: Any, builder: Any, array: Any, value: Any, first: Any) -> None:
        made = context.make_array(array)(context, builder, value)
        self.kind, self._builder = array.dtype, builder
        self._type = context.get_data_type(array.dtype)
        strides = cgutils.unpack_tuple(builder, made.strides, array.ndim)
        self._line = strides[-2] if array.ndim > 1 else LONG(0)
        places = [builder.mul(i, s) for i, s in zip(first, strides, strict=True)]
        place = reduce(builder.add, places)
        self._first = builder.gep(builder.bitcast(made.data, BYTE.as_pointer()), [place])

    def load(self, row: Any, column: Any, count: int) -> Any:
        """So many values beside each other."""
        builder, vector = self._builder, ir.VectorType(self._type, count)
        at = builder.gep(builder.bitcast(self._line_at(row), self._type.as_pointer()), [column])
        return builder.load(builder.bitcast(at, vector.as_pointer()), align=1)

    def load_word(self, row: Any) -> Any:
        """The first four integers of a row as one."""
        word = ir.IntType(4 * self._type.width)
        at = self._builder.bitcast(self._line_at(row), word.as_pointer())
        return self._builder.load(at, align=1)

    def store(self, values: Any) -> None:
        """Put a vector at the beginning."""
        at = self._builder.bitcast(self._first, values.type.as_pointer())
        self._builder.store(values, at, align=1)

    def _line_at(self, row: Any) -> Any:
        return self._builder.gep(self._first, [self._builder.mul(row, self._line)])


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


def together(builder: Any, numbers: Sequence[Any]) -> Any:
    """A vector of the numbers."""
    vector = ir.Constant(ir.VectorType(numbers[0].type, len(numbers)), ir.Undefined)
    for place, number in enumerate(numbers):
        vector = builder.insert_element(vector, number, _INDEX(place))
    return vector


def apart(builder: Any, vector: Any) -> list[Any]:
    """The numbers of a vector."""
    return [builder.extract_element(vector, _INDEX(n)) for n in range(vector.type.count)]


sixteen: Any = _sixteen
"""As compiled code calls it: without the typing context."""

eight_sums: Any = _eight_sums
"""As `sixteen`."""
