"""The output store: finished files that an `href` points to, kept for a while.

Several processes may share a folder. Nothing but the folder itself coordinates them: a secret in
it turns a request's token into a name nobody can guess, a rename makes a file visible, the files'
own times say when they expire, and a stamp says when somebody last swept.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import io
import logging
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from .errors import FileSizeError, NotFoundError, StoreError

try:
    import fcntl
except ImportError:  # Windows: the private folder is of one process
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}_[0-9a-f]{32}\.[a-z0-9]{1,8}", re.ASCII)
_PART = ".part-"
_TEMPORARY = re.compile(r"\.part-[a-z0-9_]+", re.ASCII)
_EXTENSION = re.compile(r"\.[a-z0-9]{1,8}", re.ASCII)
_PRIVATE_FOLDER = re.compile(r"exportimage-(?P<user>\w+)-(?P<group>\d+)", re.ASCII)
_MEDIA_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".lerc": "image/lerc",
    ".kmz": "application/vnd.google-earth.kmz",
    ".png": "image/png",
    ".tif": "image/tiff",
}
_UNKNOWN_MEDIA = "application/octet-stream"
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "its folder may not be written",
    errno.EPERM: "its folder may not be written",
    errno.ENOTDIR: "its folder is not a folder",
    errno.EEXIST: "its folder is not a folder",
}
_SWEEP_EVERY = 3.0
# Between its expiry and its removal a file is neither served nor reused: whoever found it fresh
# has that long to prolong its life.
_GRACE = 5.0
_ABANDONED_PART = 3600.0
_ABANDONED_FOLDER = 86_400.0
_SECRET_NAME, _STAMP_NAME = ".secret", ".swept"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A finished file of the store."""

    name: str
    """Safe in a URL as it stands; the part before the extension can't be guessed."""

    path: Path

    size: int
    """In bytes."""

    media_type: str

    modified: float
    """When its life began, in seconds of the epoch."""

    def opened(self) -> BinaryIO:
        """The bytes; they can be read to the end even if the file is removed meanwhile.

        Raises:
            NotFoundError: the file was removed before it could be opened.
        """
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise NotFoundError("File not found") from None
        except OSError as error:
            raise _store_error(error, "read") from error


class OutputStore:
    """Keeps finished files for `max_age` seconds and up to `max_bytes` in all.

    Without a directory, a private one in the system's temporary place is made (mode 0700). Its
    name comes from the user and the process group, so that all workers of one server find the
    same; workers that don't share a process group need a directory by name. It goes when
    `remove_private_folder` is called, or a day after. Whatever else lies in the directory is left
    alone.
    """

    def __init__(self, directory: Path | None, max_age: float, max_bytes: int) -> None:
        self.max_age, self.max_bytes = max_age, max_bytes
        self._is_private = directory is None
        self.directory = _private_folder() if directory is None else Path(directory)
        self._secret: bytes | None = None
        self._use: weakref.finalize[[int], OutputStore] | None = None
        self._lock = threading.Lock()
        self._swept, self._kept_since = -_SWEEP_EVERY, 0
        self._start()

    def keep(
        self,
        token: str,
        extension: str,
        media_type: str,
        chunks: Iterable[bytes],
        stem: str = "image",
        length: int | None = None,
    ) -> StoredFile:
        """Write a file and give it a full life; a file of the same token is used again.

        It is visible only when it is complete. `chunks` is closed in any case, and whatever it
        raises is passed on with nothing left behind.

        Args:
            token: what the bytes depend on; equal tokens mean equal bytes.
            extension: with its dot.
            media_type: of the file, for the caller's reply.
            chunks: the bytes; not touched when the file is there already.
            stem: how the name begins, for people to recognise.
            length: bytes of the file, where that is known before.

        Raises:
            FileSizeError: the file is larger than the store.
            StoreError: the disk is full or read-only.
        """
        with _closing(chunks):
            found = self.find(token, extension, stem)
            if found is not None:
                return found
            self._check_fits(length or 0)
            name = self._name(token, extension, stem)
            self._sweep_when_due()
            size = self._write(name, chunks)
        self._sweep_when_due(size)
        path = self.directory / name
        return StoredFile(
            name=name, path=path, size=size, media_type=media_type, modified=time.time()
        )

    def find(self, token: str, extension: str, stem: str = "image") -> StoredFile | None:
        """The file of a token with its life begun anew, or `None`; reads no bytes."""
        try:
            stored = self.open(self._name(token, extension, stem))
            os.utime(stored.path)
        except (NotFoundError, StoreError, OSError):
            return None
        return replace(stored, modified=time.time())

    def open(self, name: str) -> StoredFile:
        """The file of a name that `keep` gave.

        Raises:
            NotFoundError: no such file, its life is over, or the name isn't one of ours.
            StoreError: the disk doesn't tell.
        """
        path = self.directory / name
        try:
            state = os.lstat(path) if _NAME.fullmatch(name) else None
        except (FileNotFoundError, NotADirectoryError):
            state = None
        except OSError as error:
            raise _store_error(error, "read") from error
        if state is None or not stat.S_ISREG(state.st_mode) or self._has_expired(state):
            raise NotFoundError("File not found")
        media_type = _MEDIA_TYPES.get(path.suffix, _UNKNOWN_MEDIA)
        return StoredFile(
            name=name,
            path=path,
            size=state.st_size,
            media_type=media_type,
            modified=state.st_mtime,
        )

    def sweep(self) -> None:
        """Remove what has expired, the oldest files beyond `max_bytes`, and abandoned parts."""
        now, kept = time.time(), []
        for path, state in self._files():
            age = now - state.st_mtime
            if _TEMPORARY.fullmatch(path.name):
                if age > max(_ABANDONED_PART, self.max_age):
                    _remove(path)
            elif age > self.max_age + _GRACE:
                _remove(path)
            else:
                kept.append((state.st_mtime, state.st_size, path))
        self._remove_oldest(kept)

    def _remove_oldest(self, kept: list[tuple[float, int, Path]]) -> None:
        """Down to `max_bytes`; the newest file stays, it was written for somebody."""
        kept.sort()
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept[:-1]:
            if total <= self.max_bytes:
                return
            _remove(path)
            total -= size

    def _has_expired(self, state: os.stat_result) -> bool:
        return time.time() - state.st_mtime > self.max_age

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The store's own files and parts; nothing that others put into the folder."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) or _TEMPORARY.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            yield Path(entry.path), entry.stat(follow_symlinks=False)

    def _start(self) -> None:
        """Make the folder and clear away what was left; a store that can't is told, not fatal."""
        try:
            self._prepare()
            self._sweep_when_due()
        except StoreError as error:
            _log.warning("%s (%s); pictures are still streamed", error, self.directory)
            return
        if self._is_private:
            _remove_abandoned_folders(self.directory)

    def _prepare(self) -> bytes:
        """The secret; the folder is made if it is missing."""
        with self._told():
            self.directory.mkdir(mode=0o700, parents=not self._is_private, exist_ok=True)
            if self._is_private:
                _check_private(self.directory)
                self._mark_as_used()
            self._secret = _shared_secret(self.directory)
        return self._secret

    def _mark_as_used(self) -> None:
        """Keep the folder from being removed by others for as long as this store is there."""
        self.leave()
        with contextlib.suppress(OSError):
            descriptor = _locked(self.directory, exclusively=False)
            if descriptor is not None:
                self._use = weakref.finalize(self, os.close, descriptor)

    def leave(self) -> None:
        """Let go of the private folder: from now on it may be removed."""
        if self._use is not None:
            self._use()

    def _name(self, token: str, extension: str, stem: str) -> str:
        if not _EXTENSION.fullmatch(extension):
            raise ValueError(f"{extension!r} is no extension of a file")
        secret = self._secret or self._prepare()
        digest = hmac.new(secret, f"{stem}/{token}{extension}".encode(), hashlib.sha256)
        return f"{plain(stem)}_{digest.hexdigest()[:32]}{extension}"

    def _write(self, name: str, chunks: Iterable[bytes]) -> int:
        """The size of the file, written to a temporary name, flushed and renamed."""
        with self._told():
            descriptor, part = self._part()
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                size = self._fill(file, chunks)
            with self._told():
                os.replace(part, self.directory / name)
        except BaseException:
            _remove(Path(part))
            raise
        return size

    def _part(self) -> tuple[int, str]:
        """An empty open file of a temporary name; a folder that somebody removed is made anew."""
        try:
            return tempfile.mkstemp(prefix=_PART, dir=self.directory)
        except FileNotFoundError:
            self._prepare()
            return tempfile.mkstemp(prefix=_PART, dir=self.directory)

    def _fill(self, file: io.FileIO, chunks: Iterable[bytes]) -> int:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            self._check_fits(size)
            with self._told():
                _write_all(file, chunk)
        with self._told():
            os.fsync(file.fileno())
        return size

    def _check_fits(self, size: int) -> None:
        if size > self.max_bytes:
            raise FileSizeError(
                f"The file is larger than the {self.max_bytes:,} bytes of the output store; "
                "f=image doesn't need it"
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a fault of the disk into an error that may be shown, and log it in full."""
        try:
            yield
        except OSError as error:
            _log.error("output store %s: %s", self.directory, error)
            raise _store_error(error, "take") from error

    def _sweep_when_due(self, written: int = 0) -> None:
        """Sweep unless some worker just did; more often where much was written meanwhile.

        Args:
            written: bytes that were written just now.
        """
        now = time.monotonic()
        with self._lock:
            self._kept_since += written
            much = self._kept_since > self.max_bytes / 16
            if now - self._swept < _SWEEP_EVERY and not much:
                return
            self._swept, self._kept_since = now, 0
        try:
            if much or not self._was_swept_by_others():
                (self.directory / _STAMP_NAME).touch(mode=0o600)
                self.sweep()
        except OSError as error:
            _log.warning("output store %s: %s", self.directory, error)

    def _was_swept_by_others(self) -> bool:
        try:
            age = time.time() - os.stat(self.directory / _STAMP_NAME).st_mtime
        except OSError:
            return False
        return 0 <= age < _SWEEP_EVERY


def _store_error(error: OSError, deed: str) -> StoreError:
    """An error that may be shown: it names the reason, never the path."""
    reason = _REASONS.get(error.errno or 0, "the disk reports an error")
    return StoreError(f"The output store cannot {deed} a file: {reason}")


def _write_all(file: io.FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


@contextlib.contextmanager
def _closing(chunks: Iterable[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def plain(stem: str) -> str:
    """The stem as a file's name may begin: ASCII letters, digits and dashes."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40].strip("-")
    return plain or "image"


def _remove(path: Path) -> None:
    """Remove a file; whoever came first did it, and what can't be removed is told."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("output store: %s", error)


def _shared_secret(folder: Path) -> bytes:
    """The secret that all processes of a folder share; the first of them makes it.

    A link appears with its content, so nobody reads half of it. Where there are none, as on FAT
    and some network shares, the file is renamed: of several that begin at once each may then have
    another secret, and all that they lose is that they don't find each other's files.
    """
    path = folder / _SECRET_NAME
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    descriptor, part = tempfile.mkstemp(prefix=_PART, dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        except OSError:
            os.replace(part, path)
    finally:
        _remove(Path(part))
    return path.read_bytes()


def _private_folder() -> Path:
    """`exportimage-<user>-<process group>` in the system's temporary place."""
    group = os.getpgid(0) if hasattr(os, "getpgid") else os.getpid()
    return Path(tempfile.gettempdir()) / f"exportimage-{_user()}-{group}"


def _user() -> str:
    return str(os.geteuid()) if hasattr(os, "geteuid") else "user"


def _check_private(folder: Path) -> None:
    """Refuse a folder that another user put where ours is looked for."""
    state = os.lstat(folder)
    foreign = hasattr(os, "geteuid") and (
        state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077
    )
    if foreign or not stat.S_ISDIR(state.st_mode):
        raise PermissionError(errno.EPERM, "not a private folder of this user", str(folder))


def remove_private_folder() -> None:
    """Remove the private folder of this process group, unless some store still uses it.

    For a server that has ended: to be called when its workers are gone.
    """
    folder = _private_folder()
    with contextlib.suppress(OSError):
        _check_private(folder)
        descriptor = _locked(folder, exclusively=True)
        try:
            shutil.rmtree(folder)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _locked(folder: Path, exclusively: bool) -> int | None:
    """A descriptor whose life is that of the lock; `None` where folders cannot be locked.

    Raises:
        OSError: others have locked it.
    """
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_NB | (fcntl.LOCK_EX if exclusively else fcntl.LOCK_SH))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_abandoned_folders(ours: Path) -> None:
    """Remove this user's private folders whose process group ended at least a day ago."""
    for folder in ours.parent.glob(f"exportimage-{_user()}-*"):
        match = _PRIVATE_FOLDER.fullmatch(folder.name)
        if match is None or folder == ours or _lives(int(match["group"])):
            continue
        with contextlib.suppress(OSError):
            _check_private(folder)
            if time.time() - folder.stat().st_mtime > _ABANDONED_FOLDER:
                shutil.rmtree(folder)


def _lives(group: int) -> bool:
    """Is a process of the group left? Where that can't be known: yes."""
    if not hasattr(os, "killpg") or group <= 1:
        return True
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
