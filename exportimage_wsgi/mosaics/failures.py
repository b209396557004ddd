"""Items that could not be read a moment ago, for services that leave such items out.

A picture in which an item turns out unreadable is planned again without it. What is remembered here
belongs to one version of one raster, and is forgotten after a minute, since networks recover.
"""

from __future__ import annotations

import threading
import time
from typing import Any

_SECONDS = 60.0
_MOST = 10_000

_failed: dict[tuple[Any, str], tuple[float, str]] = {}
_lock = threading.Lock()


def remember(raster: Any, version: str, reason: str) -> None:
    """The raster could not be read."""
    with _lock:
        while len(_failed) >= _MOST:
            _failed.pop(next(iter(_failed)))
        _failed[raster, version] = time.monotonic(), reason


def known(raster: Any, version: str) -> str | None:
    """Why the raster could not be read, if that was a moment ago."""
    found = _failed.get((raster, version))
    if found is None or time.monotonic() - found[0] > _SECONDS:
        return None
    return found[1]
