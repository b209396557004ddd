"""Serving with gunicorn: what its processes do at signals."""

from __future__ import annotations

import os
import signal
import threading

import pytest

if not hasattr(os, "fork"):
    pytest.skip("gunicorn needs a fork", allow_module_level=True)

from gunicorn.config import Config

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
