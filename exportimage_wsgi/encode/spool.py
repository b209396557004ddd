"""Bytes that wait: in memory as long as they are few, then in a temporary file."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ..errors import StoreError
from ..words import reason
from .format import Bytes, Placed

_log = logging.getLogger(__name__)

SPOOL_BYTES = 1 << 23
"""Bytes that wait in memory."""

_CHUNK = 1 << 20


@contextmanager
def room(size: int | None = None) -> Iterator[IO[bytes]]:
    """An empty file for bytes in any order; one for all bands together. Its end gives it back.

    Args:
        size: so many bytes; where that isn't known, they go to disk when there are many.

    Raises:
        StoreError: there is no temporary folder that can be written.
    """
    with told():
        file = _opened(size)
    try:
        yield file
    finally:
        with suppress(OSError):  # What could not be written by now isn't wanted any more.
            file.close()


def _opened(size: int | None) -> IO[bytes]:
    if size is None:
        return tempfile.SpooledTemporaryFile(SPOOL_BYTES)
    return io.BytesIO() if size <= SPOOL_BYTES else tempfile.TemporaryFile()


@contextmanager
def told() -> Iterator[None]:
    """Turn a fault of the temporary folder into an error that may be shown, and log it in full."""
    try:
        yield
    except OSError as error:
        _log.error("temporary folder %s: %s", tempfile.tempdir, error)
        raise StoreError(f"The temporary folder cannot take a file: {reason(error)}") from error


def append(file: IO[bytes], data: Bytes) -> None:
    with told():
        file.write(data)


def write_at(file: IO[bytes], position: int, data: Bytes) -> None:
    with told():
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
    with told():
        file.seek(0)
    while data := file.read(_CHUNK):
        yield data
