"""Faults of the disk: what a client is told of them, and what the log."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

from ..errors import StoreError

_log = logging.getLogger(__name__)

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "its folder may not be written",
    errno.EPERM: "its folder may not be written",
    errno.ENOTDIR: "its folder is not a folder",
    errno.EEXIST: "its folder is not a folder",
}


def store_error(error: OSError, deed: str) -> StoreError:
    """An error that may be shown: it names the reason, never the path."""
    reason = _REASONS.get(error.errno or 0, "the disk reports an error")
    return StoreError(f"The output store cannot {deed} a file: {reason}")


def remove(path: Path) -> None:
    """Remove a file; whoever came first did it, and what can't be removed is told."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("output store: %s", error)
