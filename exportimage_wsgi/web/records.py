"""Records: what query and items answer, as pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .facts import number

_MOST_ROWS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value of a record."""

    text: str

    link: str = ""
    """Path of the item's page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The first records of an answer."""

    columns: tuple[str, ...]

    rows: tuple[tuple[Cell, ...], ...]

    more: int
    """How many aren't shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLinks:
    """Where the page of an item leads."""

    thumbnail: str

    info: str

    image: str


def item_links(path: str) -> ItemLinks:
    """Those of the item at a path."""
    return ItemLinks(thumbnail=f"{path}/thumbnail", info=f"{path}/info", image=f"{path}/image")


def listing(answer: Mapping[str, Any], base: str) -> Listing | None:
    """The records of an answer that has any.

    Args:
        answer: of an operation.
        base: path of the service.
    """
    features, fields = answer.get("features"), answer.get("fields")
    if not isinstance(features, list) or not isinstance(fields, list):
        return None
    key = answer.get("objectIdFieldName")
    rows = [_row(each["attributes"], fields, key, base) for each in features[:_MOST_ROWS]]
    return Listing(
        columns=tuple(field["alias"] for field in fields),
        rows=tuple(rows),
        more=max(0, len(features) - _MOST_ROWS),
    )


def _row(
    attributes: Mapping[str, Any], fields: list[Mapping[str, Any]], key: Any, base: str
) -> tuple[Cell, ...]:
    cells = []
    for field in fields:
        value = attributes[field["name"]]
        link = f"{base.rstrip('/')}/{value}" if field["name"] == key else ""
        cells.append(Cell(text=_text(value, field["type"]), link=link))
    return tuple(cells)


def _text(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "esriFieldTypeDate":
        return _moment(value)
    return number(value) if isinstance(value, float) else str(value)


def _moment(milliseconds: int) -> str:
    """A date, and a time if it isn't midnight."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    is_midnight = milliseconds % 86_400_000 == 0
    return f"{moment:%Y-%m-%d}" if is_midnight else f"{moment:%Y-%m-%d %H:%M:%S}"
