"""What a process that makes pictures and nothing else sets for all of itself.

The server's workers and the command line do so. A program of somebody else's, in which services are
mounted, is left as it is; it may call `tune_process` if it likes.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import sys
from contextlib import suppress

# By the variable that says it: glibc's number (malloc.h), and the value.
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": (-8, 2),
    "MALLOC_MMAP_THRESHOLD_": (-3, 32 << 20),
    "MALLOC_TRIM_THRESHOLD_": (-1, 64 << 20),
}


def tune_process() -> None:
    """Have glibc keep what pixels were in for the next ones, in two arenas that threads share.

    Else each block that comes anew from the system costs as much time as filling it, and what one
    thread has freed is of no use to the others. What the environment says of it holds.
    """
    end_quickly()
    if not sys.platform.startswith("linux"):
        return
    # Other C libraries have no such function.
    with suppress(OSError, AttributeError):
        tell = ctypes.CDLL(None).mallopt
        for name, (number, value) in _ALLOCATOR.items():
            if name not in os.environ:
                tell(number, value)


def end_quickly() -> None:
    """Have Python not look through all objects for garbage when the process ends.

    With the libraries that are loaded it would do so for half a second, or on a busy machine for
    several, after the last request.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
