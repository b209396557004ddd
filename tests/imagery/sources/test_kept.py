"""What is kept is bounded, made once, and not shared with children."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from exportimage_wsgi.imagery.sources.kept import KeptThings


def made(size: int) -> NDArray[np.uint8]:
    return np.zeros(size, np.uint8)


def refused() -> NDArray[np.uint8]:
    raise AssertionError("it was kept")


def test_what_was_used_last_is_kept() -> None:
    kept = KeptThings(lambda: 100)
    one = kept.get("one", lambda: made(40))
    kept.get("two", lambda: made(40))

    assert kept.get("one", refused) is one
    kept.get("three", lambda: made(40))

    assert kept.get("one", refused) is one and kept.nbytes == 80
    with pytest.raises(AssertionError):
        kept.get("two", refused)


def test_what_is_dropped_is_made_again() -> None:
    kept = KeptThings(lambda: 100)
    for key in ("one", "two"):
        kept.get(key, lambda: made(40))

    kept.drop(lambda key: key == "one")

    assert kept.nbytes == 40 and len(kept.get("two", refused)) == 40
    with pytest.raises(AssertionError):
        kept.get("one", refused)


def test_what_is_larger_than_all_is_given_and_not_kept() -> None:
    kept = KeptThings(lambda: 100)

    assert len(kept.get("huge", lambda: made(101))) == 101
    assert kept.nbytes == 0


def test_two_threads_that_want_one_thing_make_it_once() -> None:
    kept, begun, go_on = KeptThings(lambda: 100), threading.Event(), threading.Event()
    found = []

    def slowly() -> NDArray[np.uint8]:
        begun.set()
        assert go_on.wait(10)
        return made(1)

    first = threading.Thread(target=lambda: found.append(kept.get("it", slowly)))
    second = threading.Thread(target=lambda: found.append(kept.get("it", refused)))
    first.start()
    assert begun.wait(10)
    second.start()
    go_on.set()
    first.join()
    second.join()

    assert len(found) == 2 and found[0] is found[1]


def test_what_could_not_be_made_is_tried_again() -> None:
    kept = KeptThings(lambda: 100)
    with pytest.raises(AssertionError):
        kept.get("it", refused)

    assert len(kept.get("it", lambda: made(3))) == 3


def test_a_child_begins_with_nothing() -> None:
    kept = KeptThings(lambda: 100)
    kept.get("it", lambda: made(3))
    kept.after_fork()

    assert kept.nbytes == 0 and len(kept.get("it", lambda: made(4))) == 4
