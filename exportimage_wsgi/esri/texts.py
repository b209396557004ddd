"""Structured text from outside: numbers, JSON and XML, with every bound that keeps it harmless."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_LONGEST_JSON = 1_000_000
_DEEPEST_JSON = 32
_LONGEST_XML = 64_000
_DEEPEST_XML = 50
_DECLARATION = re.compile(r"<\?xml\s[^?>]{0,200}\?>")
_DOCTYPE = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def number(text: str) -> float:
    """A finite decimal number, in ASCII digits.

    Raises:
        ValueError: it is none.
    """
    text = text.strip()
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError("must be a finite decimal number")
    return value


def integer(text: str) -> int:
    """A whole number in ASCII digits.

    Raises:
        ValueError: it is none.
    """
    text = text.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number")
    return int(text)


def items(text: str, most: int) -> list[str]:
    """The parts between the commas.

    Raises:
        ValueError: there are more than `most`.
    """
    parts = text.split(",")
    if len(parts) > most:
        raise ValueError(f"must have at most {most} items")
    return parts


def read_json(text: str) -> Any:
    """The value of a JSON text; numbers are finite, text is Unicode.

    Raises:
        ValueError: it isn't JSON, is longer than 1 MB or nested deeper than 32.
    """
    if len(text) > _LONGEST_JSON:
        raise ValueError("must be at most 1,000,000 characters of JSON")
    try:
        value = json.loads(text, parse_constant=_refused, parse_float=number, parse_int=integer)
        _check_depth(value)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise ValueError("must be well-formed JSON") from None
    return value


def _refused(constant: str) -> NoReturn:
    raise ValueError(constant)


def _check_depth(value: Any) -> None:
    layer = [value]
    for _ in range(_DEEPEST_JSON):
        layer = [member for each in layer for member in _members(each)]
        if not layer:
            return
    raise ValueError("too deep")


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def members(value: Any, what: str) -> dict[str, Any]:
    """The members of a JSON object by lower-case name; `null` is as good as left out.

    Raises:
        ValueError: it is no object.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object")
    return {name.lower(): member for name, member in value.items() if member is not None}


def number_of(value: Any, what: str) -> float:
    """A number in JSON, or the text of one.

    Raises:
        ValueError: it is neither.
    """
    try:
        if isinstance(value, str):
            return number(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{what} must be a number")


def integers_of(value: Any, what: str, most: int = 100_000) -> tuple[int, ...]:
    """A list of whole numbers in JSON, or the text of one.

    Raises:
        ValueError: it is neither, or too long.
    """
    try:
        if isinstance(value, str):
            return tuple(integer(part) for part in items(value, most))
        if isinstance(value, list) and len(value) <= most and all(type(v) is int for v in value):
            return tuple(value)
    except ValueError:
        pass
    raise ValueError(f"{what} must be a list of at most {most} whole numbers")


def read_xml(text: str) -> Element:
    """An element that holds the fragment's elements, with a root of its own or without.

    Raises:
        ValueError: it isn't well-formed, has a document type, is longer than 64,000 characters
            or nested deeper than 50.
    """
    if len(text) > _LONGEST_XML:
        raise ValueError(f"must be at most {_LONGEST_XML} characters of XML")
    if _DOCTYPE.search(text):
        raise ValueError("must have no document type")
    body = _DECLARATION.sub("", text.strip(), count=1) if text.lstrip()[:5] == "<?xml" else text
    try:
        root: Element = defusedxml.ElementTree.fromstring(f"<r>{body}</r>", forbid_dtd=True)
    except (ParseError, DefusedXmlException, UnicodeError, ValueError):
        raise ValueError("must be well-formed XML") from None
    layer = [root]
    for _ in range(_DEEPEST_XML):
        layer = [child for element in layer for child in element]
        if not layer:
            return root
    raise ValueError(f"must be nested at most {_DEEPEST_XML} deep")
