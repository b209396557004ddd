"""Which file a raster lies in, and whether it is still the same; no pixel is read for this."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import SourceError
from .remote import remote_facts

_SCHEMES = ("http", "https", "s3", "gs", "az")
_ARCHIVES = ("/vsizip/", "/vsitar/", "/vsigzip/", "/vsi7z/", "/vsirar/")
_SIDECARS = (".ovr", ".msk", ".msk.ovr", ".aux.xml")
_FEW_FILES = 32
_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_LISTS = 256

State = tuple[int, int, int]
"""Inode, size and time of a file."""

_Facts = tuple[object, ...]
# Of long lists of files: when they were looked at, and what was found.
_looked_at: dict[tuple[str, ...], tuple[float, _Facts]] = {}


def is_address(path: str) -> bool:
    """Is this a URL or one of GDAL's `/vsi` paths, rather than a plain path?"""
    return path.startswith("/vsi") or urlsplit(path).scheme in _SCHEMES


def is_remote(path: str) -> bool:
    """Does this name something that no file of this machine holds?"""
    return is_address(path) and not _is_in_archive(path)


def _is_in_archive(path: str) -> bool:
    return path.startswith(_ARCHIVES) and not _inside(path).startswith(("vsi", "/vsi"))


def _inside(path: str) -> str:
    """The path after the names of archive handlers: `x.zip/a.tif` of `/vsizip/x.zip/a.tif`."""
    while path.startswith(_ARCHIVES):
        path = path[path.index("/", 1) + 1 :]
    return path[1:].replace("}", "", 1) if path.startswith("{") else path


def _archive(path: str) -> str:
    """The file that the end of the path lies in.

    Raises:
        FileNotFoundError: there is none.
    """
    file = _inside(path)
    while file not in ("", "/") and not os.path.isfile(file):
        file = os.path.dirname(file)
    if not os.path.isfile(file):
        raise FileNotFoundError(path)
    return file


def display_name(path: str) -> str:
    """The last part of the path, without folders, host or query: fit for a message."""
    if path.startswith("/vsi") or not is_address(path):
        return Path(path).name
    return urlsplit(path).path.rstrip("/").rpartition("/")[2]


def file_version(path: str, files: tuple[str, ...] = ()) -> str:
    """What changes when the file, one of its side-cars or of its other files does.

    It reads no pixels: path, inode, size and time; of a URL what its server says of it. Of more
    than 32 other files, what is found holds for a second.

    Raises:
        FileNotFoundError: the file, or the archive it lies in, is missing.
        OSError: it cannot be reached.
    """
    if is_remote(path):
        facts: _Facts = (path, *remote_facts(path))
    elif is_address(path):
        facts = (path, *state_of(_archive(path)))
    else:
        sidecars = tuple(path + ending for ending in _SIDECARS)
        facts = (path, *state_of(path), *_facts_of_all(sidecars), *_facts_of_others(files))
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()


def checked_version(path: str, files: tuple[str, ...] = ()) -> str:
    """As `file_version`, where any fault of the file system is a `SourceError`."""
    try:
        return file_version(path, files)
    except FileNotFoundError as error:
        raise SourceError(f"{display_name(path)} is missing") from error
    except OSError as error:
        raise SourceError(f"{display_name(path)} cannot be reached: {error.strerror}") from error


def check_allowed(path: str) -> None:
    """Is this process kept from a file or folder? GDAL and others would say that it is damaged.

    Raises:
        SourceError: it is.
    """
    try:
        if os.path.isdir(path):
            os.scandir(path).close()
        else:
            # Of a pipe nobody may write to, which would be waited for.
            os.close(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)))
    except PermissionError as error:
        raise SourceError(f"{display_name(path)} cannot be read: {error.strerror}") from error
    except (OSError, ValueError):
        return  # Whoever opens it has more to say of that.


def state_of(file: str | int) -> State:
    """What tells a file of this machine, by path or open, from what takes its place."""
    state = os.stat(file)
    return state.st_ino, state.st_size, state.st_mtime_ns


def replaced(path: str) -> SourceError:
    """What is raised where another file lies at a path than the one that was described."""
    return SourceError(f"{display_name(path)} was replaced while it was served")


def _facts_of_all(files: tuple[str, ...]) -> _Facts:
    """Of those that exist."""
    found: list[object] = []
    for file in files:
        try:
            found += (file, *state_of(file))
        except (FileNotFoundError, NotADirectoryError):
            continue
    return tuple(found)


def _facts_of_others(files: tuple[str, ...]) -> _Facts:
    if len(files) <= _FEW_FILES:
        return _facts_of_all(files)
    now = time.monotonic()
    looked, facts = _looked_at.get(files, (-_SECONDS_BETWEEN_LOOKS, ()))
    if now - looked < _SECONDS_BETWEEN_LOOKS:
        return facts
    if len(_looked_at) >= _MOST_LISTS:
        _looked_at.clear()
    facts = _facts_of_all(files)
    _looked_at[files] = now, facts
    return facts
