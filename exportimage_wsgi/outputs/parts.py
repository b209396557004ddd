"""Parts: files that are being written. Each is locked by its writer, so that what a killed process
left is known for certain, and at once.

A lock says nothing of other hosts: some network shares keep it to the host that has it. So the name
says where it was taken, and only there it counts; elsewhere, and where nothing can be locked, a
part is taken for left when nobody has written to it for long.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from io import FileIO
from pathlib import Path

from .faults import remove
from .names import PART

try:
    import fcntl
except ImportError:  # Windows: age alone tells
    fcntl = None  # type: ignore[assignment]

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def new_part(folder: Path) -> tuple[int, Path]:
    """A descriptor of an empty file with a temporary name, and its path. It is locked until it is
    closed, if it can be."""
    mark = _mark(folder)
    if mark:
        descriptor, path = _made(folder, f"{PART}{mark}_")
        if _is_locked(descriptor) and _is_at(descriptor, path):
            return descriptor, path
        os.close(descriptor)
        remove(path)
    return _made(folder, PART)


def publish(file: FileIO, part: Path, name: Path) -> None:
    """Give a part its name, while it is locked still: nobody may take it for left meanwhile."""
    if fcntl is None:
        file.close()  # Windows renames no open file.
    os.replace(part, name)


def remove_left(part: Path, is_old: bool) -> None:
    """Remove a part whose writer is gone.

    Args:
        is_old: has it not been written to for so long that age alone tells?
    """
    mark = _mark(part.parent)
    if not (mark and part.name.startswith(f"{PART}{mark}_")):
        if is_old:
            remove(part)
        return
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # It got its name just now, or is somebody else's.
        if is_old:
            remove(part)
        return
    try:
        if _is_locked(descriptor):
            remove(part)
    finally:
        os.close(descriptor)


def _made(folder: Path, prefix: str) -> tuple[int, Path]:
    descriptor, path = tempfile.mkstemp(prefix=prefix, dir=folder)
    return descriptor, Path(path)


def _is_locked(descriptor: int) -> bool:
    """Lock a file, if nobody else has and if it can be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Is it there still? Until it was locked, another process could take it for left."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _mark(folder: Path) -> str:
    """Of this kernel since it was started, and of the file system as it is mounted in it: within
    these, all processes see each other's locks. Nothing where that cannot be known."""
    boot = _boot()
    if fcntl is None or not boot:
        return ""
    return hashlib.sha256(f"{boot}/{os.stat(folder).st_dev}".encode()).hexdigest()[:16]


@cache
def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
