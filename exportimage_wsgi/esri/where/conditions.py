"""Conditions as frozen values, and what they say of one row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from .patterns import is_like
from .values import Row, Value, in_case, number_in, text_of


class Condition(Protocol):
    """A parsed `where`; a frozen value."""

    def holds(self, row: Row) -> bool | None:
        """True, false, or `None` where that can't be told."""
        ...


class Operand(Protocol):
    """What is compared."""

    def value(self, row: Row) -> Value: ...


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or a date."""

    known: float | str

    def value(self, row: Row) -> Value:
        return self.known

    def beside(self, other: Value) -> float | str:
        """The literal as it is compared with a value: the number or date that a text is, if the
        other is a number."""
        if isinstance(other, str) or other is None or not isinstance(self.known, str):
            return self.known
        found = number_in(self.known)
        return self.known if found is None else found


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute by name, in any letter case."""

    name: str

    def value(self, row: Row) -> Value:
        found = row.get(self.name.lower())
        return None if isinstance(found, float) and math.isnan(found) else found


@dataclass(frozen=True, slots=True)
class Cased:
    """UPPER or LOWER of an attribute."""

    attribute: Attribute

    is_upper: bool

    def value(self, row: Row) -> Value:
        found = self.attribute.value(row)
        return None if found is None else in_case(text_of(found), self.is_upper)


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Operand
    sign: str
    right: Operand

    def holds(self, row: Row) -> bool | None:
        left, right = self.left.value(row), self.right.value(row)
        if isinstance(self.left, Literal):
            left = self.left.beside(right)
        if isinstance(self.right, Literal):
            right = self.right.beside(left)
        return _compared(left, self.sign, right)


@dataclass(frozen=True, slots=True)
class Among:
    """IN."""

    operand: Operand
    choices: tuple[Literal, ...]

    def holds(self, row: Row) -> bool | None:
        value = self.operand.value(row)
        return _any([_compared(value, "=", choice.beside(value)) for choice in self.choices])


@dataclass(frozen=True, slots=True)
class Like:
    operand: Operand

    pattern: tuple[str, ...]
    """Characters that stand for themselves, and `ANY_TEXT` and `ANY_CHARACTER`."""

    def holds(self, row: Row) -> bool | None:
        value = self.operand.value(row)
        return None if value is None else is_like(text_of(value), self.pattern)


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Operand

    def holds(self, row: Row) -> bool | None:
        return self.operand.value(row) is None


@dataclass(frozen=True, slots=True)
class Not:
    condition: Condition

    def holds(self, row: Row) -> bool | None:
        held = self.condition.holds(row)
        return None if held is None else not held


@dataclass(frozen=True, slots=True)
class AllOf:
    """AND."""

    conditions: tuple[Condition, ...]

    def holds(self, row: Row) -> bool | None:
        held = [condition.holds(row) for condition in self.conditions]
        return False if False in held else (None if None in held else True)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR."""

    conditions: tuple[Condition, ...]

    def holds(self, row: Row) -> bool | None:
        return _any([condition.holds(row) for condition in self.conditions])


def _any(held: list[bool | None]) -> bool | None:
    return True if True in held else (None if None in held else False)


def _compared(left: Value, sign: str, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, str) != isinstance(right, str):
        left, right = text_of(left), text_of(right)
    before, same = left < right, left == right  # type: ignore[operator]  # made alike above
    return {
        "=": same, "<>": not same, "!=": not same, "<": before, ">": not before and not same,
        "<=": before or same, ">=": not before,
    }[sign]  # fmt: skip
