"""where: the part of SQL that picks rasters by their attributes, parsed and judged here.

    condition   = term (OR term)*          term   = factor (AND factor)*
    factor      = NOT factor | ( condition ) | test
    test        = operand (= | <> | != | < | <= | > | >=) operand
                | operand [NOT] IN ( literal, … ) | operand [NOT] BETWEEN operand AND operand
                | operand [NOT] LIKE text | operand IS [NOT] NULL
    operand     = attribute | "attribute" | number | 'text' | DATE '…' | TIMESTAMP '…'

Nothing is handed to a database, a shell or an evaluator. A condition is judged as SQL does, in
three values: true, false, and unknown (`None`) where an attribute has no value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, Protocol

from .texts import number

Value = float | str | None
Row = Mapping[str, Value]
"""Attributes of a raster by lower-case name; dates are milliseconds since 1970."""

_LONGEST = 10_000
_MOST_TOKENS = 2_000
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?)
    | '(?P<text>(?:[^']|''){0,1000})'
    | "(?P<quoted>[^"\x00-\x1f]{1,128})"
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]{0,127})
    | (?P<sign><>|!=|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_KEYWORDS = ("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "DATE", "TIMESTAMP")
_SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")


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


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute by name, in any letter case."""

    name: str

    def value(self, row: Row) -> Value:
        return row.get(self.name.lower())


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Operand
    sign: str
    right: Operand

    def holds(self, row: Row) -> bool | None:
        return _compared(self.left.value(row), self.sign, self.right.value(row))


@dataclass(frozen=True, slots=True)
class Among:
    """IN."""

    operand: Operand
    choices: tuple[Operand, ...]

    def holds(self, row: Row) -> bool | None:
        value = self.operand.value(row)
        return _any([_compared(value, "=", choice.value(row)) for choice in self.choices])


@dataclass(frozen=True, slots=True)
class Like:
    operand: Operand
    pattern: str

    def holds(self, row: Row) -> bool | None:
        value = self.operand.value(row)
        return None if value is None else _is_like(_text(value), self.pattern)


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
class All:
    """AND."""

    conditions: tuple[Condition, ...]

    def holds(self, row: Row) -> bool | None:
        held = [condition.holds(row) for condition in self.conditions]
        return False if False in held else (None if None in held else True)


@dataclass(frozen=True, slots=True)
class Any_:
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
        left, right = _text(left), _text(right)
    before, same = left < right, left == right  # type: ignore[operator]  # made alike above
    return {
        "=": same, "<>": not same, "!=": not same, "<": before, ">": not before and not same,
        "<=": before or same, ">=": not before,
    }[sign]  # fmt: skip


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _is_like(text: str, pattern: str) -> bool:
    """Does the text match, `%` standing for any characters and `_` for one?

    Only the last `%` is ever tried again, so the steps are at most text times pattern.
    """
    position = start = 0
    star: int | None = None
    at = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == "%":
            star, start, at = at, position, at + 1
        elif at < len(pattern) and pattern[at] in ("_", text[position]):
            position, at = position + 1, at + 1
        elif star is not None:
            start, at = start + 1, star + 1
            position = start
        else:
            return False
    return all(rest == "%" for rest in pattern[at:])


def parse_where(text: str) -> Condition:
    """The condition of a text.

    Raises:
        ValueError: it is no condition of this grammar, or longer than 10,000 characters.
    """
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each token; words that are keywords are upper-case signs."""
    if len(text) > _LONGEST:
        raise ValueError(f"where must be at most {_LONGEST} characters")
    found: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(found) > _MOST_TOKENS:
            raise ValueError(f"where is not understood from character {position + 1} on")
        kind = match.lastgroup or ""
        token = match[kind]
        if kind == "word" and token.upper() in _KEYWORDS:
            kind, token = "sign", token.upper()
        found.append((kind, token))
        position = match.end()
    return found


class _Parser:
    """Reads the tokens from left to right; one method a rule of the grammar."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def whole(self) -> Condition:
        condition = self._condition()
        if self._at < len(self._tokens):
            self._fail()
        return condition

    def _fail(self) -> NoReturn:
        found = self._tokens[self._at][1] if self._at < len(self._tokens) else "its end"
        raise ValueError(f"where is not understood at {found[:30]}")

    def _takes(self, *signs: str) -> str | None:
        """The next token, if it is one of the signs."""
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind != "sign" or token not in signs:
            return None
        self._at += 1
        return token

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            self._fail()

    def _condition(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"where must be nested at most {_DEEPEST} deep")
        terms = [self._term()]
        while self._takes("OR"):
            terms.append(self._term())
        self._depth -= 1
        return terms[0] if len(terms) == 1 else Any_(tuple(terms))

    def _term(self) -> Condition:
        factors = [self._factor()]
        while self._takes("AND"):
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else All(tuple(factors))

    def _factor(self) -> Condition:
        negated = False
        while self._takes("NOT"):
            negated = not negated
        if self._takes("("):
            condition = self._condition()
            self._need(")")
        else:
            condition = self._test()
        return Not(condition) if negated else condition

    def _test(self) -> Condition:
        operand = self._operand()
        if self._takes("IS"):
            negated = self._takes("NOT")
            self._need("NULL")
            return Not(IsNull(operand)) if negated else IsNull(operand)
        sign = self._takes(*_SIGNS)
        if sign:
            return Comparison(operand, sign, self._operand())
        negated = self._takes("NOT")
        test = self._set_test(operand)
        return Not(test) if negated else test

    def _set_test(self, operand: Operand) -> Condition:
        if self._takes("IN"):
            return Among(operand, self._list())
        if self._takes("LIKE"):
            pattern = self._operand()
            if not isinstance(pattern, Literal) or not isinstance(pattern.known, str):
                self._fail()
            return Like(operand, pattern.known)
        self._need("BETWEEN")
        low = self._operand()
        self._need("AND")
        high = self._operand()
        return All((Comparison(operand, ">=", low), Comparison(operand, "<=", high)))

    def _list(self) -> tuple[Operand, ...]:
        self._need("(")
        choices = [self._operand()]
        while self._takes(","):
            choices.append(self._operand())
        self._need(")")
        return tuple(choices)

    def _operand(self) -> Operand:
        if self._takes("DATE", "TIMESTAMP"):
            return Literal(self._date())
        if self._at >= len(self._tokens):
            self._fail()
        kind, token = self._tokens[self._at]
        if kind == "sign":
            self._fail()
        self._at += 1
        if kind == "number":
            return Literal(number(token))
        return Literal(token.replace("''", "'")) if kind == "text" else Attribute(token)

    def _date(self) -> float:
        """Milliseconds since 1970 of a date, taken as UTC."""
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        try:
            moment = datetime.fromisoformat(token if kind == "text" else "")
        except ValueError:
            self._fail()
        self._at += 1
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp() * 1000
