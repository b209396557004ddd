"""Serving with gunicorn: what its processes do at signals."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from types import SimpleNamespace

import pytest

if not hasattr(os, "fork"):
    pytest.skip("gunicorn needs a fork", allow_module_level=True)

from gunicorn.config import Config

from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.serving import warm
from exportimage_wsgi.serving.with_gunicorn import Worker


class _Pool:
    """As an executor: its lock isn't to be taken twice by one thread."""

    def __init__(self, interrupt: int) -> None:
        self.interrupt, self.lock, self.ended = interrupt, threading.Lock(), 0

    def shutdown(self, wait: bool) -> None:
        assert self.lock.acquire(blocking=wait), "waits for itself"
        signal.raise_signal(self.interrupt)
        self.ended += 1
        self.lock.release()


def test_a_worker_ends_when_the_parent_s_signal_interrupts_the_terminal_s() -> None:
    worker = Worker(0, 0, [], None, 1, Config(), None)
    worker.tpool = pool = _Pool(signal.SIGQUIT)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGQUIT)}
    try:
        for each in before:
            signal.signal(each, worker.handle_quit)
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
    finally:
        worker.tmp.close()
        for each, handler in before.items():
            signal.signal(each, handler)

    assert pool.ended == 1 and not worker.alive


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
@pytest.mark.parametrize("said", [(), ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_")])
def test_memory_is_kept_for_the_next_picture_unless_the_environment_says_more(
    said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    library = SimpleNamespace(mallopt=lambda number, _: told.append(number))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    numbers = {"MALLOC_ARENA_MAX": -8, "MALLOC_MMAP_THRESHOLD_": -3, "MALLOC_TRIM_THRESHOLD_": -1}
    for name in numbers:
        monkeypatch.delenv(name, raising=False)
    for name in said:
        monkeypatch.setenv(name, "4")

    warm(Catalog({}))

    assert told == [number for name, number in numbers.items() if name not in said]
