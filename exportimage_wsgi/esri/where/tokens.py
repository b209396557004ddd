"""The words and signs of a condition, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LONGEST = 10_000
_MOST_TOKENS = 5_000
_LONGEST_IN = {"'": 1000, '"': 128}
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
    """The tokens of a text.

    Raises:
        ValueError: it is too long, or something in it is no token.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"where must be at most {_LONGEST} characters")
    found: list[Token] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(_fault(text, len(text) - len(text[position:].lstrip())))
        found.append(_token(match))
        position = match.end()
    if len(found) > _MOST_TOKENS:
        raise ValueError(f"where must be at most {_MOST_TOKENS} words and signs")
    return found


def _fault(text: str, at: int) -> str:
    """What is wrong with that which no token begins with."""
    most = _LONGEST_IN.get(text[at])
    if most is None:
        return f"where is not understood from character {at + 1} on"
    rule = f"must end with another and have at most {most:,} characters"
    return f"where: what {text[at]} begins at character {at + 1} {rule}"


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup or ""
    token = match[kind]
    if kind == "word" and token.upper() in _KEYWORDS:
        kind, token = "sign", token.upper()
    blanks = len(match[0]) - len(match[0].lstrip())
    return Token(kind, token, match.start() + blanks + 1)


END = Token("end", "its end", 0)
