"""Open GDAL datasets: a bounded pool that all threads of a process share."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import starmap
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning

from .budget import handles
from .complaints import watched_opening
from .settings import opening
from .versions import is_address, is_remote

_Key = tuple[str, str, str | None]
"""Path, version, and GDAL's `OVERVIEW_LEVEL`."""

_SHARING = {"VRT", "netCDF"}
"""Drivers that give, of a file which any of their datasets has open, what they opened then."""

# Python's filters for warnings belong to the process, not to the thread.
_warnings_lock = threading.Lock()
# Of a parent process. Closing them could wait for a lock that no thread of the child holds.
_of_parents: list[Any] = []


def opened(path: str, overview: str | None = None) -> Any:
    """A dataset of rasterio; the caller closes it.

    Args:
        path: an existing file or folder, or what `is_address` accepts; never taken for one of
            GDAL's connection strings.
        overview: GDAL's `OVERVIEW_LEVEL`: `1only`, `NONE` for a dataset without overviews, or
            `None` for the raster as it is.
    """
    options = {} if overview is None else {"overview_level": overview}
    # A Path is opened as it is, where a text could be parsed as a URL.
    return rasterio.open(path if is_address(path) else Path(path), **options)


def opened_quietly(path: str) -> Any:
    """As `opened`; that a raster of this machine isn't placed is no reason for a warning."""
    if is_remote(path):
        return opened(path)
    with no_place_needed():
        return opened(path)


@contextmanager
def no_place_needed() -> Iterator[None]:
    """Let rasterio not warn of what isn't placed; in one thread at a time."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


class HandlePool:
    """Datasets that are open but not in use; each is used by one thread at a time.

    Bounded, shared by all threads of the process, forgotten in a forked child.
    """

    def __init__(self, idle: int | None = None) -> None:
        """Keep so many datasets open; without a number as many as the process's budget says."""
        self._idle_limit = idle
        self._changed = threading.Condition()
        self._idle: OrderedDict[int, tuple[_Key, Any]] = OrderedDict()
        self._used: dict[int, tuple[_Key, Any]] = {}
        self._failures = 0

    @contextmanager
    def handle(self, path: str, version: str, overview: str | None) -> Iterator[Any]:
        """A dataset of this version of the file, opened if none is idle.

        A dataset whose use failed is closed, so that nothing it has cached is used again.
        """
        key, failures = (path, version, overview), self._failures
        dataset = self._taken(key) or self._opened(key)
        try:
            yield dataset
        except BaseException:
            self._close_failed(dataset)
            raise
        if failures != self._failures and dataset.driver == "VRT":
            self._close(dataset)
        else:
            self._give_back(key, dataset)

    def close(self, path: str | None = None) -> None:
        """Close the idle datasets of one path, or all of them."""
        self._close_where(lambda key, _: path is None or key[0] == path)

    def end_others(self, path: str, version: str) -> None:
        """Close what is open of a file as it was before, as one that is about to open it wants.

        NetCDF's library would give that instead, so that here its readers are waited for.
        """

        def is_other(key: _Key, dataset: Any) -> bool:
            return key[0] == path and _without_options(key[1]) != _without_options(version)

        def is_in_the_way(key: _Key, dataset: Any) -> bool:
            return is_other(key, dataset) and dataset.driver == "netCDF"

        with self._changed:
            self._changed.wait_for(lambda: not any(starmap(is_in_the_way, self._used.values())))
        if self._close_where(is_other) & _SHARING:
            self._close_where(lambda _, dataset: dataset.driver in _SHARING)

    def after_fork(self) -> None:
        """In a child, whose datasets share their files' positions with the parent's."""
        global _warnings_lock
        _warnings_lock, self._changed = threading.Lock(), threading.Condition()
        _of_parents.append((self._idle, self._used))
        self._idle, self._used = OrderedDict(), {}

    def __len__(self) -> int:
        return len(self._idle)

    def _opened(self, key: _Key) -> Any:
        path, version, overview = key
        self.end_others(path, version)
        with opening(path), watched_opening(path):
            dataset = opened(path, overview)
        with self._changed:
            self._used[id(dataset)] = (key, dataset)
        return dataset

    def _taken(self, key: _Key) -> Any:
        with self._changed:
            for number in reversed(self._idle):
                if self._idle[number][0] == key:
                    self._used[number] = self._idle.pop(number)
                    return self._used[number][1]
        return None

    def _give_back(self, key: _Key, dataset: Any) -> None:
        with self._changed:
            self._used.pop(id(dataset), None)  # None of a parent's
            self._idle[id(dataset)] = (key, dataset)
            self._changed.notify_all()
            most = handles() if self._idle_limit is None else self._idle_limit
            too_many = len(self._idle) > most
            oldest = self._idle.popitem(last=False)[1][1] if too_many else None
        if oldest is not None:
            oldest.close()

    def _close(self, dataset: Any) -> None:
        """Close what was in use."""
        dataset.close()
        with self._changed:
            self._used.pop(id(dataset), None)
            self._changed.notify_all()

    def _close_failed(self, dataset: Any) -> None:
        """Close it and, if it is a VRT, all VRTs that are idle; those in use follow.

        GDAL keeps the files of all VRTs together, as long as one is open. One that couldn't be
        opened once would be blank from then on, without a word.
        """
        is_virtual = dataset.driver == "VRT"
        self._close(dataset)
        if is_virtual:
            self._failures += 1
            self._close_where(lambda _, other: other.driver == "VRT")

    def _close_where(self, unwanted: Callable[[_Key, Any], bool]) -> set[str]:
        """The drivers of what was idle, and is closed."""
        with self._changed:
            numbers = [number for number, held in self._idle.items() if unwanted(*held)]
            closing = [self._idle.pop(number)[1] for number in numbers]
        for dataset in closing:
            dataset.close()
        return {dataset.driver for dataset in closing}


def _without_options(version: str) -> str:
    return version.partition(":")[0]


pool = HandlePool()
# Datasets that live until the interpreter has been taken apart complain when they close.
atexit.register(pool.close)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.after_fork)
