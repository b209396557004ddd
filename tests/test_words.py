from __future__ import annotations

import pytest

from exportimage_wsgi.words import counted


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 services"), (1, "1 service"), (2, "2 services")],
)
def test_one_is_told_as_one(count: int, told: str) -> None:
    assert counted(count, "service") == told


def test_a_noun_may_have_its_own_plural() -> None:
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
