"""Classes: what the values of a thematic raster mean: its palette, and the table in its file."""

from __future__ import annotations

from typing import Any

from ..errors import ParameterError
from ..imagery.sources.attributes import AttributeTable, attribute_table
from ..pixels import Palette
from ..running import Runner
from ..service import ImageService
from .counting import Count, counted_everywhere
from .operation import Call
from .parameters import said_in, shared_parameters

PARAMETERS = shared_parameters("renderingRule")

_TYPES = {int: "esriFieldTypeInteger", float: "esriFieldTypeDouble", str: "esriFieldTypeString"}
_LABELS = ("classname", "class_name", "class name", "label", "name", "class", "description")
_PADDING = ((0, 0, 0, 255), (0, 0, 0, 0))
"""Colours that GDAL fills palettes up with."""


def has_palette(service: ImageService) -> bool:
    """Do pixels have colours of their own?"""
    return service.info.palette is not None


def has_table(service: ImageService) -> bool:
    """Is there a row for each value?"""
    return has_palette(service) or attribute_table(service.source) is not None


def colormap(service: ImageService, call: Call) -> dict[str, Any]:
    """The colours of the palette: index, red, green, blue."""
    said_in(call.arguments, PARAMETERS)
    palette = service.info.palette
    assert palette is not None
    return {"colormap": [[index, *colour[:3]] for index, colour in enumerate(palette)]}


def raster_attribute_table(service: ImageService, call: Call) -> dict[str, Any]:
    """A row for each value: what the file says of it, and its colour."""
    said_in(call.arguments, PARAMETERS)
    names, types, rows = _table(service, call.runner)
    fields = [{"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID", "domain": None}]
    for name, kind in zip(names, types, strict=True):
        field: dict[str, Any] = {"name": name, "type": kind, "alias": name, "domain": None}
        fields.append(field | ({"length": 254} if kind == _TYPES[str] else {}))
    features = [
        {"attributes": {"OBJECTID": number, **dict(zip(names, row, strict=False))}}
        for number, row in enumerate(rows, 1)
    ]
    return {"objectIdFieldName": "OBJECTID", "fields": fields, "features": features}


def _table(
    service: ImageService, runner: Runner
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """Names and types of the fields behind OBJECTID, and the rows."""
    own, palette = attribute_table(service.source), service.info.palette
    if own is None:
        return _of_palette(service, runner)
    kept = [i for i, column in enumerate(own.columns) if column.name.upper() != "OBJECTID"]
    names = [own.columns[i].name for i in kept]
    types = [_TYPES[own.columns[i].kind] for i in kept]
    rows = [tuple(row[i] for i in kept if i < len(row)) for row in own.rows]
    value = _place(own, ("value",))
    if palette is None or value is None or _place(own, ("red",)) is not None:
        return names, types, rows
    shown = [_colour(palette, row[value]) for row in own.rows]
    return (
        [*names, "Red", "Green", "Blue"],
        types + [_TYPES[int]] * 3,
        [(*row, *colour) for row, colour in zip(rows, shown, strict=True)],
    )


def _place(table: AttributeTable, names: tuple[str, ...]) -> int | None:
    """The first column that has one of the names, in the order of these."""
    known = [column.name.casefold() for column in table.columns]
    return next((known.index(name) for name in names if name in known), None)


def _colour(palette: Palette, value: Any) -> tuple[int | None, ...]:
    inside = isinstance(value, int) and 0 <= value < len(palette)
    return palette[value][:3] if inside else (None, None, None)


def _of_palette(
    service: ImageService, runner: Runner
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """A row for each colour in use, counted where all pixels could be."""
    palette = service.info.palette
    assert palette is not None
    (count,) = counted_everywhere(service, runner)
    counts = _occurrences(count)
    rows: list[tuple[Any, ...]] = []
    for index, colour in enumerate(palette):
        found = counts[index] if index < len(counts) else 0
        if found or colour not in _PADDING:
            rows.append((index, *colour[:3], found))
    names, types = ["Value", "Red", "Green", "Blue", "Count"], [_TYPES[int]] * 5
    if count.skip > 1:
        return names[:4], types[:4], [row[:4] for row in rows]
    return names, types, rows


def _occurrences(count: Count) -> tuple[int, ...]:
    """By value from 0 on, of types that have a bin for each value."""
    first = round(count.histogram.low + 0.5)
    return (0,) * first + count.histogram.counts if first >= 0 else count.histogram.counts[-first:]


def labelled_colours(
    service: ImageService, runner: Runner
) -> tuple[tuple[int, str, tuple[int, int, int, int]], ...]:
    """Index, name and colour of each class of a raster with a palette."""
    palette = service.info.palette
    if palette is None:
        raise ParameterError("bandIds", "", "the raster has no palette")
    names = _names(service)
    rows = _of_palette(service, runner)[2]
    return tuple((row[0], names.get(row[0], str(row[0])), palette[row[0]]) for row in rows)


def _names(service: ImageService) -> dict[int, str]:
    """What the table in the file calls the values."""
    table = attribute_table(service.source)
    if table is None:
        return {}
    value, label = _place(table, ("value",)), _place(table, _LABELS)
    if value is None or label is None or table.columns[label].kind is not str:
        return {}
    rows = (row for row in table.rows if len(row) > max(value, label))
    return {row[value]: row[label] for row in rows if isinstance(row[value], int) and row[label]}
