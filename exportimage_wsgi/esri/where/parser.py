"""Reads a condition from its words and signs, one method a rule of the grammar."""

from __future__ import annotations

from typing import NoReturn

from ...errors import shown
from ..texts import number
from .conditions import (
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
from .patterns import signs_of
from .tokens import END, Token
from .values import date_in

_MOST_TESTS = 500
_MOST_PATTERNS = 20
_DEEPEST = 50
_SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_DAY = 86_400_000
_UNITS = {"DAY": _DAY, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1_000}


class Parser:
    """Reads the tokens from left to right; one method a rule of the grammar."""

    def __init__(self, tokens: list[Token], now: float) -> None:
        self._tokens, self._at, self._depth, self._now = tokens, 0, 0, now
        self._tests = self._patterns = 0

    def whole(self) -> Condition:
        condition = self._condition()
        if self._at < len(self._tokens):
            self._fail()
        return condition

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else END

    def _fail(self) -> NoReturn:
        found = self._peek()
        place = f", character {found.place}" if found.place else ""
        raise ValueError(f"where is not understood at {shown(found.text)}{place}")

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
        return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))

    def _term(self) -> Condition:
        factors = [self._factor()]
        while self._takes("AND"):
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else AllOf(tuple(factors))

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
        return AllOf((Comparison(operand, ">=", low), Comparison(operand, "<=", high)))

    def _like(self, operand: Operand) -> Like:
        self._patterns += 1
        if self._patterns > _MOST_PATTERNS:
            raise ValueError(f"where must have at most {_MOST_PATTERNS} patterns")
        text = self._need_kind("text")
        escape = self._need_kind("text") if self._takes("ESCAPE") else None
        if escape is not None and len(escape) != 1:
            raise ValueError("where: the text after ESCAPE must be one character")
        signs = signs_of(text, escape or "")
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
            return Literal(self._number())
        if self._peek().kind == "text":
            return Literal(self._need_kind("text"))
        return Literal(self._moment() + self._shift())

    def _number(self, kind: str = "number") -> float:
        """That of the next token, which must be a number, or the text of one."""
        try:
            found = number(self._peek().text)
        except ValueError:
            self._fail()
        self._need_kind(kind)
        return found

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
            return self._number() * _DAY
        sign = self._takes("+", "-")
        if sign is None:
            return 0.0
        return self._span() * (-1 if sign == "-" else 1)

    def _span(self) -> float:
        if not self._takes_word("INTERVAL"):
            return self._number() * _DAY
        count = self._number("text")
        unit = self._takes_word(*_UNITS)
        if unit is None:
            self._fail()
        return count * _UNITS[unit]
