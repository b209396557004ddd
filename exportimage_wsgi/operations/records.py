"""Records: items and their fields as Esri's JSON and GeoJSON have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from ..esri.features import geojson, rings_json
from ..mosaics.summaries import values_of
from ..mosaics.table import Field, ItemTable, Positions

OBJECT_ID = "OBJECTID"
SHAPE = {
    "name": "Shape",
    "type": "esriFieldTypeGeometry",
    "alias": "Shape",
    "domain": None,
}
"""The footprint, as a service lists it among its fields."""


def field_json(field: Field) -> dict[str, Any]:
    said = {"name": field.name, "type": field.type, "alias": field.name, "domain": None}
    return said if field.length is None else said | {"length": field.length}


def attributes(
    table: ItemTable, fields: Sequence[Field], positions: Positions
) -> list[dict[str, Any]]:
    """Of each row; dates are milliseconds since 1970."""
    return _records(
        fields, [values_of(table, field, positions) for field in fields], len(positions)
    )


def attributes_of(fields: Sequence[Field], rows: pa.Table) -> list[dict[str, Any]]:
    """The same of rows that are no items."""
    return _records(fields, [rows.column(field.column) for field in fields], rows.num_rows)


def _records(fields: Sequence[Field], columns: Sequence[Any], count: int) -> list[dict[str, Any]]:
    names = [field.name for field in fields]
    if not columns:
        return [{} for _ in range(count)]
    values = zip(*(_plain(column) for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in values]


def _plain(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
    found: list[Any] = column.to_pylist()
    return found


def features(records: Sequence[dict[str, Any]], shapes: Sequence[Any] | None) -> list[Any]:
    """Esri's features; those without a shape have none."""
    if shapes is None:
        return [{"attributes": record} for record in records]
    return [
        {"attributes": record, "geometry": rings_json(shape)}
        for record, shape in zip(records, shapes, strict=True)
    ]


def geojson_features(
    ids: Sequence[int], records: Sequence[dict[str, Any]], shapes: Sequence[Any] | None
) -> Iterator[dict[str, Any]]:
    """Features of RFC 7946; shapes are in WGS 84."""
    for number, record in enumerate(records):
        shape = None if shapes is None else geojson(shapes[number])
        identity = {"id": int(ids[number])} if len(ids) else {}
        yield {"type": "Feature", **identity, "geometry": shape, "properties": record}
