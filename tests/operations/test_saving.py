"""Saving: where the bytes of an export go, and what a bar shows meanwhile."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
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
