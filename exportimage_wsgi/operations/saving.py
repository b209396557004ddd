"""Saving: the bytes of an export as a file, and a bar that shows how far it is."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from errno import EISDIR
from pathlib import Path
from typing import Any, BinaryIO

from ..encode.format import Placed

_MOST_LETTERS = 50

Progress = Callable[[int, int], None]
"""Is told how many pieces are done, and of how many."""


class Shown:
    """A context that gives what to tell the progress to."""

    def __init__(self, progress: bool | Progress | None, pixels: int) -> None:
        self._progress, self._pixels = progress, pixels
        self._begun = time.monotonic()
        self._bar: Any = None
        self._entered: Any = None

    def __enter__(self) -> Progress | None:
        if callable(self._progress):
            return self._progress
        return self._tell if self._progress else None

    def _tell(self, done: int, total: int) -> None:
        if self._bar is None:
            import click

            self._bar = click.progressbar(
                length=total, label="exporting", file=sys.stderr, item_show_func=rate
            )
            self._entered = self._bar.__enter__()
        seconds = max(time.monotonic() - self._begun, 1e-3)
        made = self._pixels * done / total / seconds
        self._entered.update(done - self._entered.pos, made)

    def __exit__(self, *failure: Any) -> None:
        if self._bar is not None:
            self._bar.__exit__(*failure)


def rate(pixels: float | None) -> str | None:
    """How many are made in a second, beside the bar's own share and remaining time."""
    return None if pixels is None else f"{pixels / 1e6:.1f} megapixels/s"


def is_device(target: Path) -> bool:
    """Is it there, and no file: a device or a pipe?

    Raises:
        IsADirectoryError: it is a folder.
    """
    if target.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(target))
    return target.exists() and not target.is_file()


def put(placed: Iterable[Placed], target: Path) -> None:
    """Write a file, which appears when it is complete.

    It is made beside the target, or beside what that is a link to, and renamed. Meanwhile it has no
    name, if the disk can do that: then a process that is killed leaves nothing.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    place = Path(os.path.realpath(target))
    # The longest names that file systems take leave no room for more.
    temporary = place.with_name(f".{place.name[:_MOST_LETTERS]}.{secrets.token_hex(4)}")
    try:
        with _begun(temporary) as file:
            for position, data in placed:
                if position != file.tell():
                    file.seek(position)
                file.write(data)
            file.flush()
            if not temporary.exists():
                _name(file.fileno(), temporary)
        os.replace(temporary, place)
    except BaseException:
        # Who interrupts may do so when it has just got its name.
        temporary.unlink(missing_ok=True)
        raise


def _begun(temporary: Path) -> BinaryIO:
    """An empty file, which has its name only if it must."""
    descriptor = _nameless(temporary)
    return temporary.open("xb") if descriptor is None else os.fdopen(descriptor, "wb")


def _nameless(temporary: Path) -> int | None:
    """A descriptor of a file without a name, or `None` where there are none such. Whether it can be
    given one is tried with another, as that goes only once."""
    try:
        tried = _unnamed_in(temporary.parent)
        try:
            _name(tried, temporary)
        finally:
            os.close(tried)
            temporary.unlink(missing_ok=True)
        return _unnamed_in(temporary.parent)
    except (AttributeError, OSError):
        return None


def _unnamed_in(folder: Path) -> int:
    return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)


def _name(descriptor: int, name: Path) -> None:
    # Only with the descriptor of a folder, which doesn't matter, Python lets the link be followed.
    os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=descriptor, follow_symlinks=True)


def pour(chunks: Iterable[bytes], target: Path) -> None:
    """Write to what cannot be renamed, nor begun again, once everything is there."""
    with tempfile.TemporaryFile() as file:
        file.writelines(chunks)
        file.seek(0)
        with target.open("wb") as device:
            shutil.copyfileobj(file, device)
