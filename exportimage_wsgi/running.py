"""Running: the drivers that pull lazy pieces, in order, with a bounded look-ahead."""

from __future__ import annotations

import copy
import ctypes
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from .errors import CancelledError, OverloadedError

Piece = TypeVar("Piece")

_AHEAD = 2
_MANY_BYTES = 64 << 20
_GLANCE = 0.2
"""Seconds between two looks at whether work must stop."""


class Stop:
    """Says when to stop: the reader has left, the deadline has passed, the server stops."""

    def __init__(
        self, deadline: float | None = None, left: Callable[[], bool] | None = None
    ) -> None:
        """Make one that says nothing yet.

        Args:
            deadline: seconds from now, or `None` for no limit.
            left: tells whether the reader has left by itself; asked from any thread.
        """
        self._left, self._has_left = threading.Event(), left
        self._end = None if deadline is None else time.monotonic() + deadline
        self.waited = 0.0
        """Seconds that the work has waited for its turn, for memory and for a place together."""

    def now(self) -> None:
        """Nothing more is wanted."""
        self._left.set()

    def check(self) -> None:
        """Raises: CancelledError: work must not go on."""
        if self._left.is_set() or (self._has_left is not None and self._has_left()):
            raise CancelledError("the reader left")
        if self._end is not None and time.monotonic() > self._end:
            raise CancelledError("the export took longer than the deadline allows")


class Driver(Protocol):
    """A way to get pieces made: here and now, in threads, on a cluster."""

    def in_order(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        """Give `work(0)`, `work(1)`, … as they are asked for; closing it stops the work."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """Makes each piece when it is asked for, in the thread that asks."""

    def in_order(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        for index in range(count):
            stop.check()
            yield work(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """Makes pieces in one pool that the whole process shares, a few ahead of the reader."""

    workers: int = 0
    """Threads of the pool; 0 is one a core."""

    def in_order(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        workers = self.workers or cores()
        pool = _pool(os.getpid(), workers)
        waiting: deque[Future[Piece]] = deque()
        ahead = iter(range(count))
        try:
            for _ in range(count):
                while len(waiting) <= _AHEAD * workers and (index := next(ahead, None)) is not None:
                    waiting.append(_submitted(pool, _unless_stopped, work, index, stop))
                yield waiting.popleft().result()
        finally:
            stop.now()
            for future in waiting:
                future.cancel()


def _submitted(pool: ThreadPoolExecutor, *call: Any) -> Future[Any]:
    try:
        return pool.submit(*call)
    except RuntimeError as error:  # Python lets nobody begin anything while it ends.
        raise CancelledError("the server is stopping") from error


def _unless_stopped(work: Callable[[int], Piece], index: int, stop: Stop) -> Piece:
    stop.check()
    return work(index)


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}
_pools_lock = threading.Lock()


def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    """The pool of this process; a forked child makes its own."""
    with _pools_lock:
        if (process, workers) not in _pools:
            _pools[process, workers] = ThreadPoolExecutor(workers, "export")
        return _pools[process, workers]


@contextmanager
def pools_ended() -> Iterator[None]:
    """End the pools of the process afterwards, for programs that a signal may break off.

    Python waits for all threads at its end, and wakes those of pools: but not one that was only
    just begun when the exception came, which nobody would ever wake.
    """
    try:
        yield
    finally:
        with _pools_lock:
            pools = list(_pools.values())
            _pools.clear()
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)


class Admission:
    """Lets in so many heavy exports at a time; twice as many wait a little, the others are turned
    away, so that some threads of a server are left for what is small."""

    def __init__(self, places: int, patience: float = 10.0, memory: float = math.inf) -> None:
        """Let nobody in yet.

        Args:
            places: of exports that are being made.
            patience: seconds that one waits.
            memory: bytes for all that wait in memory until they are whole.
        """
        self._places = threading.BoundedSemaphore(places)
        self._seats = threading.BoundedSemaphore(2 * places)
        self._patience = patience
        self._memory = _Memory(memory)

    def patient(self) -> Admission:
        """The same places, for those who wait for one as long as it takes."""
        patient = copy.copy(self)
        patient._patience = float("inf")
        return patient

    @contextmanager
    def entered(self, stop: Stop) -> Iterator[None]:
        """Raises: OverloadedError: no place came free in time."""
        busy = "too many large exports are under way"
        self._in_time(lambda seconds: self._places.acquire(timeout=seconds), stop, busy)
        try:
            yield
        finally:
            self._places.release()

    def holds(self, wanted: int) -> bool:
        """Can so many bytes ever be set aside?"""
        return wanted <= self._memory.size

    @contextmanager
    def set_aside(self, wanted: int, stop: Stop) -> Iterator[None]:
        """Raises: OverloadedError: so many bytes did not come free in time."""
        busy = "too many exports that wait in memory are under way"
        self._in_time(partial(self._memory.taken, wanted), stop, busy)
        try:
            yield
        finally:
            self._memory.give(wanted)

    def _in_time(self, taken: Callable[[float], bool], stop: Stop, busy: str) -> None:
        """Wait until it is taken, as long as there is a seat for that."""
        if taken(0):
            return
        if math.isinf(self._patience):
            return self._wait(taken, stop, busy)
        if not self._seats.acquire(blocking=False):
            raise OverloadedError(busy)
        try:
            self._wait(taken, stop, busy)
        finally:
            self._seats.release()

    def _wait(self, taken: Callable[[float], bool], stop: Stop, busy: str) -> None:
        """Try again and again, for some seconds each, until it is taken or patience ends."""
        begun = time.monotonic()
        end = begun + self._patience - stop.waited
        try:
            while not taken(min(_GLANCE, max(0, end - time.monotonic()))):
                stop.check()
                if time.monotonic() >= end:
                    raise OverloadedError(busy)
        finally:
            stop.waited += time.monotonic() - begun


class _Memory:
    """Bytes of which parts are set aside."""

    def __init__(self, size: float) -> None:
        self.size = self._free = size
        self._changed = threading.Condition()

    def taken(self, wanted: int, seconds: float) -> bool:
        """Are they taken, once they are free within so many seconds?"""
        with self._changed:
            is_free = self._changed.wait_for(lambda: wanted <= self._free, seconds)
            if is_free:
                self._free -= wanted
            return is_free

    def give(self, wanted: int) -> None:
        """Give them back, to others here and, if they are many, to the system: glibc would keep for
        good what lies between blocks that are in use."""
        with self._changed:
            self._free += wanted
            self._changed.notify_all()
        if wanted >= _MANY_BYTES and sys.platform.startswith("linux"):
            # Other C libraries have no such function.
            with suppress(OSError, AttributeError):
                ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How exports are run: a driver for the large ones, and the limits that they obey."""

    driver: Driver = field(default_factory=Threads)
    """For exports of more than one piece."""

    deadline: float | None = None
    """Seconds that an export may take."""

    admission: Admission = field(default_factory=lambda: Admission(2 * cores()))

    left: Callable[[], bool] | None = None
    """Tells whether the reader has left, where that can be seen."""

    def stop(self) -> Stop:
        """What says when an export that begins now must stop."""
        return Stop(self.deadline, self.left)

    def pieces(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        """The pieces in order. A single one is made here, without any pool."""
        if count <= 1:
            yield from Here().in_order(work, count, stop)
            return
        with self.admission.entered(stop):
            yield from self.driver.in_order(work, count, stop)

    def within(self, memory: int, chunks: Iterator[Piece], stop: Stop) -> Iterator[Piece]:
        """The chunks, while so many bytes are set aside for what they are made of."""
        with self.admission.set_aside(memory, stop):
            try:
                yield from chunks
            finally:
                close(chunks)


def close(iterator: Any) -> None:
    """Close a generator, if that is what it is."""
    if hasattr(iterator, "close"):
        iterator.close()
