"""Compiled functions, and where they are kept."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from exportimage_wsgi import compiled


def test_without_any_disk_each_process_compiles_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As numba says of a function that it finds no folder for, when even /tmp is read-only."""

    def njit(**options: Any) -> Any:
        if options["cache"]:
            raise RuntimeError("cannot cache function")
        return lambda function: function

    def none() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(compiled.numba, "njit", njit)
    monkeypatch.setattr(tempfile, "gettempdir", none)

    assert compiled.compiled(abs)(-1) == 1
