"""The tasks of one export on a cluster: sent, waited for and fetched; every wait has an end."""

from __future__ import annotations

import asyncio
import operator
import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import contextmanager, suppress
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from ..errors import ExportImageError, OverloadedError, SourceError
from ..running import Stop
from .link import Link

if TYPE_CHECKING:
    from distributed import Client, Future

_PACKAGE = __name__.partition(".")[0]
_GLANCE = 0.1
"""Seconds between two looks at whether work must stop."""
_SILENCE = 5.0
"""Seconds without a piece after which the scheduler is asked whether it is there."""
_WITHOUT_WORKERS = 30.0
"""Seconds that an export which has begun waits for a worker, when all of them are gone."""
_AT_ONCE = 8
"""Most pieces that are fetched together."""


class Batch:
    """The tasks of one export. Only Python's own functions are named in them, so that the
    scheduler needs nothing of this package."""

    def __init__(self, link: Link, here: Callable[[int], Any], packed: bytes, threads: int) -> None:
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
            with told():
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
    first = await gathered(client, futures[:1])
    done = list(takewhile(lambda future: future.done(), futures[1:]))
    return first + (await gathered(client, done) if done else [])


async def gathered(client: Client, futures: list[Future[Any]]) -> list[Any]:
    """Their results. Other exports may share the fetch: whoever stops must not break it off."""
    fetch = asyncio.ensure_future(client.gather(futures))
    fetch.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return list(await asyncio.shield(fetch))


class _Watch:
    """Looks after a cluster from which nothing comes."""

    def __init__(self, link: Link, client: Client) -> None:
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
def told() -> Iterator[None]:
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
    return module.replace("_", "-") if module == _PACKAGE else module
