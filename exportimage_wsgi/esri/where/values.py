"""Values of attributes and literals: as texts, and as the numbers and dates that texts are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ..texts import number

Value = float | str | None
Row = Mapping[str, Value]
"""Attributes of a raster by lower-case name; dates are milliseconds since 1970."""

_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
