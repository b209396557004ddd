"""What a process sets for all of itself."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from exportimage_wsgi.tuning import tune_process


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
@pytest.mark.parametrize("said", [(), ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_")])
def test_memory_is_kept_for_the_next_picture_unless_the_environment_says_more(
    said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    library = SimpleNamespace(mallopt=lambda number, _: told.append(number))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    numbers = {"MALLOC_ARENA_MAX": -8, "MALLOC_MMAP_THRESHOLD_": -3, "MALLOC_TRIM_THRESHOLD_": -1}
    for name in numbers:
        monkeypatch.delenv(name, raising=False)
    for name in said:
        monkeypatch.setenv(name, "4")

    tune_process()

    assert told == [number for name, number in numbers.items() if name not in said]


def test_a_process_ends_without_a_look_at_all_objects() -> None:
    program = """
import atexit, gc
from exportimage_wsgi.tuning import tune_process
atexit.register(lambda: print(gc.get_freeze_count()))
tune_process()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert int(ended.stdout) > 0
