"""Compiled functions: numba, without the GIL, kept on disk so that they compile once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function, compiled for each combination of array types when first called.

    The result is kept beside the module, or, where that can't be written, in the user's cache
    directory or in the system's temporary one, and shared by all processes of the user.
    """
    return _compiled(function)


def inlined(function: Function) -> Function:
    """The same, but wherever compiled code calls it, it becomes a part of that code."""
    return _compiled(function, forceinline=True)


def _compiled(function: Function, **more: bool) -> Function:
    options: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"} | more
    try:
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba: nowhere to keep the result
        settings: Any = numba.config
        try:
            settings.CACHE_DIR = str(_private_directory())
        except OSError:  # There is no disk that can be written: each process compiles anew.
            options["cache"] = False
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


def _private_directory() -> Path:
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    path = Path(tempfile.gettempdir()) / f"exportimage-wsgi-{owner}-compiled"
    path.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="exportimage-wsgi-compiled-"))
    return path
