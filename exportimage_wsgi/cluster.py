"""A cluster of dask.distributed as a driver: pieces are made where the workers are.

The rasters are read and the pieces encoded there; only finished pieces travel. The work itself is
packed once an export, as a task of its own: a worker that has lost it gets it made again, where
data that was only placed there would be gone.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import operator
import os
import pickle
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import ExportImageError, OverloadedError, SourceError
from .running import Driver, Piece, Stop, Threads

if TYPE_CHECKING:
    from distributed import Client, Future

_log = logging.getLogger(__name__)

_GLANCE = 0.1
"""Seconds between two looks at whether work must stop."""
_SILENCE = 5.0
"""Seconds without a piece after which the scheduler is asked whether it is there."""
_WITHOUT_WORKERS = 30.0
"""Seconds that an export which has begun waits for a worker, when all of them are gone."""
_AT_ONCE = 8
"""Most pieces that are fetched together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Makes pieces on the workers of a scheduler; those who don't answer are soon given up."""

    address: str
    """Of the scheduler: `tcp://host:port` or `tls://host:port`."""

    patience: float = 3.0
    """Seconds that the scheduler has for an answer."""

    pause: float = 5.0
    """Seconds that a scheduler which did not answer isn't asked again."""

    def in_order(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        """Give the pieces in order; see `Driver`.

        Raises:
            OverloadedError: the scheduler is out of reach, or has no workers.
            ExportImageError: the work cannot be sent, or workers lack what it needs.
        """
        packed = _packed(work)
        stop.check()
        link = _link_of(self)
        batch = _Batch(link, work, packed, link.threads())
        try:
            yield from batch.pieces(count, stop)
        finally:
            stop.now()
            batch.release()


def driver(scheduler: str, threads: int) -> Driver:
    """What `[compute]` says: `threads` of this process, or the cluster at an address."""
    if scheduler == "threads":
        return Threads(workers=threads)
    return Cluster(address=scheduler)


# --- what is sent ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parcel:
    """Work on its way between machines: it opens only where this very release is installed."""

    work: Callable[[int], Any]

    def __call__(self, index: int) -> Any:
        return self.work(index)

    def __reduce__(self) -> tuple[Any, tuple[str, bytes]]:
        return _opened, (__version__, pickle.dumps(self.work))


def _opened(version: str, work: bytes) -> Parcel:
    if version != __version__:
        raise ExportImageError(
            f"a worker of the cluster has exportimage-wsgi {__version__}; it needs {version}"
        )
    return Parcel(pickle.loads(work))


def _packed(work: Callable[[int], Any]) -> bytes:
    try:
        return pickle.dumps(Parcel(work))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        _log.warning("work cannot be sent to the cluster", exc_info=error)
        raise ExportImageError("this raster cannot be sent to a cluster") from error


class _Batch:
    """The tasks of one export. Only Python's own functions are named in them, so that the
    scheduler needs nothing of this package."""

    def __init__(
        self, link: _Link, here: Callable[[int], Any], packed: bytes, threads: int
    ) -> None:
        self._link, self._client, self._here = link, link.client(), here
        self._name = f"export-{uuid.uuid4().hex}"
        self._most = 2 * threads + 1
        self._work = self._client.submit(pickle.loads, packed, key=self._name, pure=False)
        self._waiting: deque[Future[Any]] = deque()

    def pieces(self, count: int, stop: Stop) -> Iterator[Any]:
        """The results in order, so many tasks ahead as keep every thread at work."""
        ahead = iter(range(count))
        done = 0
        while done < count:
            stop.check()
            with _told():
                for index in islice(ahead, self._most - len(self._waiting)):
                    self._waiting.append(self._task(index))
                ready = self._ready(stop, done)
            done += len(ready)
            yield from ready

    def release(self) -> None:
        """Give up what isn't fetched: queued tasks are dropped, running ones end their piece."""
        for future in (*self._waiting, self._work):
            future.release()
        self._waiting.clear()

    def _task(self, index: int) -> Future[Any]:
        key = f"{self._name}-{index}"
        return self._client.submit(operator.call, self._work, index, key=key, pure=False)

    def _ready(self, stop: Stop, done: int) -> list[Any]:
        """Wait for the next result; it, and those behind it that are there already."""
        try:
            ready = self._waited_for(stop)
        except SourceError as error:
            raise self._confirmed(done, error) from error
        for _ in ready:
            self._waiting.popleft().release()
        return ready

    def _confirmed(self, done: int, error: SourceError) -> ExportImageError:
        """The error, if it is met here as well: rasters that workers alone lack aren't damaged, and
        not to be left out of a mosaic. One piece is made for it."""
        failed = (index for index, each in enumerate(self._waiting, done) if each.status == "error")
        try:
            self._here(next(failed, done))
        except SourceError as found:
            return found
        return ExportImageError(f"a worker of the cluster cannot read what is read here: {error}")

    def _waited_for(self, stop: Stop) -> list[Any]:
        fetching = self._link.begun(_fetched(self._client, list(islice(self._waiting, _AT_ONCE))))
        watch = _Watch(self._link, self._client)
        try:
            while True:
                with suppress(TimeoutError):
                    ready: list[Any] = fetching.result(_GLANCE)
                    return ready
                if fetching.done() and isinstance(fetching.exception(), TimeoutError):
                    raise OverloadedError("the cluster did not answer in time")
                stop.check()
                watch.check()
        finally:
            fetching.cancel()


async def _fetched(client: Client, futures: list[Future[Any]]) -> list[Any]:
    """The results of the first future, and of those right behind it that are done with it."""
    first = await _gathered(client, futures[:1])
    done = list(takewhile(lambda future: future.done(), futures[1:]))
    return first + (await _gathered(client, done) if done else [])


async def _gathered(client: Client, futures: list[Future[Any]]) -> list[Any]:
    """Their results. Other exports may share the fetch: whoever stops must not break it off."""
    fetch = asyncio.ensure_future(client.gather(futures))
    fetch.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return list(await asyncio.shield(fetch))


class _Watch:
    """Looks after a cluster from which nothing comes."""

    def __init__(self, link: _Link, client: Client) -> None:
        self._link, self._client = link, client
        self._asked = self._populated = time.monotonic()

    def check(self) -> None:
        """Raises: OverloadedError: the scheduler is gone, or has been without workers."""
        now = time.monotonic()
        if now - self._asked < _SILENCE:
            return
        self._asked = now
        if self._link.ask(self._client):
            self._populated = now
        elif now - self._populated > _WITHOUT_WORKERS:
            raise OverloadedError("the cluster has no workers")


@contextmanager
def _told() -> Iterator[None]:
    """Faults of the cluster in our words; errors of the work keep their class and text."""
    from distributed.scheduler import KilledWorker

    try:
        yield
    except FutureCancelledError as error:
        raise OverloadedError("the cluster's scheduler was lost") from error
    except KilledWorker as error:
        raise ExportImageError("workers of the cluster died of this export") from error
    except ModuleNotFoundError as error:
        raise ExportImageError(f"a worker of the cluster lacks {_name(error)}") from error


def _name(error: ModuleNotFoundError) -> str:
    module = (error.name or "a library").partition(".")[0]
    return module.replace("_", "-") if module == __package__ else module


# --- the way there ---------------------------------------------------------------------------


class _Link:
    """The connection of this process to a scheduler: made when it is needed, and again when it
    was lost. It has an event loop of its own, so that every wait has an end."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._down_until = -1.0

    def client(self) -> Client:
        """The client, connected.

        Raises:
            OverloadedError: the scheduler does not answer, or did not a moment ago.
        """
        with self._lock:
            if self._client is not None and self._client.status == "running":
                return self._client
            if time.monotonic() < self._down_until:
                raise OverloadedError("the cluster's scheduler does not answer")
            self._forget()
            try:
                self._client = self._run(_connected(self._cluster))
            except Exception as error:  # What is no scheduler can answer anything.
                raise self._down(error) from error
            return self._client

    def threads(self) -> int:
        """Of all workers together.

        Raises:
            OverloadedError: the scheduler does not answer, or there are no workers.
        """
        found = self.ask(self.client())
        if not found:
            raise OverloadedError("the cluster has no workers")
        return found

    def ask(self, client: Client) -> int:
        """Threads of all workers together, as the scheduler says now; 0 if there are none.

        Raises:
            OverloadedError: it does not answer.
        """
        try:
            scheduler: Any = client.scheduler
            return sum(self._run(scheduler.ncores()).values())
        except (OSError, RuntimeError, AttributeError) as error:  # a client that was closed
            with self._lock:
                if self._client is client:
                    self._forget()
                raise self._down(error) from error

    def begun(self, work: Coroutine[Any, Any, Any]) -> Any:
        """A future of work in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._running_loop())

    def close(self) -> None:
        """Let go of the scheduler, in bounded time."""
        client, self._client = self._client, None
        if client is not None and self._loop is not None:
            with suppress(Exception):
                self._run(client.close())

    def _run(self, work: Any) -> Any:
        """What comes of it within the time that the scheduler has; `TimeoutError` otherwise."""
        patience = self._cluster.patience
        # Once more outside: what is cancelled may take its time to end.
        return self.begun(asyncio.wait_for(work, patience)).result(patience + 1)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True).start()
        return self._loop

    def _down(self, error: Exception) -> OverloadedError:
        self._down_until = time.monotonic() + self._cluster.pause
        late = f"no answer within {self._cluster.patience:g} s"
        reason = late if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        _log.warning("%s cannot be used: %s", self._cluster.address, reason)
        return OverloadedError("the cluster's scheduler does not answer")

    def _forget(self) -> None:
        """Close the client, without waiting for it."""
        client, self._client = self._client, None
        if client is not None:
            self.begun(_closed(client))


async def _connected(cluster: Cluster) -> Client:
    from distributed import Client
    from distributed.comm.core import connect

    # A scheduler that accepts connections, and then is silent, would keep a client for good.
    tried = await connect(cluster.address, cluster.patience, **_credentials(cluster.address))
    await tried.close()
    client: Client = await Client(
        cluster.address,
        asynchronous=True,
        set_as_default=False,
        timeout=cluster.patience,
        name="exportimage-wsgi",
    )
    return client


def _credentials(address: str) -> dict[str, Any]:
    """The certificates that dask's own configuration names, as `connect` wants them.

    Raises:
        ValueError: it names none, and they are needed; or files that are missing.
    """
    from distributed.security import Security

    security = Security()
    for role, place in security.get_tls_config_for_role("client").items():
        if role != "ciphers" and place and "\n" not in place and not os.path.isfile(place):
            raise ValueError(f"the {role} of distributed.comm.tls is missing: {place}")
    arguments: dict[str, Any] = security.get_connection_args("client")
    if address.startswith("tls:") and arguments["ssl_context"] is None:
        raise ValueError("dask's configuration names no certificates (distributed.comm.tls)")
    return arguments


async def _closed(client: Client) -> None:
    with suppress(Exception):
        await client.close()


_links: dict[tuple[int, Cluster], _Link] = {}
_links_lock = threading.Lock()
# Of a parent process: a child must not even close them.
_of_parents: list[Any] = []


def _link_of(cluster: Cluster) -> _Link:
    """The link of this process; a forked child makes its own."""
    with _links_lock:
        key = os.getpid(), cluster
        if key not in _links:
            _links[key] = _Link(cluster)
        return _links[key]


def close_links() -> None:
    """Let go of all schedulers, in bounded time; whoever needs one connects again."""
    for (process, _), link in tuple(_links.items()):
        if process == os.getpid():
            link.close()


def _after_fork() -> None:
    global _links_lock
    _links_lock = threading.Lock()
    _of_parents.append(dict(_links))
    _links.clear()


atexit.register(close_links)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
