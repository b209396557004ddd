"""The way to a scheduler: connections of this process, made anew where they were lost."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import OverloadedError

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

_log = logging.getLogger(__name__)


class Link:
    """The connection of this process to a scheduler: made when it is needed, and again when it
    was lost. It has an event loop of its own, so that every wait has an end."""

    def __init__(self, address: str, patience: float, pause: float) -> None:
        self._address, self._patience, self._pause = address, patience, pause
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
                self._client = self._run(_connected(self._address, self._patience))
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

    def workers(self) -> tuple[str, ...]:
        """Addresses of all workers.

        Raises:
            OverloadedError: the scheduler does not answer, or there are no workers.
        """
        found = self._cores(self.client())
        if not found:
            raise OverloadedError("the cluster has no workers")
        return tuple(found)

    def ask(self, client: Client) -> int:
        """Threads of all workers together, as the scheduler says now; 0 if there are none.

        Raises:
            OverloadedError: it does not answer.
        """
        return sum(self._cores(client).values())

    def _cores(self, client: Client) -> dict[str, int]:
        """Threads of each worker, by its address."""
        try:
            scheduler: Any = client.scheduler
            found: dict[str, int] = self._run(scheduler.ncores())
            return found
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
        # Once more outside: what is cancelled may take its time to end.
        return self.begun(asyncio.wait_for(work, self._patience)).result(self._patience + 1)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True).start()
        return self._loop

    def _down(self, error: Exception) -> OverloadedError:
        self._down_until = time.monotonic() + self._pause
        late = f"no answer within {self._patience:g} s"
        reason = late if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        _log.warning("%s cannot be used: %s", self._address, reason)
        return OverloadedError("the cluster's scheduler does not answer")

    def _forget(self) -> None:
        """Close the client, without waiting for it."""
        client, self._client = self._client, None
        if client is not None:
            self.begun(_closed(client))


async def _connected(address: str, patience: float) -> Client:
    from distributed import Client
    from distributed.comm.core import connect

    security = _security(address)
    # A scheduler that accepts connections, and then is silent, would keep a client for good.
    tried = await connect(address, patience, **_credentials(address, security))
    await tried.close()
    client: Client = await Client(
        address,
        asynchronous=True,
        set_as_default=False,
        timeout=patience,
        security=security,
        name="exportimage-wsgi",
    )
    return client


def _security(address: str) -> Security:
    """What dask's own configuration says: by a function that it names, as `Client` asks it, or by
    names of files.

    Raises:
        Exception: whatever the function raises.
    """
    import dask
    from distributed.security import Security
    from distributed.utils import import_term

    loader = dask.config.get("distributed.client.security-loader", None)
    loaded: Security | None = import_term(loader)({"address": address}) if loader else None
    return loaded or Security()


def _credentials(address: str, security: Security) -> dict[str, Any]:
    """The certificates as `connect` wants them.

    Raises:
        ValueError: there are none, and they are needed; or files that are missing.
    """
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


_Key = tuple[int, str, float, float]
_links: dict[_Key, Link] = {}
_links_lock = threading.Lock()
# Of a parent process: a child must not even close them.
_of_parents: list[Any] = []


def link_to(address: str, patience: float, pause: float) -> Link:
    """The link of this process to a scheduler; a forked child makes its own."""
    with _links_lock:
        key = os.getpid(), address, patience, pause
        if key not in _links:
            _links[key] = Link(address, patience, pause)
        return _links[key]


def close_links() -> None:
    """Let go of all schedulers, in bounded time; whoever needs one connects again."""
    for (process, *_), link in tuple(_links.items()):
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
