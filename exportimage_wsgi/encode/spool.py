"""Bytes that wait: in memory as long as they are few, then in a temporary file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from .format import Bytes, Placed

SPOOL_BYTES = 1 << 23
"""Bytes that wait in memory."""

_CHUNK = 1 << 20


def room(size: int) -> IO[bytes]:
    """An empty file for so many bytes, to be written in any order; one for all bands together.

    Closing it gives the room back.
    """
    return io.BytesIO() if size <= SPOOL_BYTES else tempfile.TemporaryFile()


def write_at(file: IO[bytes], position: int, data: Bytes) -> None:
    file.seek(position)
    file.write(data)


def in_order(placed: Iterable[Placed], waiting: IO[bytes]) -> Iterator[bytes]:
    """The bytes from the first to the last.

    Args:
        placed: the bytes; of those that come too early, the first comes first.
        waiting: an empty file in which these wait.
    """
    sent, first = 0, None
    for position, data in placed:
        if position == sent:
            yield bytes(data)
            sent += len(data)
        else:
            first = position if first is None else first
            write_at(waiting, position - first, data)
    yield from read_back(waiting)


def read_back(file: IO[bytes]) -> Iterator[bytes]:
    """What was written to the file, from its beginning, in bounded chunks."""
    file.seek(0)
    while data := file.read(_CHUNK):
        yield data
