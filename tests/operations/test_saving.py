"""Saving: where the bytes of an export go, and what a bar shows meanwhile."""

from __future__ import annotations

import errno
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from exportimage_wsgi.operations.saving import is_device, pour, put, rate


def test_the_bar_shows_how_much_is_made_in_a_second() -> None:
    assert rate(12_340_000) == "12.3 megapixels/s"
    assert rate(None) is None


def test_a_pipe_stays_one_and_is_given_the_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(pipe.read_bytes)
        pour([b"pix", b"els"], pipe)

    assert read.result() == b"pixels"
    assert pipe.is_fifo()


def test_a_link_stays_one(tmp_path: Path) -> None:
    link, file = tmp_path / "link.tif", tmp_path / "file.tif"
    link.symlink_to(file)

    put([(3, b"els"), (0, b"pix")], link)

    assert link.is_symlink() and file.read_bytes() == b"pixels"


def test_names_may_be_as_long_as_file_systems_take(tmp_path: Path) -> None:
    file = tmp_path / f"{'ü' * 125}.tif"

    put([(0, b"pixels")], file)

    assert file.read_bytes() == b"pixels"


def test_a_folder_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        is_device(tmp_path)


def test_an_interruption_is_told_though_the_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def interrupted(*names: str) -> None:
        replace(*names)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)

    with pytest.raises(KeyboardInterrupt):
        put([(0, b"pixels")], tmp_path / "a.bsq")


def _save_for_ever(target: Path, begun: Connection) -> None:
    def placed() -> Iterator[tuple[int, bytes]]:
        yield 0, b"pix" * 1_000_000
        begun.send(True)
        yield 0, bytes(begun.recv())

    put(placed(), target)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files need names here")
def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_save_for_ever, args=(tmp_path / "a.tif", there))
    process.start()
    assert here.recv()
    process.kill()
    process.join()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["os.open", "os.link"])
def test_a_disk_whose_files_need_names_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(missing, refuse)
        put([(0, b"pixels")], tmp_path / "a.tif")

    assert (tmp_path / "a.tif").read_bytes() == b"pixels"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_file_that_is_there_is_replaced_and_may_be_read_by_others(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")
    before = os.umask(0o022)
    try:
        put([(0, b"new")], tmp_path / "a.tif")
    finally:
        os.umask(before)

    assert (tmp_path / "a.tif").read_bytes() == b"new"
    assert (tmp_path / "a.tif").stat().st_mode & 0o777 == 0o644
