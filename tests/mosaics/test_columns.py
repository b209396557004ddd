from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from exportimage_wsgi.mosaics.columns import column, column_name, free_name
from exportimage_wsgi.mosaics.patterns import attributes, compiled


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", None], "int64"),
        (["1", "2.5"], "double"),
        (["1e3", ".5"], "double"),
        (["007", "012"], "string"),
        (["1", "x"], "string"),
        (["99999999999999999999"], "double"),
        (["20200131", "20201231"], "timestamp[ms, tz=UTC]"),
        (["20201331", "20200131"], "int64"),
        (["2020-01-31", "2020-01-31T10:00:00+02:00"], "timestamp[ms, tz=UTC]"),
        ([20200131], "int64"),
        ([1, 2.5, float("nan")], "double"),
        ([dt.datetime(2020, 1, 1)], "timestamp[ms, tz=UTC]"),
        (["", None, " "], "string"),
        ([True, False], "int64"),
    ],
)
def test_types_are_guessed(values: list[Any], kind: str) -> None:
    assert str(column("a", values).type) == kind


def test_dates_are_in_utc_and_milliseconds() -> None:
    found = column("a", ["2020-01-31T10:00:00.1234+02:00", "20200131"]).to_pylist()

    utc = dt.UTC
    assert found[0] == dt.datetime(2020, 1, 31, 8, 0, 0, 123_000, tzinfo=utc)
    assert found[1] == dt.datetime(2020, 1, 31, tzinfo=utc)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", "text", "12"),
        (12, "text", "12"),
        ("12", "number", 12.0),
        (20200131, "date", dt.datetime(2020, 1, 31, tzinfo=dt.UTC)),
        (86_400_000, "date", dt.datetime(1970, 1, 2, tzinfo=dt.UTC)),
        ("05", "integer", 5),
        ("-007.50", "number", -7.5),
        ("0", "integer", 0),
    ],
)
def test_types_are_as_the_operator_says(value: Any, kind: str, expected: Any) -> None:
    assert column("a", [value], kind).to_pylist() == [expected]


def test_a_value_that_is_not_of_its_type_is_named() -> None:
    with pytest.raises(ValueError, match="cloud='clear': is no number"):
        column("cloud", ["1", "clear"], "number")


def test_names_are_made_plain_and_free() -> None:
    assert column_name("eo:cloud-cover") == "eo_cloud_cover"
    assert column_name("3d é") == "_3d__"
    assert free_name("version") == "version_"
    assert free_name("a:b", ["a_b"]) == "a_b_"


def test_a_pattern_takes_linear_time() -> None:
    pattern = compiled("(?P<a>(x+x+)+y)")

    assert attributes(pattern, "x" * 100_000) == {"a": None}
