"""Bytes that wait: in memory as long as they are few, then in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

SPOOL_BYTES = 1 << 23
"""Bytes that wait in memory."""

_CHUNK = 1 << 20


def read_back(file: IO[bytes]) -> Iterator[bytes]:
    """What was written to the file, from its beginning, in bounded chunks."""
    file.seek(0)
    while data := file.read(_CHUNK):
        yield data
