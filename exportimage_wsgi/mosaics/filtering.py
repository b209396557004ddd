"""Which items a condition, or a range of time, selects: over many rows at once.

A condition holds here where `Condition.holds` says so of each row by itself. Beyond that the
table's fields have types, so that names and comparisons that cannot be meant are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import shown
from ..esri.params import TimeRange
from ..esri.where.conditions import (
    AllOf,
    Among,
    AnyOf,
    Attribute,
    Cased,
    Comparison,
    Condition,
    IsNull,
    Like,
    Literal,
    Not,
    Operand,
)
from ..esri.where.patterns import ANY_CHARACTER, ANY_TEXT
from ..esri.where.values import date_in, in_case, text_of
from .table import ItemTable, Positions

Truth = Any
"""Of each row: true, false or null. pyarrow's types say no more."""

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal, "<>": pc.not_equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal,
    ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def matching(table: ItemTable, condition: Condition, positions: Positions) -> Positions:
    """Those of the rows of which the condition is true, in their order.

    Raises:
        ValueError: it speaks of a field that the table doesn't have, or compares one of numbers
            or dates with a text that is neither.
    """
    found = _Rows(table, positions).truth(condition)
    if isinstance(found, pa.Scalar):
        return positions if found.as_py() else positions[:0]
    return _kept(positions, found)


def in_time(
    table: ItemTable, fields: Sequence[str], time_range: TimeRange, positions: Positions
) -> Positions:
    """Those of the rows whose instant, or time from start to end, meets the range, ends included.

    Args:
        table: of the items.
        fields: names of that of the instant, or of those of the start and the end.
        time_range: first and last instant; `None` is open.
        positions: rows to be looked at. Those without a time are left out.
    """
    rows = _Rows(table, positions)
    start, end = rows.numbers(Attribute(fields[0])), rows.numbers(Attribute(fields[-1]))
    meets = pc.and_(pc.is_valid(start), pc.is_valid(end))
    if time_range[0] is not None:
        meets = pc.and_kleene(meets, pc.greater_equal(end, float(time_range[0])))
    if time_range[1] is not None:
        meets = pc.and_kleene(meets, pc.less_equal(start, float(time_range[1])))
    return _kept(positions, meets)


def _kept(positions: Positions, truth: Truth) -> Positions:
    """The rows of which it is true; unknown is as good as false."""
    kept: Positions = positions[np.asarray(pc.fill_null(truth, False), np.bool_)]
    return kept


class _Rows:
    """Some rows of a table, and what was made of their columns, once for all tests."""

    def __init__(self, table: ItemTable, positions: Positions) -> None:
        self._table, self._positions = table, positions
        self._made: dict[tuple[str, Operand], Any] = {}

    def truth(self, condition: Condition) -> Truth:
        """Of an array's length, or a scalar for conditions that look at no attribute."""
        match condition:
            case AllOf():
                return reduce(pc.and_kleene, [self.truth(each) for each in condition.conditions])
            case AnyOf():
                return reduce(pc.or_kleene, [self.truth(each) for each in condition.conditions])
            case Not():
                return pc.invert(self.truth(condition.condition))
            case Comparison():
                return self._compared(condition)
            case Among() | Like() | IsNull():
                return self._tested(condition)
        raise AssertionError(f"{type(condition).__name__} has no columns")

    def _tested(self, condition: Among | Like | IsNull) -> Truth:
        if isinstance(condition.operand, Literal):
            return pa.scalar(condition.holds({}), pa.bool_())
        if isinstance(condition, Among):
            return self._among(condition)
        if isinstance(condition, Like):
            return _alike(self.texts(condition.operand), condition.pattern)
        return pc.is_null(self._values(condition.operand))

    def _compared(self, test: Comparison) -> Truth:
        left, right = test.left, test.right
        if isinstance(left, Literal) and isinstance(right, Literal):
            return pa.scalar(test.holds({}), pa.bool_())
        compare = _SIGNS[test.sign]
        if isinstance(left, Literal):
            return compare(self._beside(left, right), self._values(right))
        if isinstance(right, Literal):
            return compare(self._values(left), self._beside(right, left))
        if self.is_text(left) == self.is_text(right):
            return compare(self._values(left), self._values(right))
        return compare(self.texts(left), self.texts(right))

    def _among(self, test: Among) -> Truth:
        kind = pa.string() if self.is_text(test.operand) else pa.float64()
        choices = pa.array([self._beside(each, test.operand) for each in test.choices], kind)
        values = self._values(test.operand)
        unknown = pa.scalar(None, pa.bool_())
        return pc.if_else(pc.is_null(values), unknown, pc.is_in(values, choices))

    def _beside(self, literal: Literal, operand: Operand) -> float | str:
        """The literal in the kind of the operand.

        Raises:
            ValueError: it has none in that kind.
        """
        if self.is_text(operand):
            return text_of(literal.known)
        field = self._field(operand)
        known = literal.beside(0.0)
        is_date = field.type == "esriFieldTypeDate"
        if isinstance(known, str) or (not is_date and _is_date(literal)):
            kind = "dates" if is_date else "numbers"
            raise ValueError(f"{field.name} has {kind}, '{shown(literal.known)}' is none")
        return known

    def _field(self, operand: Operand) -> Any:
        assert isinstance(operand, (Attribute, Cased))
        name = operand.name if isinstance(operand, Attribute) else operand.attribute.name
        return self._table.field(name)

    def is_text(self, operand: Operand) -> bool:
        return isinstance(operand, Cased) or self._field(operand).type == "esriFieldTypeString"

    def _values(self, operand: Operand) -> Any:
        return self.texts(operand) if self.is_text(operand) else self.numbers(operand)

    def numbers(self, operand: Operand) -> Any:
        """Numbers, or milliseconds since 1970; what is no number is null."""
        return self._once("numbers", operand, self._numbers)

    def texts(self, operand: Operand) -> Any:
        return self._once("texts", operand, self._texts)

    def _once(self, kind: str, operand: Operand, make: Callable[[Operand], Any]) -> Any:
        if (kind, operand) not in self._made:
            self._made[kind, operand] = make(operand)
        return self._made[kind, operand]

    def _column(self, operand: Operand) -> Any:
        column = self._table.rows.column(self._field(operand).column)
        return column if self._is_whole else column.take(pa.array(self._positions))

    @cached_property
    def _is_whole(self) -> bool:
        return np.array_equal(self._positions, self._table.everywhere)

    def _numbers(self, operand: Operand) -> Any:
        column = self._column(operand)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
        column = column.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)

    def _texts(self, operand: Operand) -> Any:
        if isinstance(operand, Cased):
            return _in_case(self.texts(operand.attribute), operand.is_upper)
        if self.is_text(operand):
            return self._column(operand)
        return _each(self.numbers(operand), text_of)


def _is_date(literal: Literal) -> bool:
    return isinstance(literal.known, str) and date_in(literal.known) is not None


def _in_case(texts: Any, is_upper: bool) -> Any:
    if pc.all(pc.string_is_ascii(texts)).as_py() in (True, None):
        return pc.ascii_upper(texts) if is_upper else pc.ascii_lower(texts)
    return _each(texts, lambda text: in_case(text, is_upper))


def _each(values: Any, make: Callable[[Any], str]) -> Any:
    """The text that is made of each value; of equal ones once."""
    encoded = pc.dictionary_encode(values).combine_chunks()
    made = pa.array([make(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return made.take(encoded.indices)


def _alike(texts: Any, pattern: tuple[str, ...]) -> Truth:
    """Which texts match; the usual patterns have quicker ways than RE2."""
    plain = "".join(sign for sign in pattern if sign not in (ANY_TEXT, ANY_CHARACTER))
    match [sign if sign in (ANY_TEXT, ANY_CHARACTER) else "" for sign in pattern]:
        case [*signs] if not any(signs):
            return pc.equal(texts, plain)
        case [*signs, end] if end == ANY_TEXT and not any(signs):
            return pc.starts_with(texts, plain)
        case [start, *signs] if start == ANY_TEXT and not any(signs):
            return pc.ends_with(texts, plain)
        case [start, *signs, end] if start == end == ANY_TEXT and not any(signs):
            return pc.match_substring(texts, plain)
    return pc.match_substring_regex(texts, _expression(pattern))


def _expression(pattern: tuple[str, ...]) -> str:
    """A pattern of LIKE as one of RE2, whose time is linear in the text."""
    signs = {ANY_TEXT: ".*", ANY_CHARACTER: "."}
    return rf"(?s)\A{''.join(signs.get(sign) or re.escape(sign) for sign in pattern)}\z"
