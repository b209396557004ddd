"""Summaries: items in an order, values that differ, and numbers made of many items' values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..esri.queries import OutStatistic, Sorting, StatisticType
from .table import Field, ItemTable, Positions

_AGGREGATES = {
    StatisticType.COUNT: "count",
    StatisticType.SUM: "sum",
    StatisticType.MIN: "min",
    StatisticType.MAX: "max",
    StatisticType.AVG: "mean",
    StatisticType.STDDEV: "stddev",
    StatisticType.VAR: "variance",
}
_OF_ANY = (StatisticType.COUNT, StatisticType.MIN, StatisticType.MAX)
_OF_A_SAMPLE = (StatisticType.STDDEV, StatisticType.VAR)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Records:
    """Rows that are no items: of differing values or of summaries."""

    fields: tuple[Field, ...]
    """`column` is that of `rows`."""

    rows: pa.Table


def values_of(table: ItemTable, field: Field, positions: Positions) -> Any:
    """A column of some rows; what is no number is null."""
    column = table.rows.column(field.column)
    if len(positions) < len(table) or not np.array_equal(positions, table.everywhere):
        column = column.take(pa.array(positions))
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def in_order(table: ItemTable, sortings: Sequence[Sorting], positions: Positions) -> Positions:
    """The rows ordered by fields; equal ones by OBJECTID, and those without a value last.

    Raises:
        ValueError: there is no such field.
    """
    if not sortings:
        return np.sort(positions)
    positions = np.sort(positions)
    columns = [values_of(table, table.field(each.field), positions) for each in sortings]
    rows = pa.table([*columns, pa.array(positions)], _numbered(len(columns) + 1))
    found: Positions = positions[_indices(rows, [*sortings, Sorting(field="OBJECTID")])]
    return found


def _numbered(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def _indices(rows: pa.Table, sortings: Sequence[Sorting]) -> Any:
    """Of the rows in order, null last; the sortings are those of the columns from the left."""
    ways = ["ascending" if each.ascending else "descending" for each in sortings]
    keys = list(zip(rows.column_names, ways, strict=True))
    return pc.sort_indices(rows, sort_keys=keys).to_numpy()


def distinct(
    table: ItemTable, fields: Sequence[Field], sortings: Sequence[Sorting], positions: Positions
) -> Records:
    """The combinations of values of some fields, each once; in their own order if not said.

    Raises:
        ValueError: they are to be ordered by another field.
    """
    columns = [values_of(table, field, positions) for field in fields]
    rows = pa.table(columns, [field.name for field in fields])
    return _sorted(fields, rows.group_by(rows.column_names).aggregate([]), sortings)


def _sorted(fields: Sequence[Field], rows: pa.Table, sortings: Sequence[Sorting]) -> Records:
    """By what is said, then by all fields from left to right; null is last."""
    known = {field.name.casefold(): field.name for field in fields}
    for each in sortings:
        if each.field.casefold() not in known:
            listed = ", ".join(known.values())
            raise ValueError(f"there is no field {each.field} in the reply; fields are {listed}")
    said = {known[each.field.casefold()]: each for each in sortings}
    every = {name: said.get(name, Sorting(field=name)) for name in (*said, *known.values())}
    if every:
        rows = rows.take(_indices(rows.select(list(every)), list(every.values())))
    columns = tuple(
        Field(name=field.name, column=field.name, type=field.type, length=field.length)
        for field in fields
    )
    return Records(fields=columns, rows=rows)


def summarised(
    table: ItemTable,
    statistics: Sequence[OutStatistic],
    groups: Sequence[Field],
    sortings: Sequence[Sorting],
    positions: Positions,
) -> Records:
    """The statistics of all rows, or of each group that has the same values.

    Raises:
        ValueError: there is no such field, or it holds nothing that can be summed up.
    """
    fields = [_checked(table, each) for each in statistics]
    _check_names(statistics, groups)
    columns = [values_of(table, group, positions) for group in groups]
    columns += [_summable(table, s, f, positions) for s, f in zip(statistics, fields, strict=True)]
    names = _numbered(len(columns))
    keys, values = names[: len(groups)], names[len(groups) :]
    found = (
        pa.table(columns, names)
        .group_by(keys, use_threads=False)
        .aggregate([(n, *_aggregate(s.type)) for n, s in zip(values, statistics, strict=True)])
    )
    results = [f"{n}_{_AGGREGATES[s.type]}" for n, s in zip(values, statistics, strict=True)]
    made = [_made(each, field) for each, field in zip(statistics, fields, strict=True)]
    said = [*groups, *made]
    rows = pa.table(found.select([*keys, *results]).columns, [field.name for field in said])
    return _sorted(said, rows, sortings)


def _check_names(statistics: Sequence[OutStatistic], groups: Sequence[Field]) -> None:
    taken = {group.name.casefold() for group in groups}
    for each in statistics:
        if each.name.casefold() in taken:
            raise ValueError(f"outStatisticFieldName {each.name} is that of a group, too")


def _checked(table: ItemTable, statistic: OutStatistic) -> Field:
    field = table.field(statistic.field)
    is_number = field.type not in ("esriFieldTypeString", "esriFieldTypeDate")
    if not is_number and statistic.type not in _OF_ANY:
        kind = "texts" if field.type == "esriFieldTypeString" else "dates"
        raise ValueError(f"{field.name} has {kind}: there is no {statistic.type.value} of them")
    return field


def _summable(table: ItemTable, statistic: OutStatistic, field: Field, at: Positions) -> Any:
    """Sums are those of floats, which don't overflow."""
    column = values_of(table, field, at)
    return column if statistic.type in _OF_ANY else column.cast(pa.float64(), safe=False)


def _aggregate(kind: StatisticType) -> tuple[Any, ...]:
    if kind in _OF_A_SAMPLE:
        return _AGGREGATES[kind], pc.VarianceOptions(ddof=1, min_count=2)
    return (_AGGREGATES[kind],)


def _made(statistic: OutStatistic, field: Field) -> Field:
    """The field of a statistic in the reply."""
    kind, length = "esriFieldTypeDouble", None
    if statistic.type is StatisticType.COUNT:
        kind = "esriFieldTypeInteger"
    elif statistic.type in _OF_ANY:
        kind, length = field.type, field.length
        kind = "esriFieldTypeInteger" if kind == "esriFieldTypeOID" else kind
    return Field(name=statistic.name, column=statistic.name, type=kind, length=length)
