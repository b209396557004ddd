"""Drivers: in order, no further ahead than they must be, stopped when nobody reads."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from exportimage_wsgi.errors import CancelledError, OverloadedError
from exportimage_wsgi.running import Admission, Here, Runner, Stop, Threads
from tests.clusters import until

DRIVERS = [Here(), Threads(workers=1), Threads(workers=3)]


class Work:
    """Gives what it is asked for, the first pieces last, and counts."""

    def __init__(self, fails_at: int = 10**9) -> None:
        self.fails_at, self.done = fails_at, 0
        self._lock = threading.Lock()

    def __call__(self, index: int) -> int:
        if index >= self.fails_at:
            raise ZeroDivisionError("a piece failed")
        time.sleep(0.003 if index % 3 == 0 else 0)
        with self._lock:
            self.done += 1
        return index * index


@pytest.mark.parametrize("driver", DRIVERS, ids=str)
def test_pieces_come_in_order(driver: Any) -> None:
    assert list(driver.in_order(Work(), 40, Stop())) == [index**2 for index in range(40)]


@pytest.mark.parametrize("driver", DRIVERS, ids=str)
def test_nothing_is_made_far_ahead_of_the_reader(driver: Any) -> None:
    work = Work()
    pieces = driver.in_order(work, 500, Stop())
    next(pieces)
    time.sleep(0.1)

    # The one that is given, two for each of three threads, and one more.
    assert work.done <= 1 + 2 * 3 + 1
    pieces.close()


@pytest.mark.parametrize("driver", DRIVERS, ids=str)
def test_a_piece_that_fails_fails_the_reader(driver: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        list(driver.in_order(Work(fails_at=5), 500, Stop()))


@pytest.mark.parametrize("driver", DRIVERS, ids=str)
def test_closing_stops_what_is_left(driver: Any) -> None:
    work = Work()
    pieces = driver.in_order(work, 500, Stop())
    next(pieces)
    pieces.close()
    time.sleep(0.05)
    done = work.done
    time.sleep(0.1)

    assert work.done == done < 10


@pytest.mark.parametrize("driver", DRIVERS, ids=str)
def test_a_reader_who_left_and_a_deadline_end_the_work(driver: Any) -> None:
    left = Stop()
    left.now()

    for stop in (left, Stop(deadline=-1)):
        with pytest.raises(CancelledError):
            list(driver.in_order(Work(), 10, stop))


def test_a_place_is_given_back_when_the_reader_closes() -> None:
    runner = Runner(driver=Here(), admission=Admission(1, patience=0.01))
    first = runner.pieces(Work(), 5, Stop())
    next(first)

    with pytest.raises(OverloadedError):
        next(runner.pieces(Work(), 5, Stop()))
    assert list(runner.pieces(Work(), 1, Stop())) == [0]
    first.close()
    assert len(list(runner.pieces(Work(), 5, Stop()))) == 5


def test_twice_as_many_wait_as_there_are_places() -> None:
    admission, stops = Admission(1, patience=60), [Stop(), Stop()]

    def wait(stop: Stop) -> None:
        with pytest.raises(CancelledError), admission.entered(stop):
            pass

    with admission.entered(Stop()):
        waiting = [threading.Thread(target=wait, args=(stop,)) for stop in stops]
        for each in waiting:
            each.start()
        until(lambda: not admission._seats._value, "nobody waits")  # type: ignore[attr-defined]
        with pytest.raises(OverloadedError), admission.entered(Stop()):
            pass
        for stop in stops:
            stop.now()
        for each in waiting:
            each.join()


def test_memory_is_set_aside_until_the_reader_closes() -> None:
    runner = Runner(admission=Admission(9, patience=0.01, memory=100))
    first = runner.within(60, iter([b"1", b"2"]), Stop())
    next(first)

    with pytest.raises(OverloadedError, match="wait in memory"):
        next(runner.within(41, iter([b"1"]), Stop()))
    assert list(runner.within(40, iter([b"1"]), Stop())) == [b"1"]
    first.close()
    assert list(runner.within(100, iter([b"1"]), Stop())) == [b"1"]


def test_who_waits_for_memory_gets_it_as_soon_as_it_is_free() -> None:
    admission = Admission(9, patience=60, memory=100)
    first = Runner(admission=admission).within(60, iter([b"1"]), Stop())
    next(first)
    threading.Timer(0.05, first.close).start()

    with admission.set_aside(100, Stop()):
        assert not admission.holds(101)


def test_an_export_waits_for_memory_and_for_a_place_as_long_as_others_for_one() -> None:
    admission, stop = Admission(1, patience=0.05, memory=100), Stop()
    with admission.set_aside(100, Stop()), pytest.raises(OverloadedError):
        admission.set_aside(1, stop).__enter__()
    spent, later = stop.waited, Admission(1, patience=60)
    stop.waited = 60

    with later.entered(Stop()), pytest.raises(OverloadedError), later.entered(stop):
        pass
    assert spent >= 0.05


def test_one_pool_serves_all_exports() -> None:
    before = threading.active_count()
    for _ in range(20):
        list(Threads(workers=4).in_order(Work(), 10, Stop()))

    assert threading.active_count() <= before + 4


def test_a_program_that_is_broken_off_as_a_thread_begins_ends() -> None:
    program = """
from concurrent.futures import thread
from exportimage_wsgi.running import Stop, Threads, pools_ended

class Interrupted(dict):
    def __setitem__(self, *_):
        raise KeyboardInterrupt

thread._threads_queues = Interrupted()
with pools_ended():
    list(Threads(workers=1).in_order(str, 3, Stop()))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)

    assert b"KeyboardInterrupt" in ended.stderr
