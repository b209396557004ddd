"""Sweeping a store: what has expired or is too much goes, once in a while."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .faults import remove
from .names import NAME, TEMPORARY
from .parts import remove_left

_log = logging.getLogger(__name__)

_SWEEP_EVERY = 3.0
# Between its expiry and its removal a file is neither served nor reused: whoever found it fresh
# has that long to prolong its life.
_GRACE = 5.0
_ABANDONED_PART = 3600.0
_STAMP_NAME = ".swept"


class Sweeper:
    """Sweeps the folder of a store, of which other processes may have sweepers, too."""

    def __init__(self, directory: Path, max_age: float, max_bytes: int) -> None:
        self._directory, self._max_age, self._max_bytes = directory, max_age, max_bytes
        self._lock = threading.Lock()
        self._swept, self._kept_since = -_SWEEP_EVERY, 0

    def sweep_when_due(self, written: int = 0) -> None:
        """Sweep unless some worker just did; more often where much was written meanwhile.

        Args:
            written: bytes that were written just now.
        """
        now = time.monotonic()
        with self._lock:
            self._kept_since += written
            much = self._kept_since > self._max_bytes / 16
            if now - self._swept < _SWEEP_EVERY and not much:
                return
            self._swept, self._kept_since = now, 0
        try:
            if much or not self._was_swept_by_others():
                (self._directory / _STAMP_NAME).touch(mode=0o600)
                self.sweep()
        except OSError as error:
            _log.warning("output store %s: %s", self._directory, error)

    def _was_swept_by_others(self) -> bool:
        try:
            age = time.time() - os.stat(self._directory / _STAMP_NAME).st_mtime
        except OSError:
            return False
        return 0 <= age < _SWEEP_EVERY

    def sweep(self) -> None:
        """Remove what has expired, the oldest files beyond `max_bytes`, and abandoned parts."""
        now, kept = time.time(), []
        for path, state in self._files():
            age = now - state.st_mtime
            if TEMPORARY.fullmatch(path.name):
                remove_left(path, is_old=age > max(_ABANDONED_PART, self._max_age))
            elif age > self._max_age + _GRACE:
                remove(path)
            else:
                kept.append((state.st_mtime, state.st_size, path))
        self._remove_oldest(kept)

    def _remove_oldest(self, kept: list[tuple[float, int, Path]]) -> None:
        """Down to `max_bytes`; the newest file stays, it was written for somebody."""
        kept.sort()
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept[:-1]:
            if total <= self._max_bytes:
                return
            remove(path)
            total -= size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The store's own files and parts; nothing that others put into the folder."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._directory) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name) or TEMPORARY.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            yield Path(entry.path), entry.stat(follow_symlinks=False)
