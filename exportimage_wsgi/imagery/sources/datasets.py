"""Open datasets of xarray: a bounded number that all threads of a process share."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import xarray

from ...errors import SourceError
from .netcdf_classic import shortest_length
from .netcdf_lock import netcdf_lock
from .versions import display_name, is_address

FAULTS = (
    *(OSError, RuntimeError, ValueError, KeyError, IndexError),
    *(TypeError, AttributeError, ImportError),
)
"""What the libraries raise for damaged files, besides their own subclasses of these."""

_ZARR_ENDINGS = (".zarr",)
_ZARR_FILES = ("zarr.json", ".zgroup", ".zmetadata")
_AS_IT_IS: dict[str, Any] = {"decode_times": False, "decode_coords": "all", "cache": False}
_OPEN_DATASETS = 16
_Key = tuple[str, str]
"""Path and version."""

# Of a parent process. Closing them could wait for a lock that no thread of the child holds.
_of_parents: list[Any] = []


def is_zarr(path: str) -> bool:
    """By its ending, or by what lies in the folder."""
    if path.lower().rstrip("/").endswith(_ZARR_ENDINGS):
        return True
    return os.path.isdir(path) and any(
        os.path.exists(os.path.join(path, each)) for each in _ZARR_FILES
    )


def _opened(path: str) -> xarray.Dataset:
    """The dataset, nothing of it loaded. Times stay numbers: they are no pixels."""
    name = display_name(path)
    try:
        return _opened_zarr(path, name) if is_zarr(path) else _opened_netcdf(path, name)
    except FAULTS as error:
        raise SourceError(f"{name} cannot be opened: it is damaged, or of another kind") from error


def _opened_zarr(path: str, name: str) -> xarray.Dataset:
    _require("zarr", "zarr", name)
    found = os.path.exists(os.path.join(path, ".zmetadata"))
    consolidated = None if is_address(path) else found
    return xarray.open_dataset(path, engine="zarr", consolidated=consolidated, **_AS_IT_IS)


def _opened_netcdf(path: str, name: str) -> xarray.Dataset:
    _require("netcdf", "netCDF4", name)
    _check_length(path, name)
    with netcdf_lock:
        return xarray.open_dataset(path, engine="netcdf4", lock=netcdf_lock, **_AS_IT_IS)


def _require(extra: str, module: str, name: str) -> None:
    if not find_spec(module):
        raise SourceError(f"{name} needs more libraries: pip install exportimage-wsgi[{extra}]")


def _check_length(path: str, name: str) -> None:
    if is_address(path):
        return
    if os.path.getsize(path) < shortest_length(path):
        raise SourceError(f"{name} is damaged: it is shorter than its header says")


class _Held:
    """An open dataset, and how many read it."""

    def __init__(self, key: _Key, dataset: xarray.Dataset) -> None:
        self.key, self.dataset = key, dataset
        self.readers = 0
        self.is_wanted = True


class DatasetPool:
    """Datasets of this process by path and version; forgotten in a forked child."""

    def __init__(self, limit: int = _OPEN_DATASETS) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._held: OrderedDict[_Key, _Held] = OrderedDict()
        self._leaving: list[_Held] = []

    @contextmanager
    def dataset(self, path: str, version: str) -> Iterator[xarray.Dataset]:
        """The open dataset of a version; it stays open while it is in use.

        Raises:
            SourceError: it cannot be opened.
        """
        held = self._taken((path, version))
        try:
            yield held.dataset
        finally:
            self._returned(held)

    def close(self, path: str) -> None:
        """Close the datasets of a path, those in use when they are no longer."""
        self._close_where(lambda key: key[0] == path)

    def after_fork(self) -> None:
        """A child opens files of its own: the parent's share their position with it."""
        self._changed = threading.Condition()
        _of_parents.append((self._held, self._leaving))
        self._held, self._leaving = OrderedDict(), []

    def __len__(self) -> int:
        return len(self._held)

    def _taken(self, key: _Key) -> _Held:
        with self._changed:
            if key in self._held:
                return self._used(key)
        self._end_others(key)
        opened = _Held(key, _opened(key[0]))
        unused: list[_Held] = []
        with self._changed:
            if key in self._held:  # Another thread was quicker.
                unused = [opened]
            else:
                self._held[key] = opened
            held = self._used(key)
            if len(self._held) > self._limit:
                unused += _unused([self._dropped(next(iter(self._held)))])
        self._close(unused)
        return held

    def _end_others(self, key: _Key) -> None:
        """Close what the file held before, when nobody reads it any more.

        As long as it is open, the libraries of NetCDF give it in place of what was written over it.
        """
        if is_zarr(key[0]):
            return

        def is_other(each: _Key) -> bool:
            return each[0] == key[0] and each != key

        self._close_where(is_other)
        with self._changed:
            self._changed.wait_for(lambda: not any(is_other(held.key) for held in self._leaving))

    def _used(self, key: _Key) -> _Held:
        held = self._held[key]
        held.readers += 1
        self._held.move_to_end(key)
        return held

    def _returned(self, held: _Held) -> None:
        with self._changed:
            held.readers -= 1
            unused = [] if held.is_wanted else _unused([held])
        self._close(unused)

    def _close_where(self, is_meant: Callable[[_Key], bool]) -> None:
        with self._changed:
            keys = [key for key in self._held if is_meant(key)]
            unused = _unused([self._dropped(key) for key in keys])
        self._close(unused)

    def _dropped(self, key: _Key) -> _Held:
        held = self._held.pop(key)
        held.is_wanted = False
        self._leaving.append(held)
        return held

    def _close(self, unused: list[_Held]) -> None:
        """Outside the pool's lock: it may have to wait for a reader of another file."""
        for held in unused:
            try:
                held.dataset.close()
            finally:
                self._forget(held)

    def _forget(self, held: _Held) -> None:
        with self._changed:
            self._leaving = [each for each in self._leaving if each is not held]
            self._changed.notify_all()


def _unused(unwanted: list[_Held]) -> list[_Held]:
    return [held for held in unwanted if not held.readers]


datasets = DatasetPool()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=datasets.after_fork)
