"""Faults of a TOML file's syntax: where, what was expected there, and what was received."""

from __future__ import annotations

import ast
import json
import re

from .errors import shown

_END = "the end of the file"
_END_OF_LINE = "the end of the line"
_PLACED = re.compile(
    r"(?P<rule>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_KEYS = re.compile(r"Cannot [a-z ]+ (\(.*\))", re.DOTALL)

# What tomllib says first → what is said in its place.
_EXPECTED = {
    "Invalid value": (
        "a value: text in quotes, a number, true or false, a date, a list in [ ] or a table in { }"
    ),
    "Invalid statement": "a line such as key = value, [table] or # comment",
    "Expected newline or end of document": "nothing more on this line, or a comment",
    "Expected '=' after a key": "an equals sign after the key",
    "Invalid initial character": "a key: letters, digits, - and _, or any signs in quotes",
    "Unclosed array": "a comma, or ] at the end of the list",
    "Unclosed inline table": "a comma, or } at the end of the table, on the line of its {",
    "Expected ']": "] at the end of the table's name; signs other than letters need quotes",
    'Expected "\'"': "the quote ' that ends the text",
    "Unterminated string": "the quotes that end the text",
    "Illegal character '\\n'": "the quotes that end the text, on its line",
    "Invalid hex value": "the digits of an escape, four after \\u and eight after \\U",
}
_SAID = {
    "Unescaped '\\'": r"in double quotes \ is written \\; paths with \ stand in single quotes",
    "Cannot declare": "{keys} is declared twice",
    "Cannot overwrite a value": "this key has a value already",
    "Cannot mutate immutable namespace": "{keys} cannot get more keys here",
    "Cannot redefine namespace": "{keys} is there already",
}


def told(text: str, error: ValueError) -> str:
    """The fault that tomllib found in a text: its place, the rule and what stands there.

    Args:
        text: the whole file, with `\\n` at the end of lines.
        error: as `tomllib.loads` raised it.
    """
    found = _PLACED.fullmatch(str(error))
    if found is None:
        return str(error)
    lines = text.split("\n")
    line, column = int(found["line"] or len(lines)), int(found["column"] or len(lines[-1]) + 1)
    return f"line {line}, column {column}: {_told(found['rule'], lines, line - 1, column - 1)}"


def _told(rule: str, lines: list[str], row: int, column: int) -> str:
    expected = _said_of(rule, _EXPECTED)
    if expected is not None:
        return f"expected {expected}; received {_received(lines, row, column)}"
    keys = _KEYS.match(rule)
    named = key_of(ast.literal_eval(keys[1])) if keys else ""
    said = _said_of(rule, _SAID) or f"{rule[:1].lower()}{rule[1:]}"
    return f"{said.replace('{keys}', named)}; received {shown(lines[row].strip()) or _END_OF_LINE}"


def _said_of(rule: str, words: dict[str, str]) -> str | None:
    return next((said for begin, said in words.items() if rule.startswith(begin)), None)


def _received(lines: list[str], row: int, column: int) -> str:
    """What follows on the line."""
    rest = lines[row][column:].strip()
    if rest:
        return shown(rest)
    return _END if row == len(lines) - 1 else _END_OF_LINE


def key_of(location: tuple[int | str, ...]) -> str:
    """The key as TOML writes it: `services."Folder/name".background[1]`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        plain = part.isascii() and part.replace("_", "").replace("-", "").isalnum()
        text += ("." if text else "") + (part if plain else json.dumps(part, ensure_ascii=False))
    return text
