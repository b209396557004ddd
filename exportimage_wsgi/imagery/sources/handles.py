"""Open GDAL datasets: the settings they are opened with, their errors, and a bounded pool."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import rasterio
import rasterio._err
from rasterio.env import hasenv
from rasterio.errors import RasterioError

from ...errors import SourceError

# Both hide, without these, that a file is cut short.
_READING = {"GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE", "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}
_READING_REMOTE = {
    **_READING,
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_MAX_RETRY": "2",
}
_OPENING = {"GDAL_CACHEMAX": 256 * 2**20, "GDAL_NUM_THREADS": "1", "VSI_CACHE": "FALSE"}
# Side-cars of a local file are looked for one by one; asking for each costs a round trip elsewhere.
_OPENING_LOCAL = {**_READING, **_OPENING, "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE"}
_OPENING_REMOTE = {
    **_READING_REMOTE,
    **_OPENING,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_CACHE_SIZE": str(32 * 2**20),
}
_SCHEMES = ("http", "https", "s3", "gs", "az")
_SIDECARS = (".ovr", ".msk", ".msk.ovr", ".aux.xml")
_IDLE_HANDLES = 64

_GDAL_LOGS = tuple(logging.getLogger(f"rasterio.{name}") for name in ("_env", "_err"))
_BROKEN_FILE = re.compile(
    r"TIFF(Read|Fetch|Fill)|VSIFReadL|truncat|corrupt|premature|can ?not read|can't read"
    r"|failed to read|read error|too short|unexpected end",
    re.IGNORECASE,
)
_BROKEN_DATA = re.compile(r"corrupt|premature|truncat|discard|not enough data|short", re.IGNORECASE)
_log = logging.getLogger(__name__)


def is_remote(path: str) -> bool:
    """Does this name something other than a file of this machine: a URL or a `/vsi` path?"""
    return path.startswith("/vsi") or urlsplit(path).scheme in _SCHEMES


def display_name(path: str) -> str:
    """The last part of the path, without folders, host or query: fit for a message."""
    return (
        urlsplit(path).path.rstrip("/").rpartition("/")[2] if is_remote(path) else Path(path).name
    )


def file_version(path: str, files: tuple[str, ...] = ()) -> str:
    """What changes when the file, one of its side-cars or of its other files does.

    It reads no pixels: path, inode, size and time. A URL is its own version.

    Raises:
        SourceError: the file is missing.
    """
    if is_remote(path):
        return path
    facts = [path, *_facts(path)]
    for other in (*(path + ending for ending in _SIDECARS), *files):
        try:
            facts += (other, *_facts(other))
        except FileNotFoundError:
            continue
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def _facts(path: str) -> tuple[int, int, int]:
    state = os.stat(path)
    return state.st_ino, state.st_size, state.st_mtime_ns


def checked_version(path: str, files: tuple[str, ...] = ()) -> str:
    """As `file_version`, where any fault of the file system is a `SourceError`."""
    try:
        return file_version(path, files)
    except FileNotFoundError as error:
        raise SourceError(f"{display_name(path)} is missing") from error
    except OSError as error:
        raise SourceError(f"{display_name(path)} cannot be reached: {error.strerror}") from error


def settings(path: str) -> AbstractContextManager[Any]:
    """GDAL's settings for opening this path."""
    return rasterio.Env(**(_OPENING_REMOTE if is_remote(path) else _OPENING_LOCAL))


def reading(path: str) -> AbstractContextManager[Any]:
    """The settings that matter to an open dataset; where some hold already, they are kept."""
    if hasenv():
        return nullcontext()
    return rasterio.Env(**(_READING_REMOTE if is_remote(path) else _READING))


class _Witness(threading.local):
    """What GDAL complained of in this thread while someone listens: (is error, message)."""

    complaints: list[tuple[bool, str]] | None = None


_witness = _Witness()


class _Overhear(logging.Filter):
    """Notes GDAL's complaints; lets through what would have been logged without us."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _witness.complaints is not None and record.levelno >= logging.INFO:
            message = record.getMessage()
            failed = record.levelno >= logging.ERROR or "signalled an error" in message
            _witness.complaints.append((failed, message))
        usual = logging.getLogger("rasterio").getEffectiveLevel()
        return record.levelno >= usual


_overhear = _Overhear()


@contextmanager
def _listening() -> Iterator[list[tuple[bool, str]]]:
    for log in _GDAL_LOGS:
        log.addFilter(_overhear)
        if log.getEffectiveLevel() > logging.INFO:
            log.setLevel(logging.INFO)
    before, _witness.complaints = _witness.complaints, []
    try:
        yield _witness.complaints
    finally:
        _witness.complaints = before


@contextmanager
def watched_opening(path: str) -> Iterator[None]:
    """Turns everything GDAL finds broken while it opens the raster into a `SourceError`.

    GDAL goes on without the overviews or the mask when their directory cannot be read, and
    says so in its log alone.
    """
    name = display_name(path)
    with _listening() as complaints:
        try:
            yield
        except (RasterioError, rasterio._err.CPLE_BaseError) as error:
            _log.info("%s: %s", name, error)
            raise SourceError(f"{name} cannot be opened: it is no raster, or damaged") from error
    broken = [text for failed, text in complaints if failed and _BROKEN_FILE.search(text)]
    if broken:
        _log.info("%s: %s", name, broken[0])
        raise SourceError(f"{name} is damaged: a part of it cannot be read")


@contextmanager
def watched_reading(path: str) -> Iterator[None]:
    """Turns every error of GDAL into a `SourceError`, also where GDAL reports success."""
    with reading(path), _listening() as complaints:
        try:
            yield
        except (RasterioError, rasterio._err.CPLE_BaseError) as error:
            raise _damaged(path, str(error.__cause__ or error)) from error
        complaints += _unraised()
    broken = [text for failed, text in complaints if failed or _BROKEN_DATA.search(text)]
    if broken:
        raise _damaged(path, broken[0])


def _damaged(path: str, reason: str) -> SourceError:
    name = display_name(path)
    _log.warning("%s: %s", name, reason)
    return SourceError(f"{name} is damaged: a block of it cannot be read")


def _unraised() -> list[tuple[bool, str]]:
    """The errors of the last read that rasterio kept, but did not raise as GDAL said success."""
    stack: Any = rasterio._err._ERROR_STACK
    return [(True, str(error)) for error in stack.get([]) if error is not None]


def opened(path: str, overview: str | None) -> Any:
    """A dataset of rasterio; the caller closes it.

    Args:
        path: an existing file or folder, or what `is_remote` accepts; never taken for one of
            GDAL's connection strings.
        overview: GDAL's `OVERVIEW_LEVEL`: `1only`, `NONE` for a dataset without overviews, or
            `None` for the raster as it is.
    """
    options = {} if overview is None else {"overview_level": overview}
    # A Path is opened as it is, where a text could be parsed as a URL.
    return rasterio.open(path if is_remote(path) else Path(path), **options)


class HandlePool:
    """Datasets that are open but not in use; each is used by one thread at a time.

    Bounded, shared by all threads of the process, forgotten in a forked child.
    """

    def __init__(self, idle: int = _IDLE_HANDLES) -> None:
        self._idle_limit = idle
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[tuple[str, str, str | None], Any]] = OrderedDict()

    @contextmanager
    def handle(self, path: str, version: str, overview: str | None) -> Iterator[Any]:
        """A dataset of this version of the file, opened if none is idle.

        A dataset whose use failed is closed, so that nothing it has cached is used again.
        """
        key = (path, version, overview)
        dataset = self._taken(key) or self._opened(path, overview)
        try:
            yield dataset
        except BaseException:
            dataset.close()
            raise
        self._give_back(key, dataset)

    def close(self, path: str | None = None) -> None:
        """Close the idle datasets of one path, or all of them."""
        with self._lock:
            wanted = [k for k, (key, _) in self._idle.items() if path is None or key[0] == path]
            closing = [self._idle.pop(number)[1] for number in wanted]
        for dataset in closing:
            dataset.close()

    def after_fork(self) -> None:
        """In a child, whose datasets share their files' positions with the parent's."""
        self._lock = threading.Lock()
        self.close()

    def __len__(self) -> int:
        return len(self._idle)

    def _opened(self, path: str, overview: str | None) -> Any:
        with settings(path), watched_opening(path):
            return opened(path, overview)

    def _taken(self, key: tuple[str, str, str | None]) -> Any:
        with self._lock:
            for number in reversed(self._idle):
                if self._idle[number][0] == key:
                    return self._idle.pop(number)[1]
        return None

    def _give_back(self, key: tuple[str, str, str | None], dataset: Any) -> None:
        with self._lock:
            self._idle[id(dataset)] = (key, dataset)
            too_many = len(self._idle) > self._idle_limit
            oldest = self._idle.popitem(last=False)[1][1] if too_many else None
        if oldest is not None:
            oldest.close()


pool = HandlePool()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.after_fork)
