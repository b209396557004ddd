"""Whether a mosaic is still what was opened: its files are looked at, now and then."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from typing import Any

from .dataset import MosaicDataset
from .describing import version_if_there
from .finding import version_of_file, watched
from .settings import MosaicSettings

_SECONDS_BETWEEN_LOOKS = 5.0
_SHARE = 0.02
"""Of the time, at most, that is spent on looking."""
_MOST_KNOWN = 1024

_lock = threading.Lock()
# When the files of a version are to be looked at again.
_next: dict[str, float] = {}


def state_of(what: Any, settings: MosaicSettings, files: tuple[str, ...]) -> str:
    """Changes with the index; without one with the set of files, and with each of them.

    Rasters that a table or a STAC catalogue names aren't looked at.
    """
    if settings.index is not None and os.path.exists(settings.index):
        facts: list[object] = ["index", version_of_file(settings.index)]
    else:
        facts = [(raster, version_if_there(raster)) for raster in watched(what)]
        named = (*files, settings.table, settings.seamlines)
        facts += [(file, version_of_file(file)) for file in named if file]
    return hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def is_mosaic_current(dataset: MosaicDataset) -> bool:
    """Is its state the same? Looks every five seconds, and less often where that takes long.

    That it isn't is said once; in the next seconds others are let go on with what there is.
    """
    version, began = dataset.info.version, time.monotonic()
    with _lock:
        if began < _next.get(version, 0.0):
            return True
        # Others go on meanwhile.
        _next[version] = began + _SECONDS_BETWEEN_LOOKS
    if state_of(dataset.address, dataset.settings, dataset.files) != dataset.state:
        return False
    postpone(version, time.monotonic() - began)
    return True


def postpone(version: str, took: float = 0.0) -> None:
    """The next look comes after a while, and after a longer one if this took long."""
    with _lock:
        while len(_next) >= _MOST_KNOWN:
            _next.pop(next(iter(_next)))
        _next[version] = time.monotonic() + max(_SECONDS_BETWEEN_LOOKS, took / _SHARE)
