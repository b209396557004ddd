"""Sweeping: what goes, what stays, and how often."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from exportimage_wsgi.outputs import OutputStore
from exportimage_wsgi.outputs.sweeping import Sweeper
from tests.outputs.conftest import aged, keep, visible

DAY = 86_400.0


def test_a_sweep_removes_what_expired_and_leaves_the_rest(store: OutputStore) -> None:
    old, late, fresh = (keep(store, token) for token in ("old", "late", "fresh"))
    aged(old, 700)
    aged(late, 602)  # Who found it a moment ago may be about to prolong its life.

    Sweeper(store.directory, store.max_age, store.max_bytes).sweep()

    assert visible(store) == sorted([late.name, fresh.name])


def test_a_sweep_removes_the_oldest_beyond_the_limit(store: OutputStore) -> None:
    files = [keep(store, str(age), b"x" * 10) for age in range(4)]
    for age, file in enumerate(files):
        aged(file, age * 10)

    Sweeper(store.directory, max_age=600, max_bytes=25).sweep()

    assert [file.path.exists() for file in files] == [True, True, False, False]


def test_a_sweep_leaves_the_newest_file_however_large(store: OutputStore) -> None:
    kept = keep(store, "t", b"x" * 100)

    Sweeper(store.directory, max_age=600, max_bytes=10).sweep()

    assert visible(store) == [kept.name]


def test_files_of_others_are_left_alone(store: OutputStore) -> None:
    stranger = store.directory / "notes.txt"
    stranger.write_text("mine")
    os.utime(stranger, (0, 0))
    link = keep(store).path
    link.unlink()
    link.symlink_to(stranger)
    os.utime(link, (0, 0), follow_symlinks=False)

    Sweeper(store.directory, store.max_age, store.max_bytes).sweep()

    assert stranger.read_text() == "mine" and link.is_symlink()


def test_a_start_removes_old_parts_and_leaves_young_ones(tmp_path: Path) -> None:
    for name, age in (("old", 2 * DAY), ("young", 60)):
        part = tmp_path / f".part-{name}"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age, time.time() - age))

    OutputStore(tmp_path, max_age=600, max_bytes=1000)

    assert [path.name for path in tmp_path.glob(".part-*")] == [".part-young"]


def test_a_part_is_as_young_as_what_is_kept(tmp_path: Path) -> None:
    """Where files are kept for days, one may be written for hours."""
    for name, age in (("old", 2.1 * DAY), ("young", 1.9 * DAY)):
        part = tmp_path / f".part-{name}"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age, time.time() - age))

    Sweeper(tmp_path, max_age=2 * DAY, max_bytes=1000).sweep()

    assert [path.name for path in tmp_path.glob(".part-*")] == [".part-young"]


def test_a_clock_that_was_put_back_does_not_keep_from_sweeping(store: OutputStore) -> None:
    old = keep(store)
    aged(old, 700)
    os.utime(store.directory / ".swept", (time.time() + DAY,) * 2)

    Sweeper(store.directory, store.max_age, store.max_bytes).sweep_when_due()

    assert visible(store) == []


def test_keeping_sweeps_once_in_a_while(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[int] = []
    monkeypatch.setattr(Sweeper, "sweep", lambda self: sweeps.append(1))

    for number in range(20):
        keep(store, str(number))

    assert len(sweeps) <= 1


def test_a_worker_does_not_sweep_what_another_just_swept(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[int] = []
    monkeypatch.setattr(Sweeper, "sweep", lambda self: sweeps.append(1))

    keep(OutputStore(store.directory, 600, 1_000_000))

    assert sweeps == []
