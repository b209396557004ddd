"""Trying a folder before a store is in it: can it keep files, and how many?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from .names import NAME
from .private import private_folder

_PIECE = 1 << 16
"""Bytes that are written: more than a file system keeps without a block of its own."""


def faults_of(directory: Path | None) -> Iterator[str]:
    """Why files cannot be kept in a folder, or in a private one; for a moment one is.

    Nothing else tells for certain: permissions, quotas, disks that are full or read-only.
    """
    folder = directory or private_folder()
    existing = _existing(folder)
    try:
        with TemporaryDirectory(prefix=".exportimage-", dir=existing) as place:
            _keep_one(Path(place))
    except OSError as error:
        deed = "be written" if existing == folder else f"be made in {existing}"
        advice = "" if directory else "; name a folder as output.directory"
        yield f"{folder} cannot {deed}: {error.strerror}{advice}"


def _keep_one(place: Path) -> None:
    """As the store does: written, flushed, and renamed."""
    part = place / "part"
    with part.open("wb", buffering=0) as file:
        if file.write(bytes(_PIECE)) < _PIECE:
            file.write(b"\0")  # A disk that took a part says now why it takes no more.
        os.fsync(file.fileno())
    part.rename(place / "whole")


def bytes_left(directory: Path | None) -> int:
    """How much a store in a folder, or in a private one, can hold: what it does, and free space."""
    folder = directory or private_folder()
    return shutil.disk_usage(_existing(folder)).free + sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry.stat().st_size for entry in entries if NAME.fullmatch(entry.name))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if os.path.exists(each))
