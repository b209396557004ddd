"""What is kept of rasters between two reads: the last used of it, as much as the budget allows."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar, cast


class Sized(Protocol):
    """Anything that says how much memory it takes."""

    @property
    def nbytes(self) -> int: ...


Kept = TypeVar("Kept", bound=Sized)


class KeptThings:
    """The things used last, of all threads of the process; forgotten in a forked child.

    What two threads want at once is made by one of them.
    """

    def __init__(self, most_bytes: Callable[[], int]) -> None:
        self._most_bytes = most_bytes
        self._forget()

    def get(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """What is kept by this key, made first if it isn't; raises what `make` raises."""
        found = self.get_now(key, make)
        if isinstance(found, Future):
            return cast(Kept, found.result())
        return found

    def get_now(self, key: Hashable, make: Callable[[], Kept]) -> Kept | Future[Any]:
        """The same, or what another thread's is going to be."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return cast(Kept, self._things[key])
            being_made = self._being_made.get(key)
            if being_made is None:
                ours = self._being_made[key] = Future[Any]()
        return self._made(key, make, ours) if being_made is None else being_made

    def drop(self, is_meant: Callable[[Hashable], bool]) -> None:
        """Forget what is kept by such keys."""
        with self._lock:
            for key in [key for key in self._things if is_meant(key)]:
                self._bytes -= self._things.pop(key).nbytes

    def clear(self) -> None:
        with self._lock:
            self._things.clear()
            self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Of all that is kept."""
        return self._bytes

    def after_fork(self) -> None:
        """In a child: what other threads of the parent were making is never finished there."""
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._things: OrderedDict[Hashable, Sized] = OrderedDict()
        self._being_made: dict[Hashable, Future[Any]] = {}
        self._bytes = 0

    def _made(self, key: Hashable, make: Callable[[], Kept], ours: Future[Any]) -> Kept:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._being_made[key]
            ours.set_exception(error)
            raise
        with self._lock:
            del self._being_made[key]
            self._keep(key, made)
        ours.set_result(made)
        return made

    def _keep(self, key: Hashable, thing: Sized) -> None:
        self._things[key] = thing
        self._bytes += thing.nbytes
        while self._bytes > self._most_bytes() and self._things:
            self._bytes -= self._things.popitem(last=False)[1].nbytes


def forgotten_by_children(kept: KeptThings) -> KeptThings:
    """The same, emptied in every process that is forked from this one."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=kept.after_fork)
    return kept
