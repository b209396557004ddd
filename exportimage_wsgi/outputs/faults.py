"""Faults of the disk: what a client is told of them, and what the log."""

from __future__ import annotations

import logging
from pathlib import Path

from ..errors import StoreError
from ..words import reason

_log = logging.getLogger(__name__)


def store_error(error: OSError, deed: str) -> StoreError:
    """An error that may be shown: it names the reason, never the path."""
    return StoreError(f"The output store cannot {deed} a file: {reason(error)}")


def remove(path: Path) -> None:
    """Remove a file; whoever came first did it, and what can't be removed is told."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("output store: %s", error)
