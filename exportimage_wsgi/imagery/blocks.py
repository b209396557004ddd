"""Weighed sums over blocks of pixels, of any number of rows and columns, in vector instructions.

Each function takes where the block begins and its weights, and goes over its rows, eight columns at
once. Columns whose weight is 0 take no part, whatever is there. But memory is read up to the last
lane: what lies behind the last column must be there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .vectors import BYTE, DOUBLE, FLOAT, LONG, Part, as_reals, is_cube, repeated

LANES = 8
"""Columns that are taken at once; weights across are padded with 0 to a multiple of it."""

_WEIGHTS = types.Array(types.float64, 2, "C")
_BLOCK = (_WEIGHTS, types.intp, types.intp)
_INDICES = (types.intp, types.intp, types.intp)
_INDEX = ir.IntType(32)
_SHORT = (types.uint8, types.int16, types.uint16)


@intrinsic
def _total(
    typing_context: Any,
    source: Any,
    band: Any,
    row: Any,
    column: Any,
    weights: Any,
    rows: Any,
    columns: Any,
) -> Any:
    """Sum of the values, each times its two weights; for compiled code.

    Args:
        typing_context: given by numba.
        source: `(band, y, x)`, contiguous, of numbers that aren't complex.
        band: index.
        row: index of the first row.
        column: index of the first column.
        weights: `(2, any)`: of the rows, of the columns.
        rows: how many there are.
        columns: how many.
    """
    if not is_cube(source):
        return None

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        part = Part(context, builder, signature.args[0], args[0], args[1:4])
        real = _real_of(part.kind)
        block = _Block(context, builder, args[4:])
        return block.weighed(real, lambda y, x: _reals(builder, part, y, x, real))

    return types.float64(source, *_INDICES, *_BLOCK), generated


@intrinsic
def _total_of_valid(
    typing_context: Any,
    source: Any,
    band: Any,
    valid: Any,
    mask: Any,
    row: Any,
    column: Any,
    weights: Any,
    rows: Any,
    columns: Any,
) -> Any:
    """The same of the pixels that are valid."""
    if not (is_cube(source) and is_cube(valid)):
        return None

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        part = Part(context, builder, signature.args[0], args[0], (args[1], *args[4:6]))
        masks = Part(context, builder, signature.args[2], args[2], args[3:6])
        real = _real_of(part.kind)

        def values(y: Any, x: Any) -> Any:
            found = _reals(builder, part, y, x, real)
            return builder.select(_there(builder, masks, y, x), found, _all(real, 0.0))

        return _Block(context, builder, args[6:]).weighed(real, values)

    return types.float64(source, types.intp, valid, *_INDICES, *_BLOCK), generated


@intrinsic
def _weight_of_valid(
    typing_context: Any,
    valid: Any,
    mask: Any,
    row: Any,
    column: Any,
    weights: Any,
    rows: Any,
    columns: Any,
) -> Any:
    """Sum of both weights' products, of the pixels that are valid."""
    if not is_cube(valid):
        return None

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        masks = Part(context, builder, signature.args[0], args[0], args[1:4])

        def values(y: Any, x: Any) -> Any:
            there = _there(builder, masks, y, x)
            return builder.select(there, _all(DOUBLE, 1.0), _all(DOUBLE, 0.0))

        return _Block(context, builder, args[4:]).weighed(DOUBLE, values)

    return types.float64(valid, *_INDICES, *_BLOCK), generated


@intrinsic
def _least(
    typing_context: Any,
    valid: Any,
    mask: Any,
    row: Any,
    column: Any,
    weights: Any,
    rows: Any,
    columns: Any,
) -> Any:
    """The least validity."""
    if not is_cube(valid):
        return None

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        masks = Part(context, builder, signature.args[0], args[0], args[1:4])
        block = _Block(context, builder, args[4:])
        return block.least(lambda y, x: masks.load(y, x, LANES))

    return types.intp(valid, *_INDICES, *_BLOCK), generated


@intrinsic
def _tents(
    typing_context: Any, weights: Any, axis: Any, start: Any, shrink: Any, count: Any
) -> Any:
    """Fill in the weights of the bilinear kernel along an axis, padded with 0; their sum.

    Args:
        typing_context: given by numba.
        weights: `(2, any)`.
        axis: 0 is down, 1 across.
        start: how far the first pixel is from the centre of the kernel.
        shrink: what distances are multiplied by, since the kernel is widened.
        count: of the pixels.
    """

    def generated(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array, axis, start, shrink, count = args
        first, length = _line_of(context, builder, array)
        line = builder.gep(first, [builder.mul(axis, length)])
        total = cgutils.alloca_once(builder, ir.VectorType(DOUBLE, LANES))
        builder.store(_all(DOUBLE, 0.0), total)
        with cgutils.for_range_slice(builder, LONG(0), count, LONG(LANES)) as (n, _):
            found = _tent(builder, n, start, shrink, count)
            builder.store(found, _vector_at(builder, line, n), align=8)
            builder.store(builder.fadd(builder.load(total), found), total)
        return _reduced(builder, builder.load(total), builder.fadd)

    return types.float64(_WEIGHTS, types.intp, types.float64, types.float64, types.intp), generated


def _tent(builder: Any, first: Any, start: Any, shrink: Any, count: Any) -> Any:
    """Weights of eight pixels from the `first` on."""
    numbers = ir.Constant(ir.VectorType(DOUBLE, LANES), [float(n) for n in range(LANES)])
    numbers = builder.fadd(numbers, _each(builder, builder.sitofp(first, DOUBLE)))
    places = builder.fadd(numbers, _each(builder, start))
    places = builder.fmul(places, _each(builder, shrink))
    left, right = builder.fadd(_all(DOUBLE, 1.0), places), builder.fsub(_all(DOUBLE, 1.0), places)
    found = builder.select(builder.fcmp_ordered("<", left, right), left, right)
    last = _each(builder, builder.sitofp(count, DOUBLE))
    has_weight = builder.and_(
        builder.fcmp_ordered(">", found, _all(DOUBLE, 0.0)),
        builder.fcmp_ordered("<", numbers, last),
    )
    return builder.select(has_weight, found, _all(DOUBLE, 0.0))


def _real_of(kind: Any) -> Any:
    """Integers of 8 and of 16 bits are added up in single precision; they are rounded anyhow."""
    return FLOAT if kind in _SHORT else DOUBLE


def _reals(builder: Any, part: Part, y: Any, x: Any, real: Any) -> Any:
    return as_reals(builder, part.load(y, x, LANES), part.kind, real)


def _there(builder: Any, masks: Part, y: Any, x: Any) -> Any:
    return builder.icmp_unsigned("!=", masks.load(y, x, LANES), _all(BYTE, 0))


def _all(scalar: Any, value: float) -> Any:
    return ir.Constant(ir.VectorType(scalar, LANES), [value] * LANES)


def _each(builder: Any, number: Any) -> Any:
    return repeated(builder, number, LANES)


def _line_of(context: Any, builder: Any, weights: Any) -> tuple[Any, Any]:
    """Where the weights down begin, and how far behind those across do."""
    array = context.make_array(_WEIGHTS)(context, builder, weights)
    return array.data, cgutils.unpack_tuple(builder, array.shape, 2)[1]


def _vector_at(builder: Any, line: Any, n: Any) -> Any:
    vector = ir.VectorType(DOUBLE, LANES)
    return builder.bitcast(builder.gep(line, [n]), vector.as_pointer())


def _reduced(builder: Any, vector: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """All lanes combined, halving after halving."""
    count = LANES // 2
    while count:
        lower, upper = (
            builder.shuffle_vector(
                vector, vector, ir.Constant(ir.VectorType(_INDEX, count), list(lanes))
            )
            for lanes in (range(count), range(count, 2 * count))
        )
        vector = combine(lower, upper)
        count //= 2
    return builder.extract_element(vector, _INDEX(0))


class _Block:
    """Instructions that go over the rows and columns of a block with their weights."""

    def __init__(self, context: Any, builder: Any, args: Any) -> None:
        weights, self._rows, self._columns = args
        self._builder = builder
        self._down, length = _line_of(context, builder, weights)
        self._across = builder.gep(self._down, [length])

    def weighed(self, real: Any, values: Callable[[Any, Any], Any]) -> Any:
        """Sum of the vectors `values(row, column)`, each times its weights, as a double."""
        builder = self._builder

        def add(found: Any, weight: Any, y: Any, x: Any) -> Any:
            factor = builder.fptrunc(weight, FLOAT) if real == FLOAT else weight
            return builder.fadd(found, builder.fmul(values(y, x), _each(builder, factor)))

        def collect(total: Any, found: Any, weights: Any, there: Any) -> Any:
            factors = as_reals(builder, weights, types.float64, real)
            weighed = builder.select(there, builder.fmul(found, factors), _all(real, 0.0))
            return builder.fadd(total, weighed)

        total = _reduced(builder, self._over(_all(real, 0.0), add, collect), builder.fadd)
        return builder.fpext(total, DOUBLE) if real == FLOAT else total

    def least(self, values: Callable[[Any, Any], Any]) -> Any:
        """The least of the bytes `values(row, column)`."""
        builder, most = self._builder, _all(BYTE, 255)

        def lesser(one: Any, two: Any) -> Any:
            return builder.select(builder.icmp_unsigned("<", one, two), one, two)

        def add(found: Any, weight: Any, y: Any, x: Any) -> Any:
            return lesser(found, values(y, x))

        def collect(total: Any, found: Any, weights: Any, there: Any) -> Any:
            return lesser(total, builder.select(there, found, most))

        return builder.zext(_reduced(builder, self._over(most, add, collect), lesser), LONG)

    def _over(self, start: Any, add: Callable[..., Any], collect: Callable[..., Any]) -> Any:
        """A vector: what `collect` makes of the sums of each eight columns that `add` makes."""
        builder = self._builder
        total, found = (cgutils.alloca_once(builder, start.type) for _ in range(2))
        builder.store(start, total)
        with cgutils.for_range_slice(builder, LONG(0), self._columns, LONG(LANES)) as (x, _):
            builder.store(start, found)
            with cgutils.for_range(builder, self._rows) as row:
                weight = builder.load(builder.gep(self._down, [row.index]))
                builder.store(add(builder.load(found), weight, row.index, x), found)
            weights = builder.load(_vector_at(builder, self._across, x), align=8)
            there = builder.fcmp_unordered("!=", weights, _all(DOUBLE, 0.0))
            builder.store(collect(builder.load(total), builder.load(found), weights, there), total)
        return builder.load(total)


# As compiled code calls them: without the typing context.
total: Any = _total
total_of_valid: Any = _total_of_valid
weight_of_valid: Any = _weight_of_valid
least: Any = _least
tents: Any = _tents
