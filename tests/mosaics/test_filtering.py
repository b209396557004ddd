"""Conditions over columns hold as they do row by row; times meet ranges with their ends."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from exportimage_wsgi.esri.where import parse_where
from exportimage_wsgi.mosaics.filtering import in_time, matching
from exportimage_wsgi.mosaics.table import ItemTable
from tests.mosaics.items import dates, item_table, row_of

TEXTS = (
    "", "a", "A", "Straße", "100%", "x_y", "a\nb", "O'Neil", "5", "2005", "-1.5", None, "\\", "é",
    "a.b*c[d]", "1e3", "2.50", "aaab", "ab" * 40, None,
)  # fmt: skip
YEARS = (2005, 2006, None, 5, -3, 0, 2**53 + 1, None, 2005, 1)
CLOUDS = (0.5, None, 5.0, float("nan"), -1.5, 1e300, 2005.0, float("inf"), 0.1, 2.5)
DAYS = (
    "2010-01-01", "2009-12-31T23:59:59", None, "1969-07-20T20:17:40.123", "2020-02-29",
    "2010-01-01T00:00:00.001", None, "2038-01-19", "0001-01-01", "2010-01-01",
)  # fmt: skip


@cache
def table() -> ItemTable:
    count = len(TEXTS)
    return item_table(
        [shapely.box(x, 0, x + 1, 1) for x in range(count)],
        label=pa.array(TEXTS, pa.string()),
        Year=pa.array(YEARS * 2, pa.int64()),
        cloud=pa.chunked_array([pa.array(CLOUDS), pa.array(CLOUDS[::-1])]),
        taken=dates(*DAYS, *DAYS[::-1]),
    )


FIELDS = {
    "text": ("label", "LABEL", '"label"', "Name", "UPPER(label)", "lower(label)", "LOWER(Year)"),
    "number": ("Year", "year", "cloud", "OBJECTID", "CenterX"),
    "date": ("taken", "TAKEN"),
}
LITERALS = {
    "text": ("'a'", "'Straße'", "''", "'5'", "5", "2005", "-1.5", "'O''Neil'", "DATE '2010-01-01'"),
    "number": ("5", "2005", "'2005'", "0.5", "-1.5", "'2.5'", "1e300", "7"),
    "date": (
        "DATE '2010-01-01'", "'2010-01-01'", "TIMESTAMP '2009-12-31 23:59:59'", "1262304000000",
        "CURRENT_DATE - 7", "CURRENT_TIMESTAMP - INTERVAL '2' HOUR", "'1262304000000'",
    ),
}  # fmt: skip
PATTERNS = (
    "'%'", "'_'", "'%a%'", "'%%b'", "'a_b'", "'100!%' ESCAPE '!'", "'x#_y' ESCAPE '#'", "'\\'",
    "'a.b*c[d]'", "'20%'", "'_tra%'", "'%ab%ab%b'", "'é'", "''", "'a%b'", "'%.5'",
)  # fmt: skip


def single_test(chosen: random.Random) -> str:
    kind = chosen.choice(("text", "number", "date"))
    field, negated = chosen.choice(FIELDS[kind]), chosen.choice(("", "NOT "))
    literals = chosen.sample(LITERALS[kind], 3)
    match chosen.randrange(7):
        case 0:
            return f"{field} IS {negated}NULL"
        case 1:
            return f"{field} {negated}IN ({', '.join(literals)})"
        case 2:
            return f"{field} {negated}BETWEEN {literals[0]} AND {literals[1]}"
        case 3:
            return f"{field} {negated}LIKE {chosen.choice(PATTERNS)}"
        case 4:
            return chosen.choice(
                ("1=1", "1 = 2", "'a' < 'b'", "'5' = 5", "'a' LIKE '_'", "5 IN (5)")
            )
        case 5:
            other = chosen.choice([name for names in FIELDS.values() for name in names])
            return f"{field} {sign(chosen)} {other}"
    sides = [field, sign(chosen), literals[0]]
    return " ".join(sides if chosen.random() < 0.7 else sides[::-1])


def sign(chosen: random.Random) -> str:
    return chosen.choice(("=", "<>", "!=", "<", "<=", ">", ">="))


def condition_of(chosen: random.Random, depth: int = 0) -> str:
    if depth == 3 or chosen.random() < 0.4:
        return single_test(chosen)
    parts = [condition_of(chosen, depth + 1) for _ in range(chosen.choice((1, 2, 3)))]
    joined = chosen.choice((" AND ", " OR ")).join(f"({part})" for part in parts)
    return chosen.choice(("", "NOT ")) + f"({joined})"


@pytest.mark.parametrize("seed", range(20))
def test_random_conditions_hold_as_they_do_row_by_row(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(25):
        text = condition_of(chosen)
        condition = parse_where(text)
        positions = np.array(chosen.sample(range(len(TEXTS)), chosen.randrange(len(TEXTS) + 1)))
        expected = [p for p in positions if condition.holds(row_of(table(), p)) is True]
        positions = positions.astype(np.int64)

        assert matching(table(), condition, positions).tolist() == expected, text


@pytest.mark.parametrize("field", FIELDS["text"])
def test_every_pattern_and_text_finds_what_it_finds_row_by_row(field: str) -> None:
    """Random conditions come too seldom to patterns of more than one kind of sign."""
    tests = [f"LIKE {pattern}" for pattern in (*PATTERNS, "'a_b*%[d]'", "'_(%'", "'%STRAẞ_'")]
    tests += [f"= {text}" for text in (*LITERALS["text"], "'É'", "'STRASSE'", "'straße'")]
    for test in tests:
        condition = parse_where(f"{field} {test}")
        expected = [
            p for p in range(len(TEXTS)) if condition.holds(row_of(table(), np.int64(p))) is True
        ]

        found = matching(table(), condition, table().everywhere)

        assert found.tolist() == expected, test


def test_all_rows_at_once_keep_their_order() -> None:
    found = matching(table(), parse_where("Year = 2005"), table().everywhere)

    assert found.tolist() == [0, 8, 10, 18]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Yeer = 5", "there is no field Yeer; fields are OBJECTID, Name"),
        ("1=1 OR UPPER(path) = 'X'", "there is no field path"),
        ("source = '/secret'", "there is no field source"),
        ("Year = 'abc'", "Year has numbers, 'abc' is none"),
        ("Year IN (2005, '2010-01-01')", "Year has numbers, '2010-01-01' is none"),
        ("taken > 'yesterday'", "taken has dates, 'yesterday' is none"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        matching(table(), parse_where(text), table().everywhere)


def test_an_empty_table_selects_nothing() -> None:
    empty = item_table([], label=pa.array([], pa.string()))

    assert len(matching(empty, parse_where("LOWER(label) LIKE 'a%' OR 1=1"), empty.everywhere)) == 0


@pytest.mark.parametrize(
    ("time_range", "expected"),
    [
        ((0, 1_000), [0, 2]),
        ((1_000, 1_000), [0, 2]),
        ((1_001, 1_999), [2]),
        ((None, 0), [2]),
        ((2_000, None), [1, 2]),
        ((None, None), [0, 1, 2]),
        ((5_001, 9_000), []),
    ],
)
def test_spans_meet_a_range_with_its_ends(time_range: Any, expected: list[int]) -> None:
    second = "1970-01-01T00:00:0"
    items = item_table(
        [shapely.box(0, 0, 1, 1)] * 4,
        start=dates(f"{second}1", f"{second}2", f"{second}0", None),
        end=dates(f"{second}1", f"{second}3", f"{second}5", f"{second}1"),
    )

    assert in_time(items, ("start", "end"), time_range, items.everywhere).tolist() == expected


def test_instants_without_a_time_are_left_out() -> None:
    items = item_table([shapely.box(0, 0, 1, 1)] * 3, taken=dates("2000-01-01", None, "2001-01-01"))

    assert in_time(items, ("taken",), (None, None), items.everywhere[::-1]).tolist() == [2, 0]
    assert in_time(items, ("Taken",), (978307200000, None), items.everywhere).tolist() == [2]
