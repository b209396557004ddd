"""Bytes that wait: in memory as long as they are few, then in a temporary file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from typing import IO

SPOOL_BYTES = 1 << 23
"""Bytes that wait in memory."""

_CHUNK = 1 << 20


def room(size: int) -> IO[bytes]:
    """An empty file for so many bytes, to be written in any order; one for all bands together.

    Closing it gives the room back.
    """
    return io.BytesIO() if size <= SPOOL_BYTES else tempfile.TemporaryFile()


def write_at(file: IO[bytes], position: int, data: bytes | memoryview) -> None:
    file.seek(position)
    file.write(data)


def read_back(file: IO[bytes]) -> Iterator[bytes]:
    """What was written to the file, from its beginning, in bounded chunks."""
    file.seek(0)
    while data := file.read(_CHUNK):
        yield data
