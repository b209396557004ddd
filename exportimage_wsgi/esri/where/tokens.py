"""The words and signs of a condition, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 10_000
_MOST_TOKENS = 5_000
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


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """number, text, quoted, word or sign; keywords are upper-case signs."""

    text: str

    place: int
    """Of its first character, counted from 1."""


def tokens_of(text: str) -> list[Token]:
    if len(text) > _LONGEST:
        raise ValueError(f"where must be at most {_LONGEST} characters")
    found: list[Token] = []
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


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup or ""
    token = match[kind]
    if kind == "word" and token.upper() in _KEYWORDS:
        kind, token = "sign", token.upper()
    blanks = len(match[0]) - len(match[0].lstrip())
    return Token(kind, token, match.start() + blanks + 1)


END = Token("end", "its end", 0)
