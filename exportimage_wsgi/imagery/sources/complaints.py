"""What GDAL finds wrong turned into errors, also what it says in its log alone.

GDAL can report success after a block could not be read, and goes on without the overviews or the
mask when their directory is cut off. rasterio passes all it says on to two loggers.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import rasterio._err
from rasterio.errors import RasterioError

from ...errors import SourceError
from .settings import reading
from .versions import display_name, is_remote

Complaints = list[tuple[bool, str]]
"""Is it an error, rather than a warning? And its text."""

_LOGGERS = ("rasterio._env", "rasterio._err")
_BROKEN_FILE = re.compile(
    r"TIFF(Read|Fetch|Fill)|VSIFReadL|truncat|corrupt|premature|can ?not read|can't read"
    r"|failed to read|read error|too short|unexpected end|no such file",
    re.IGNORECASE,
)
# What is said of bytes that did come; all else, of an address, is a reason why they didn't.
_FETCHED = re.compile(
    r"not recognized as being in|TIFF(Read|Fetch|Fill)|truncat|corrupt|premature|too short",
    re.IGNORECASE,
)
_BROKEN_DATA = re.compile(r"corrupt|premature|truncat|discard|not enough data|short", re.IGNORECASE)
_log = logging.getLogger(__name__)


class _Witness(threading.local):
    """What GDAL complained of in this thread, while someone listens."""

    complaints: Complaints | None = None


_witness = _Witness()


class _Overheard(logging.Logger):
    """A logger that we can listen to however logging is configured; what it logs is as before."""

    def isEnabledFor(self, level: int) -> bool:
        heard = _witness.complaints is not None and level >= logging.INFO
        return heard or super().isEnabledFor(level)

    def handle(self, record: logging.LogRecord) -> None:
        if _witness.complaints is not None and record.levelno >= logging.INFO:
            text = record.getMessage()
            failed = record.levelno >= logging.ERROR or "signalled an error" in text
            _witness.complaints.append((failed, text))
        if super().isEnabledFor(record.levelno):
            super().handle(record)


def _overhear(name: str) -> None:
    # The logger is rasterio's already: it can only change its kind.
    logger = logging.getLogger(name)
    logger.__class__ = type("_Overheard", (_Overheard, type(logger)), {})


for _name in _LOGGERS:
    _overhear(_name)


@contextmanager
def listening() -> Iterator[Complaints]:
    """Gives the list that GDAL's complaints in this thread go to, from INFO on."""
    before, _witness.complaints = _witness.complaints, []
    try:
        yield _witness.complaints
    finally:
        _witness.complaints = before


@contextmanager
def watched_opening(path: str) -> Iterator[None]:
    """Turns everything GDAL finds broken while it opens the raster into a `SourceError`."""
    name = display_name(path)
    with listening() as complaints:
        try:
            yield
        except (RasterioError, rasterio._err.CPLE_BaseError) as error:
            _log.info("%s: %s", name, error)
            if _is_unfetched(path, str(error)):
                raise _unfetched(path, str(error)) from error
            raise SourceError(f"{name} cannot be opened: it is no raster, or damaged") from error
    broken = [text for failed, text in complaints if failed and _BROKEN_FILE.search(text)]
    if broken:
        _log.info("%s: %s", name, broken[0])
        if _is_unfetched(path, broken[0]):
            raise _unfetched(path, broken[0])
        raise SourceError(f"{name} is damaged: a part of it cannot be read")


@contextmanager
def watched_reading(path: str) -> Iterator[None]:
    """Turns every error of GDAL into a `SourceError`, also where GDAL reports success."""
    with reading(path), listening() as complaints:
        try:
            yield
        except (RasterioError, rasterio._err.CPLE_BaseError) as error:
            raise _damaged(path, str(error.__cause__ or error)) from error
    broken = [text for failed, text in complaints if failed or _BROKEN_DATA.search(text)]
    if broken:
        raise _damaged(path, broken[0])


def _damaged(path: str, reason: str) -> SourceError:
    name = display_name(path)
    _log.warning("%s: %s", name, reason)
    if _is_unfetched(path, reason):
        return _unfetched(path, reason)
    return SourceError(f"{name} is damaged: a block of it cannot be read")


def _is_unfetched(path: str, reason: str) -> bool:
    """Is the network, or the other side, the reason that an address gives nothing?"""
    return is_remote(path) and not _FETCHED.search(reason)


def _unfetched(path: str, reason: str) -> SourceError:
    why = ": its server gives no byte ranges" if "Range downloading" in reason else ""
    return SourceError(f"{display_name(path) or 'the raster'} could not be fetched{why}")
