"""Orders, differing values and statistics; Python's own sorting and statistics are the witness."""

from __future__ import annotations

import json
import statistics
from typing import Any

import numpy as np
import pytest
import shapely

from exportimage_wsgi.esri.queries import out_statistics, sortings
from exportimage_wsgi.mosaics.summaries import distinct, in_order, summarised
from exportimage_wsgi.mosaics.table import ItemTable
from tests.mosaics.items import dates, item_table

YEARS = [2001, None, 2003, 2001, 2002, 2003]
CLOUDS = [0.5, 1.5, None, 2.5, float("nan"), 4.0]
KINDS = ["b", "a", "b", None, "a", "b"]


def items() -> ItemTable:
    return item_table(
        [shapely.box(0, 0, 1, 1)] * 6,
        year=YEARS,
        cloud=CLOUDS,
        kind=KINDS,
        taken=dates("2001-01-01", None, "2003-01-01", "2001-01-01", "2002-01-01", "2003-01-01"),
    )


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("Year", [0, 3, 4, 2, 5, 1]),
        ("year DESC", [2, 5, 4, 0, 3, 1]),
        ("kind asc, YEAR desc", [4, 1, 2, 5, 0, 3]),
        ("cloud DESC", [5, 3, 1, 0, 2, 4]),
        ("taken, objectid desc", [3, 0, 4, 5, 2, 1]),
        ("Name DESC", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_items_are_ordered_and_ties_by_their_id(order: str, expected: list[int]) -> None:
    said = sortings(order) if order else ()

    assert in_order(items(), said, np.array([5, 4, 3, 2, 1, 0])).tolist() == expected


def test_values_that_differ_come_once() -> None:
    table = items()
    fields = [table.field("kind"), table.field("Year")]
    found = distinct(table, fields, (), table.everywhere).rows.to_pylist()

    expected = [("a", 2002), ("a", None), ("b", 2001), ("b", 2003), (None, 2001)]
    assert [tuple(row.values()) for row in found] == expected


def told(*said: tuple[str, str], groups: tuple[str, ...] = (), order: str = "") -> list[Any]:
    text = [{"statisticType": kind, "onStatisticField": field} for kind, field in said]
    table = items()
    found = summarised(
        table,
        out_statistics(json.dumps(text)),
        [table.field(name) for name in groups],
        sortings(order) if order else (),
        table.everywhere,
    )
    return [tuple(row.values()) for row in found.rows.to_pylist()]


def test_statistics_of_all_items() -> None:
    clouds = [0.5, 1.5, 2.5, 4.0]
    kinds = ("count", "sum", "min", "max", "avg", "stddev", "var")
    (found,) = told(*((kind, "cloud") for kind in kinds))

    expected = (
        4, sum(clouds), 0.5, 4.0, statistics.mean(clouds), statistics.stdev(clouds),
        statistics.variance(clouds),
    )  # fmt: skip
    assert found == pytest.approx(expected)


def test_statistics_of_groups() -> None:
    found = told(("count", "OBJECTID"), ("MAX", "year"), ("avg", "cloud"), groups=("KIND",))

    assert found == [("a", 2, 2002, 1.5), ("b", 3, 2003, 2.25), (None, 1, 2001, 2.5)]
    assert told(("count", "objectid"), groups=("kind",), order="count_objectid desc")[0] == ("b", 3)


def test_texts_and_dates_have_a_least_and_a_greatest() -> None:
    ((least, greatest, first),) = told(("min", "kind"), ("max", "kind"), ("min", "taken"))

    assert (least, greatest, first.year) == ("a", "b", 2001)


@pytest.mark.parametrize(("kind", "field"), [("sum", "kind"), ("avg", "taken"), ("var", "Name")])
def test_texts_and_dates_have_no_sum(kind: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"there is no {kind} of them"):
        told((kind, field))


def test_one_value_deviates_from_nothing() -> None:
    assert told(("stddev", "cloud"), groups=("kind",)) == [
        ("a", None), ("b", pytest.approx(statistics.stdev([0.5, 4.0]))), (None, None),
    ]  # fmt: skip


def test_no_items_have_a_count_of_none() -> None:
    table = items()
    asked = out_statistics(
        '[{"statisticType":"count","onStatisticField":"year"},'
        '{"statisticType":"max","onStatisticField":"kind"}]'
    )
    found = summarised(table, asked, (), (), table.everywhere[:0])

    assert [tuple(row.values()) for row in found.rows.to_pylist()] == [(0, None)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "must be a JSON list"),
        ("[]", "must be a JSON list of 1 to 100"),
        (
            '[{"statisticType":"percentile_cont","onStatisticField":"year"}]',
            "percentile_cont is not",
        ),
        ('[{"statisticType":"sum"}]', "onStatisticField"),
        ('[{"statisticType":"sum","onStatisticField":"a","outStatisticFieldName":"a b"}]', "name"),
        (
            '[{"statisticType":"sum","onStatisticField":"a"},' * 1 + '{"statisticType":"sum",'
            '"onStatisticField":"a"}]',
            "another one for each",
        ),
    ],
)
def test_statistics_that_cannot_be_meant_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        out_statistics(text)
