"""gunicorn: worker processes with threads, that are replaced on SIGHUP while they answer.

The parent reads the configuration and opens nothing; each worker makes its own application.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from ..config import Config
from ..errors import ConfigError
from ..outputs.private import remove_private_folder
from . import Place, announce, warm

_log = logging.getLogger(__name__)

_LONGEST_FAREWELL = 3600
_SIGNS = 1 << 16
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def serve_workers(load: Callable[[], Config], place: Place) -> None:
    """Serve until SIGTERM, which lets requests end; see `serve`."""
    Parent(Workers(load, place)).run()  # type: ignore[no-untyped-call]


class Workers(BaseApplication):
    """A gunicorn of our own, that takes no options but ours."""

    cfg: Any
    """gunicorn's own settings."""

    def __init__(self, load: Callable[[], Config], place: Place) -> None:
        self._load, self._place = load, place
        self.config = load()
        self._first, self.up = _Baton(), _Signs()
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        hooks = {"post_worker_init": self._started, "worker_exit": _left, "on_exit": _ended}
        options = gunicorn_options(self.config, self._place) | hooks
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The application of one worker."""
        from ..web.app import create_app

        return create_app(self.config, self._place.prefix)

    def reload(self) -> None:
        """Read the configuration again; one that has faults changes nothing."""
        try:
            self.config = self._load()
        except ConfigError as error:
            for fault in error.faults:
                _log.error("the configuration is not reloaded: %s", fault)
        super().reload()  # type: ignore[no-untyped-call]

    def _started(self, worker: Any) -> None:
        app = worker.wsgi
        warm(app.catalog, worker.notify, is_first=worker.age == 1)
        self.up.show(worker.age)
        if self._first.is_mine():
            port = worker.sockets[0].getsockname()[1]
            announce(self._place.host, port, app.settings.front.prefix, app.catalog.names())


class Parent(Arbiter):
    """gunicorn's parent, with another way to reload: opening mosaics may take a while, so workers
    go on answering until those that take their places have come up. gunicorn's own would end them
    at once, and hear no signal before the last of them has gone."""

    app: Workers
    WORKERS: dict[int, Any]
    worker_age: int

    _oldest = 1
    """Age of the first worker with the configuration as it is; those before are to go."""
    _told: frozenset[int] = frozenset()
    """Workers that have been told to go."""

    def reload(self) -> None:
        self._oldest = self.worker_age + 1
        self.app.reload()
        self.setup(self.app)  # type: ignore[no-untyped-call]
        self.manage_workers()

    def spawn_worker(self) -> Any:
        """Let a new worker hear no signal before it has handlers of its own: those that it has of
        its parent would forget one to end, for which the parent then waits."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            return super().spawn_worker()  # type: ignore[no-untyped-call]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def manage_workers(self) -> None:
        ages = {process: worker.age for process, worker in self.WORKERS.items()}
        to_go = {process for process, age in ages.items() if age < self._oldest}
        if not to_go:
            return super().manage_workers()  # type: ignore[no-untyped-call, no-any-return]
        fresh = [age for age in ages.values() if age >= self._oldest]
        for _ in range(self.num_workers - len(fresh)):
            self.spawn_worker()
        if len(fresh) >= self.num_workers and all(map(self.app.up.is_shown, fresh)):
            for process in to_go - self._told:
                self.kill_worker(process, signal.SIGTERM)  # type: ignore[no-untyped-call]
            self._told = frozenset(to_go)


class Worker(ThreadWorker):
    """One that Ctrl-C always ends: it comes twice, from the terminal and from the parent, and
    gunicorn's own handler, interrupted by itself, would wait for a lock that it holds."""

    _is_quitting = False

    def init_signals(self) -> None:
        super().init_signals()  # type: ignore[no-untyped-call]
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        if self._is_quitting:
            return
        self._is_quitting = True
        super().handle_quit(sig, frame)  # type: ignore[no-untyped-call]


def _left(_: Any, worker: Any) -> None:
    """In a worker, when its requests have ended."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.close()


def _ended(_: Any) -> None:
    """In the parent, when the workers have gone."""
    remove_private_folder()


class _Signs:
    """By which workers, told apart by their age, show all processes that they have come up."""

    def __init__(self) -> None:
        self._shown = mmap.mmap(-1, _SIGNS)

    def show(self, age: int) -> None:
        self._shown[age % _SIGNS] = 1

    def is_shown(self, age: int) -> bool:
        return self._shown[age % _SIGNS] == 1


class _Baton:
    """Goes to the first of several processes that asks for it."""

    def __init__(self) -> None:
        self._taken, given = os.pipe()
        os.set_blocking(self._taken, False)
        os.write(given, b"1")

    def is_mine(self) -> bool:
        try:
            return bool(os.read(self._taken, 1))
        except BlockingIOError:
            return False


def gunicorn_options(config: Config, place: Place) -> dict[str, Any]:
    """Settings by gunicorn's names; those that a release doesn't know are left out."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    farewell = min(config.limits.deadline or _LONGEST_FAREWELL, _LONGEST_FAREWELL)
    return {
        "bind": f"{host}:{place.port}",
        "worker_class": f"{__name__}.{Worker.__name__}",
        "workers": place.workers,
        "threads": place.threads,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,
        # The main thread says that a worker lives; compiling on a slow machine takes a while.
        "timeout": 120,
        "graceful_timeout": int(farewell),
        "keepalive": 15,
        "limit_request_line": 8190,
        # Whose headers are believed is said in the configuration, and judged by the application.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "control_socket_disable": True,
        "errorlog": "-",
    }
