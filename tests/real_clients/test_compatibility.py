"""The compatibility table claims what the tests show, no more and no less; it is tested last."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.real_clients.compatibility import (
    FOUND,
    PACKAGES,
    Results,
    committed,
    in_readme,
    table,
    versions,
)
from tests.real_clients.conftest import RESULTS


def declared() -> set[tuple[str, str]]:
    """Client and what is shown, of every test of this folder."""
    names = [path.stem for path in Path(__file__).parent.glob("test_*.py")]
    modules = [importlib.import_module(f"tests.real_clients.{name}") for name in names]
    tests = [each for module in modules for each in vars(module).values()]
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", ())]
    return {mark.args for mark in marks if mark.name == "client"}


def claimed() -> Results:
    return {row["client"]: row["tested"] for row in committed()}


def test_every_row_has_its_test_and_every_test_its_row() -> None:
    rows = {(client, what) for client, tested in claimed().items() for what in tested}

    assert rows == declared()


def test_the_file_agrees_with_what_this_run_found(request: pytest.FixtureRequest) -> None:
    found = request.config.stash.get(RESULTS, {})
    if request.config.cache is not None:
        request.config.cache.set(FOUND, found)

    for client, tested in found.items():
        assert tested.items() <= claimed()[client].items(), client


def test_the_readme_has_the_table_of_the_file() -> None:
    assert in_readme() == table(committed())


def test_the_versions_are_those_of_this_run_where_they_are_pinned() -> None:
    here, said = versions(), {row["client"]: row["version"] for row in committed()}

    assert {name: here[name] for name in PACKAGES} == {name: said[name] for name in PACKAGES}
    assert set(here) == {name for name, version in said.items() if version}
