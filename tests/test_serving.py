"""Serving with gunicorn: what its processes do at signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from itertools import islice

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


_PROGRAM = """
import os, signal
from exportimage_wsgi.config import Config
from exportimage_wsgi.serving import Place
from exportimage_wsgi.serving.with_gunicorn import Parent, Workers

def end_at_once(_, worker):
    if worker.age == 1:
        os.kill(os.getpid(), signal.SIGTERM)

place = Place(host="127.0.0.1", port=0, workers=1, threads=1)
app = Workers(lambda: Config.checked({"services": {}}), place)
app.cfg.set("post_fork", end_at_once)
app.cfg.set("post_worker_init", lambda worker: print("up", worker.age, flush=True))
Parent(app).run()
"""


def test_a_worker_that_is_told_to_end_while_it_begins_ends() -> None:
    served = subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    killer = threading.Timer(60, served.kill)
    killer.start()
    with served, served.stdout as lines:
        ages = [line.strip() for line in islice(lines, 2)]
        served.terminate()
        assert served.wait() == 0
    killer.cancel()

    assert ages == ["up 1", "up 2"]
