"""Records: what query and items answer, as pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..mosaics.dataset import MosaicDataset
from ..service import ImageService
from .facts import measured, moment

ITEMS = "catalogItems"
"""Member of an answer with records of its own."""
_MOST_ROWS = 100
_DATE = "esriFieldTypeDate"


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


def dates_of(service: ImageService) -> tuple[str, ...]:
    """Names of the fields of a mosaic that hold dates."""
    if not isinstance(service.source, MosaicDataset):
        return ()
    return tuple(each.name for each in service.source.table.fields if each.type == _DATE)


def listing(answer: Mapping[str, Any], base: str) -> Listing | None:
    """The records of an answer that has any, as its own or as those of the items at a place.

    Args:
        answer: of an operation.
        base: path of the service.
    """
    answer = answer.get(ITEMS) or answer
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
        cells.append(Cell(text=_text(value, field["name"], field["type"]), link=link))
    return tuple(cells)


def _text(value: Any, name: str, kind: str) -> str:
    if value is None:
        return ""
    if kind == _DATE:
        return moment(value)
    return measured(name, value) if isinstance(value, float) else str(value)
