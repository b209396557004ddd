"""Saving: where the bytes of an export go, and what a bar shows meanwhile."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from exportimage_wsgi.operations.saving import pour, put, rate


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
