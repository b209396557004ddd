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
    old, fresh = keep(store, "old"), keep(store, "fresh")
    aged(old, 700)

    Sweeper(store.directory, store.max_age, store.max_bytes).sweep()

    assert visible(store) == [fresh.name]


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

    Sweeper(store.directory, store.max_age, store.max_bytes).sweep()

    assert stranger.read_text() == "mine"


def test_a_start_removes_old_parts_and_leaves_young_ones(tmp_path: Path) -> None:
    for name, age in (("old", 2 * DAY), ("young", 60)):
        part = tmp_path / f".part-{name}"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age, time.time() - age))

    OutputStore(tmp_path, max_age=600, max_bytes=1000)

    assert [path.name for path in tmp_path.glob(".part-*")] == [".part-young"]


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
