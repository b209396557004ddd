"""The output store: finished files that an `href` points to, kept for a while.

Several processes may share a folder. Nothing but the folder itself coordinates them: a secret in
it turns a request's token into a name nobody can guess, a rename makes a file visible, the files'
own times say when they expire, and a stamp says when somebody last swept.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import stat
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import FileSizeError, NotFoundError, StoreError
from .faults import remove, store_error
from .names import NAME, name_of, shared_secret
from .parts import new_part, publish
from .private import check_private, locked, private_folder, remove_abandoned_folders
from .stored import StoredFile, media_type_of
from .sweeping import Sweeper

_log = logging.getLogger(__name__)


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
        self.directory = private_folder() if directory is None else Path(directory)
        self._secret: bytes | None = None
        self._use: weakref.finalize[[int], OutputStore] | None = None
        self._sweeper = Sweeper(self.directory, max_age, max_bytes)
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
            with self._told():
                name = self._name(token, extension, stem)
            self._sweeper.sweep_when_due()
            size = self._write(name, chunks)
        self._sweeper.sweep_when_due(size)
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
            return None  # Whoever makes it is told what is wrong with the disk.
        return replace(stored, modified=time.time())

    def open(self, name: str) -> StoredFile:
        """The file of a name that `keep` gave.

        Raises:
            NotFoundError: no such file, its life is over, or the name isn't one of ours.
            StoreError: the disk doesn't tell.
        """
        path = self.directory / name
        try:
            state = os.lstat(path) if NAME.fullmatch(name) else None
        except (FileNotFoundError, NotADirectoryError):
            state = None
        except OSError as error:
            raise self._fault(error, "read") from error
        if state is None or not stat.S_ISREG(state.st_mode) or self._has_expired(state):
            raise NotFoundError("File not found")
        return StoredFile(
            name=name,
            path=path,
            size=state.st_size,
            media_type=media_type_of(path),
            modified=state.st_mtime,
        )

    def _has_expired(self, state: os.stat_result) -> bool:
        return time.time() - state.st_mtime > self.max_age

    def _start(self) -> None:
        """Make the folder and clear away what was left; a store that can't is told, not fatal."""
        try:
            self._prepare()
            self._sweeper.sweep_when_due()
        except OSError as error:
            told = "output store %s: %s; pictures are streamed, but f=json cannot be answered"
            _log.error(told, self.directory, error)
            return
        if self._is_private:
            remove_abandoned_folders(self.directory)

    def _prepare(self) -> bytes:
        """The secret; the folder is made if it is missing.

        Raises:
            OSError: it cannot be made, or not be written.
        """
        self.directory.mkdir(mode=0o700, parents=not self._is_private, exist_ok=True)
        if self._is_private:
            check_private(self.directory)
            self._mark_as_used()
        self._secret = shared_secret(self.directory)
        return self._secret

    def _mark_as_used(self) -> None:
        """Keep the folder from being removed by others for as long as this store is there."""
        self.leave()
        with contextlib.suppress(OSError):
            descriptor = locked(self.directory, exclusively=False)
            if descriptor is not None:
                self._use = weakref.finalize(self, os.close, descriptor)

    def leave(self) -> None:
        """Let go of the private folder: from now on it may be removed."""
        if self._use is not None:
            self._use()

    def _name(self, token: str, extension: str, stem: str) -> str:
        return name_of(self._secret or self._prepare(), token, extension, stem)

    def _write(self, name: str, chunks: Iterable[bytes]) -> int:
        """The size of the file, written to a temporary name, flushed and renamed."""
        with self._told():
            descriptor, part = self._part()
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                size = self._fill(file, chunks)
                with self._told():
                    publish(file, part, self.directory / name)
        except BaseException:
            remove(part)
            raise
        return size

    def _part(self) -> tuple[int, Path]:
        """An empty open file of a temporary name; a folder that somebody removed is made anew."""
        try:
            return new_part(self.directory)
        except FileNotFoundError:
            self._prepare()
            return new_part(self.directory)

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
            raise self._fault(error, "take") from error

    def _fault(self, error: OSError, deed: str) -> StoreError:
        _log.error("output store %s: %s", self.directory, error)
        return store_error(error, deed)


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
