"""What waits until its turn comes: little of it in memory, and in few files."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from exportimage_wsgi.encode import spool
from exportimage_wsgi.encode.spool import in_order, read_back, room, write_at
from exportimage_wsgi.pixels import Pixels
from tests.encode.drawing import canvas, cut_small, encoded, holes, scene


def test_what_is_written_in_any_order_is_read_from_its_beginning() -> None:
    with room(6) as file:
        write_at(file, 3, b"def")
        write_at(file, 0, b"abc")

        assert b"".join(read_back(file)) == b"abcdef"


@pytest.mark.parametrize(
    "placed",
    [
        [(0, b"ab"), (2, b"cd"), (4, b"ef")],
        [(0, b"ab"), (4, b"ef"), (2, b"cd")],
        [(2, b"cd"), (4, b"ef"), (0, b"ab")],
        [(0, b"a"), (3, b"d"), (1, b"b"), (4, b"ef"), (2, b"c")],
    ],
)
def test_what_comes_too_early_waits_its_turn(placed: list[tuple[int, bytes]]) -> None:
    with room(6) as waiting:
        assert b"".join(in_order(placed, waiting)) == b"abcdef"


@pytest.mark.parametrize(("name", "most"), [("bip", 1), ("bsq", 1), ("lerc", 2)])
def test_any_number_of_bands_waits_in_few_files(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    """A process may have no more than about a thousand files open, and memory has an end, too."""
    values, valid = scene((20, 30), 60), holes((20, 30))
    cut_small(monkeypatch, 20 * 8)
    in_memory = encoded(name, canvas((20, 30), 60), Pixels(values, valid))
    made: list[Any] = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(spool, "SPOOL_BYTES", 10)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: made.append(make()) or made[-1])

    on_disk = encoded(name, canvas((20, 30), 60), Pixels(values, valid))

    assert on_disk == in_memory
    assert 0 < len(made) <= most and all(file.closed for file in made)
