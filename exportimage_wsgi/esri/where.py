"""where: the part of SQL that picks rasters by their attributes, parsed and judged here.

    condition   = term (OR term)*          term   = factor (AND factor)*
    factor      = NOT factor | ( condition ) | test
    test        = operand (= | <> | != | < | <= | > | >=) operand
                | operand [NOT] IN ( literal, … ) | operand [NOT] BETWEEN operand AND operand
                | operand [NOT] LIKE text [ESCAPE text] | operand IS [NOT] NULL
    operand     = name | literal | (UPPER | LOWER) ( name )
    name        = word | "any text"
    literal     = number | 'text' | moment [(+ | -) (days | INTERVAL 'number' unit)]
    moment      = (DATE | TIMESTAMP) '…' | CURRENT_DATE | CURRENT_TIMESTAMP
    unit        = DAY | HOUR | MINUTE | SECOND

Nothing is handed to a database, a shell or an evaluator. A condition is judged as SQL does, in
three values: true, false, and unknown (`None`) where an attribute has no value. Dates are UTC. A
text beside a number is read as a number or a date if it is one; else both are compared as texts.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn, Protocol

from .texts import number

Value = float | str | None
Row = Mapping[str, Value]
"""Attributes of a raster by lower-case name; dates are milliseconds since 1970."""

_LONGEST = 10_000
_MOST_TOKENS = 5_000
_MOST_TESTS = 500
_MOST_PATTERNS = 20
_DEEPEST = 50
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?)
    | '(?P<text>(?:[^']|''){0,1000})'
    | "(?P<quoted>[^"\x00-\x1f]{1,128})"
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]{0,127})
    | (?P<sign><>|!=|<=|>=|[=<>(),+-])
    )""",
    re.VERBOSE,
)
_KEYWORDS = ("AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ESCAPE", "IS", "NULL")
_SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000
_UNITS = {"DAY": _DAY, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1_000}


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
        elif isinstance(self.right, Literal):
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
        return None if value is None else _is_like(text_of(value), self.pattern)


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
        left, right = text_of(left), text_of(right)
    before, same = left < right, left == right  # type: ignore[operator]  # made alike above
    return {
        "=": same, "<>": not same, "!=": not same, "<": before, ">": not before and not same,
        "<=": before or same, ">=": not before,
    }[sign]  # fmt: skip


def text_of(value: float | str) -> str:
    """A value as text; whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    is_whole = abs(value) < 1e15 and value == int(value)
    return str(int(value)) if is_whole else repr(float(value))


def in_case(text: str, is_upper: bool) -> str:
    return text.upper() if is_upper else text.lower()


def number_in(text: str) -> float | None:
    """The number that a text is, or the milliseconds of the date that it is, if either."""
    try:
        return number(text)
    except ValueError:
        return date_in(text)


def date_in(text: str) -> float | None:
    """Milliseconds since 1970 of a date in ISO's form, UTC unless it says otherwise."""
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return float((aware - _EPOCH) // timedelta(milliseconds=1))


ANY_TEXT, ANY_CHARACTER = "%%", "__"
"""Signs of a pattern; a single `%` or `_` in it stands for itself."""


def _pattern(text: str, escape: str) -> tuple[str, ...] | None:
    """The signs of a pattern; `None` if what follows the escape may not."""
    signs, parts = [], iter(text)
    for part in parts:
        if part == escape:
            part = next(parts, "")
            if part not in ("%", "_", escape):
                return None
            signs.append(part)
        elif part != "%":
            signs.append(ANY_CHARACTER if part == "_" else part)
        elif signs[-1:] != [ANY_TEXT]:
            signs.append(ANY_TEXT)
    return tuple(signs)


def _is_like(text: str, pattern: tuple[str, ...]) -> bool:
    """Does the text match?

    Only the last `%` is ever tried again, so the steps are at most text times pattern.
    """
    position = start = 0
    star: int | None = None
    at = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == ANY_TEXT:
            star, start, at = at, position, at + 1
        elif at < len(pattern) and pattern[at] in (ANY_CHARACTER, text[position]):
            position, at = position + 1, at + 1
        elif star is not None:
            start, at = start + 1, star + 1
            position = start
        else:
            return False
    return all(rest == ANY_TEXT for rest in pattern[at:])


def parse_where(text: str, now: float | None = None) -> Condition:
    """The condition of a text.

    Args:
        text: of the grammar above.
        now: milliseconds since 1970, of CURRENT_TIMESTAMP; by the clock if not given.

    Raises:
        ValueError: it is no condition of this grammar, or has more than 10,000 characters, 5,000
            words and signs, 500 tests, 20 patterns or 50 levels.
    """
    return _Parser(_tokens(text), time.time() * 1000 if now is None else now).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """number, text, quoted, word or sign; keywords are upper-case signs."""

    text: str

    place: int
    """Of its first character, counted from 1."""


def _tokens(text: str) -> list[_Token]:
    if len(text) > _LONGEST:
        raise ValueError(f"where must be at most {_LONGEST} characters")
    found: list[_Token] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            place = len(text) - len(text[position:].lstrip()) + 1
            raise ValueError(f"where is not understood from character {place} on")
        found.append(_token(match))
        position = match.end()
    if len(found) > _MOST_TOKENS:
        raise ValueError(f"where must be at most {_MOST_TOKENS} words and signs")
    return found


def _token(match: re.Match[str]) -> _Token:
    kind = match.lastgroup or ""
    token = match[kind]
    if kind == "word" and token.upper() in _KEYWORDS:
        kind, token = "sign", token.upper()
    blanks = len(match[0]) - len(match[0].lstrip())
    return _Token(kind, token, match.start() + blanks + 1)


_END = _Token("end", "its end", 0)


class _Parser:
    """Reads the tokens from left to right; one method a rule of the grammar."""

    def __init__(self, tokens: list[_Token], now: float) -> None:
        self._tokens, self._at, self._depth, self._now = tokens, 0, 0, now
        self._tests = self._patterns = 0

    def whole(self) -> Condition:
        condition = self._condition()
        if self._at < len(self._tokens):
            self._fail()
        return condition

    def _peek(self, ahead: int = 0) -> _Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else _END

    def _fail(self) -> NoReturn:
        found = self._peek()
        place = f", character {found.place}" if found.place else ""
        raise ValueError(f"where is not understood at {found.text[:30]}{place}")

    def _takes(self, *signs: str) -> str | None:
        """The next token, if it is one of the signs."""
        found = self._peek()
        if found.kind != "sign" or found.text not in signs:
            return None
        self._at += 1
        return found.text

    def _takes_word(self, *words: str) -> str | None:
        """The next token in upper case, if it is one of the words."""
        found = self._peek()
        if found.kind != "word" or found.text.upper() not in words:
            return None
        self._at += 1
        return found.text.upper()

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            self._fail()

    def _need_kind(self, kind: str) -> str:
        found = self._peek()
        if found.kind != kind:
            self._fail()
        self._at += 1
        return found.text.replace("''", "'") if kind == "text" else found.text

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
        self._tests += 1
        if self._tests > _MOST_TESTS:
            raise ValueError(f"where must have at most {_MOST_TESTS} tests; IN takes a long list")
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
            return self._like(operand)
        self._need("BETWEEN")
        low = self._operand()
        self._need("AND")
        high = self._operand()
        return All((Comparison(operand, ">=", low), Comparison(operand, "<=", high)))

    def _like(self, operand: Operand) -> Like:
        self._patterns += 1
        if self._patterns > _MOST_PATTERNS:
            raise ValueError(f"where must have at most {_MOST_PATTERNS} patterns")
        text = self._need_kind("text")
        escape = self._need_kind("text") if self._takes("ESCAPE") else None
        if escape is not None and len(escape) != 1:
            raise ValueError("where: the text after ESCAPE must be one character")
        signs = _pattern(text, escape or "")
        if signs is None:
            raise ValueError(f"where: {escape} must be followed by %, _ or itself in a pattern")
        return Like(operand, signs)

    def _list(self) -> tuple[Literal, ...]:
        self._need("(")
        choices = [self._literal()]
        while self._takes(","):
            choices.append(self._literal())
        self._need(")")
        return tuple(choices)

    def _operand(self) -> Operand:
        found, after = self._peek(), self._peek(1)
        is_call = after.kind == "sign" and after.text == "("
        if found.kind == "word" and is_call:
            return self._cased()
        if self._is_literal():
            return self._literal()
        return self._attribute()

    def _attribute(self) -> Attribute:
        return Attribute(self._need_kind("quoted" if self._peek().kind == "quoted" else "word"))

    def _cased(self) -> Cased:
        function = self._takes_word("UPPER", "LOWER")
        if function is None:
            self._fail()
        self._need("(")
        attribute = self._attribute()
        self._need(")")
        return Cased(attribute, function == "UPPER")

    def _is_literal(self) -> bool:
        """DATE is the name of an attribute, too, unless a text follows."""
        found = self._peek()
        if found.kind != "word":
            return found.kind in ("number", "text")
        word = found.text.upper()
        is_date = word in ("DATE", "TIMESTAMP") and self._peek(1).kind == "text"
        return is_date or word in ("CURRENT_DATE", "CURRENT_TIMESTAMP")

    def _literal(self) -> Literal:
        if not self._is_literal():
            self._fail()
        if self._peek().kind == "number":
            return Literal(number(self._need_kind("number")))
        if self._peek().kind == "text":
            return Literal(self._need_kind("text"))
        return Literal(self._moment() + self._shift())

    def _moment(self) -> float:
        """Milliseconds since 1970."""
        word = self._takes_word("DATE", "TIMESTAMP", "CURRENT_DATE", "CURRENT_TIMESTAMP")
        if word in ("CURRENT_DATE", "CURRENT_TIMESTAMP"):
            return self._now // _DAY * _DAY if word == "CURRENT_DATE" else self._now // 1
        moment = date_in(self._peek().text)
        if moment is None:
            self._fail()
        self._at += 1
        return moment

    def _shift(self) -> float:
        """Milliseconds that are added to a moment; a bare number counts days."""
        if self._peek().kind == "number" and self._peek().text[0] in "+-":
            return number(self._need_kind("number")) * _DAY
        sign = self._takes("+", "-")
        if sign is None:
            return 0.0
        return self._span() * (-1 if sign == "-" else 1)

    def _span(self) -> float:
        if not self._takes_word("INTERVAL"):
            return number(self._need_kind("number")) * _DAY
        try:
            count = number(self._peek().text)
        except ValueError:
            self._fail()
        self._need_kind("text")
        unit = self._takes_word(*_UNITS)
        if unit is None:
            self._fail()
        return count * _UNITS[unit]
