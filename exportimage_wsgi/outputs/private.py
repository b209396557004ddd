"""The private folder of a server whose operator names none: made, shared, and removed again."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: the private folder is of one process
    fcntl = None  # type: ignore[assignment]

_PRIVATE_FOLDER = re.compile(r"exportimage-(?P<user>\w+)-(?P<group>\d{1,9})", re.ASCII)
_ABANDONED_FOLDER = 86_400.0


def private_folder() -> Path:
    """`exportimage-<user>-<process group>` in the system's temporary place.

    If no such place can be written, it would be in the current folder, which tempfile tried last.
    """
    group = os.getpgid(0) if hasattr(os, "getpgid") else os.getpid()
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        place = os.getcwd()
    return Path(place) / f"exportimage-{_user()}-{group}"


def _user() -> str:
    return str(os.geteuid()) if hasattr(os, "geteuid") else "user"


def check_private(folder: Path) -> None:
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
    folder = private_folder()
    with contextlib.suppress(OSError):
        check_private(folder)
        descriptor = locked(folder, exclusively=True)
        try:
            shutil.rmtree(folder)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def locked(folder: Path, exclusively: bool) -> int | None:
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


def remove_abandoned_folders(ours: Path) -> None:
    """Remove this user's private folders whose process group ended at least a day ago."""
    for folder in ours.parent.glob(f"exportimage-{_user()}-*"):
        match = _PRIVATE_FOLDER.fullmatch(folder.name)
        if match is None or folder == ours or _lives(int(match["group"])):
            continue
        with contextlib.suppress(OSError):
            check_private(folder)
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
