"""Parts: what a killed process left goes at once, what is being written stays."""

from __future__ import annotations

import errno
import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from exportimage_wsgi.outputs import OutputStore, parts
from exportimage_wsgi.outputs.parts import new_part, publish, remove_left
from exportimage_wsgi.outputs.sweeping import Sweeper
from tests.outputs.conftest import keep, visible

locking = pytest.mark.skipif(
    parts.fcntl is None or not parts._BOOT.exists(), reason="parts cannot be locked"
)
DAY = 86_400.0


def swept(folder: Path) -> list[str]:
    """What is left of the parts."""
    Sweeper(folder, max_age=600, max_bytes=1000).sweep()
    return [path.name for path in folder.glob(".part-*")]


def _write_for_ever(folder: Path, begun: Connection) -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"half"
            begun.send(True)
            time.sleep(60)

    OutputStore(folder, 600, 1000).keep("t", ".png", "image/png", chunks())


@locking
def test_the_part_of_a_killed_process_goes_at_once_and_not_before(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_write_for_ever, args=(tmp_path, sender))
    process.start()
    assert receiver.recv()
    while_it_writes = swept(tmp_path)
    process.kill()
    process.join()

    assert len(while_it_writes) == 1
    assert swept(tmp_path) == []


@locking
def test_a_part_that_is_being_written_stays_however_old(tmp_path: Path) -> None:
    descriptor, part = new_part(tmp_path)
    os.utime(part, (0, 0))

    assert swept(tmp_path) == [part.name]
    os.close(descriptor)
    assert swept(tmp_path) == []


@pytest.mark.parametrize(("age", "stays"), [(60, True), (2 * DAY, False)])
def test_a_part_of_another_host_goes_by_its_age(tmp_path: Path, age: float, stays: bool) -> None:
    part = tmp_path / f".part-{'0' * 16}_abcdefgh"
    part.touch()
    os.utime(part, (time.time() - age, time.time() - age))

    assert swept(tmp_path) == ([part.name] if stays else [])


def test_a_disk_that_refuses_locks_is_written_all_the_same(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_is_locked", lambda descriptor: False)
    descriptor, part = new_part(store.directory)
    os.close(descriptor)

    assert swept(store.directory) == [part.name]
    assert keep(store).path.read_bytes() == b"pixels"


def test_a_part_that_was_taken_for_left_before_it_was_locked_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = parts._made

    def slowly(folder: Path, prefix: str) -> tuple[int, Path]:
        descriptor, part = made(folder, prefix)
        remove_left(part, is_old=False)
        return descriptor, part

    monkeypatch.setattr(parts, "_made", slowly)
    descriptor, part = new_part(tmp_path)
    os.close(descriptor)

    assert part.exists()


def test_a_part_has_its_lock_until_it_has_its_name(tmp_path: Path) -> None:
    descriptor, part = new_part(tmp_path)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(b"pixels")
        remove_left(part, is_old=False)
        publish(file, part, tmp_path / "whole")

    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_where_nothing_is_known_of_the_kernel_age_alone_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_boot", lambda: "")
    descriptor, part = new_part(tmp_path)
    os.close(descriptor)

    assert swept(tmp_path) == [part.name]
    remove_left(part, is_old=True)
    assert not part.exists()


def test_a_part_of_somebody_else_is_left_to_him(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor, part = new_part(store.directory)
    os.close(descriptor)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("exportimage_wsgi.outputs.parts.os.open", refuse)
    remove_left(part, is_old=False)

    assert visible(store) == [part.name]
