"""Columns of attributes: how they are called, and what type they have.

Values come as text or as numbers. The type of a column is said by the operator, or the first of
these that holds all of its values: date (ISO 8601, or eight digits yyyymmdd), integer, number,
text. Digits with a zero before them, as of tiles and months, stay text.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from .table import COLUMNS, FIXED_FIELDS

KINDS = ("text", "integer", "number", "date")
DATE = pa.timestamp("ms", "UTC")
_TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "date": DATE}
PLACING = {"minps": "min_ps", "maxps": "max_ps", "nadirx": "nadir_x", "nadiry": "nadir_y"}
"""What a table may call the columns that say at which pixel sizes an item is drawn, and where its
nadir is, in the service's reference: by lower-case name, the column of every table."""

_TAKEN = {name.casefold() for name in COLUMNS} | {
    each.name.casefold() for each in FIXED_FIELDS if each.name.casefold() not in PLACING
}
_OTHER_SIGN = re.compile(r"[^A-Za-z0-9_]")
_ZEROS = re.compile(r"^([+-]?)0+(?=[0-9])")
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_COMPACT_DATE = re.compile(r"(?:19|20)[0-9]{6}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def column_name(name: str) -> str:
    """The name as `[A-Za-z_][A-Za-z0-9_]*`; any other sign becomes `_`."""
    name = _OTHER_SIGN.sub("_", name) or "_"
    return f"_{name}" if name[0].isdigit() else name


def is_taken(name: str) -> bool:
    """Does a column that every table has, or its field, have this name in any letter case?"""
    return column_name(name).casefold() in _TAKEN


def name_fault(name: str) -> str | None:
    """Why the operator cannot call an attribute so; `None` if it can be."""
    if is_taken(name):
        return f"{name} is the name of a field that every item has; choose another"
    return None


def names_fault(names: Sequence[str]) -> str | None:
    """The same of several, each of which is to be an attribute by itself."""
    columns = {column_name(name).casefold() for name in names}
    if len(columns) < len(names):
        return "two of them would be one attribute"
    return next(filter(None, map(name_fault, names)), None)


def free_name(name: str, taken: Iterable[str] = ()) -> str:
    """The name of a column for what a table calls so: with `_` behind it while it is taken."""
    found = column_name(name)
    others = {each.casefold() for each in taken}
    while found.casefold() in _TAKEN or found.casefold() in others:
        found += "_"
    return found


def column(name: str, values: Sequence[Any], kind: str | None = None) -> pa.Array:
    """The values, as text or numbers, in one type; `None`, NaN and empty text are null.

    Args:
        name: of the attribute, for messages.
        values: one a row.
        kind: one of `KINDS`, or `None` to choose the type that holds them all.

    Raises:
        ValueError: a value isn't of the kind.
    """
    found = [_plain(value) for value in values]
    chosen = kind or _kind_of(found)
    read = _READERS[chosen]
    if kind in ("integer", "number"):  # who says so wants 05 to be 5
        found = [_without_zeros(value) for value in found]
    converted = [None if value is None else read(value) for value in found]
    for value, result in zip(found, converted, strict=True):
        if value is not None and result is None:
            raise ValueError(f"{name}={value!r:.80}: is no {chosen} (mosaic.types)")
    return pa.array(converted, _TYPES[chosen])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bool):
        return int(value)
    return value


def _without_zeros(value: Any) -> Any:
    """Digits without the zeros before them."""
    return _ZEROS.sub(r"\1", value) if isinstance(value, str) else value


def _kind_of(values: Sequence[Any]) -> str:
    said = [value for value in values if value is not None]
    # Numbers are dates only where the operator says so.
    numeric = any(isinstance(value, (int, float)) for value in said)
    for kind in ("integer", "number") if numeric else ("date", "integer", "number"):
        if said and all(_READERS[kind](value) is not None for value in said):
            return kind
    return "text"


def milliseconds_in(text: str) -> float | None:
    """Since 1970, of a date as columns may hold it; also with slashes in it."""
    found = _date(text.strip().replace("/", "-"))
    return None if found is None else (found - _EPOCH) / _MILLISECOND


def _date(value: Any) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return _of_epoch(value)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    try:
        if _COMPACT_DATE.fullmatch(text):
            return dt.datetime.strptime(text + "+0000", "%Y%m%d%z")
        if _DATE.fullmatch(text):
            return _of_epoch(dt.datetime.fromisoformat(text.replace(",", ".")))
        if isinstance(value, int):
            return _EPOCH + value * _MILLISECOND
    except (ValueError, OverflowError):
        return None
    return None


def _of_epoch(moment: dt.datetime) -> dt.datetime:
    """In UTC, where nothing else is said, and in whole milliseconds."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return _EPOCH + (moment - _EPOCH) // _MILLISECOND * _MILLISECOND


def _integer(value: Any) -> int | None:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        return None
    if not isinstance(value, (int, str)):
        return None
    number = int(value)
    return number if -(2**63) <= number < 2**63 else None


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        text = value.lstrip("+-")
        # 007 is a name, 0.07 a number.
        return None if text[0] == "0" and text[1:2].isdigit() else float(value)
    return None


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "date": _date,
    "integer": _integer,
    "number": _number,
    "text": _text,
}
