"""A store, what it keeps, and what that is made of."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exportimage_wsgi.outputs import OutputStore
from exportimage_wsgi.outputs.stored import StoredFile


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    return OutputStore(tmp_path / "outputs", max_age=600, max_bytes=1_000_000)


def keep(store: OutputStore, token: str = "t", *chunks: bytes) -> StoredFile:
    return store.keep(token, ".png", "image/png", iter(chunks or (b"pixels",)))


def visible(store: OutputStore) -> list[str]:
    return sorted(p.name for p in store.directory.iterdir() if not p.name.startswith(".s"))


def aged(file: StoredFile, seconds: float) -> None:
    when = time.time() - seconds
    os.utime(file.path, (when, when))


class Chunks:
    """Bytes that remember being closed, and may end in an error."""

    def __init__(self, *chunks: bytes, error: BaseException | None = None) -> None:
        self._chunks, self._error, self.closed, self.taken = iter(chunks), error, False, 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True
