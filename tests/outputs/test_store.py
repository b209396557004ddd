"""The output store: what it keeps, and what it leaves behind when it can't."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from exportimage_wsgi.errors import FileSizeError, NotFoundError, SourceError, StoreError
from exportimage_wsgi.outputs import OutputStore
from tests.outputs.conftest import Chunks, aged, keep, visible


def test_a_kept_file_has_its_bytes_type_and_size(store: OutputStore) -> None:
    kept = keep(store, "t", b"abc", b"", b"defg")

    found = store.open(kept.name)

    with found.opened() as file:
        assert file.read() == b"abcdefg"
    assert (found.size, found.media_type, found.path) == (7, "image/png", kept.path)


def test_a_name_shows_the_stem_and_hides_the_token(store: OutputStore) -> None:
    kept = store.keep("cafe", ".tif", "image/tiff", iter([b"x"]), stem="Größe of/it")

    assert kept.name.startswith("Gr-e-of-it_") and kept.name.endswith(".tif")
    assert "cafe" not in kept.name


def test_stores_of_two_folders_give_a_token_different_names(tmp_path: Path) -> None:
    names = {keep(OutputStore(tmp_path / folder, 600, 1000)).name for folder in "ab"}

    assert len(names) == 2


def test_the_same_token_is_not_written_again(store: OutputStore) -> None:
    first = keep(store)
    chunks = Chunks(b"other")

    again = store.keep("t", ".png", "image/png", chunks)

    assert again.name == first.name and again.path.read_bytes() == b"pixels"
    assert (chunks.taken, chunks.closed) == (0, True)


def test_finding_a_file_begins_its_life_anew(store: OutputStore) -> None:
    aged(keep(store), 500)

    found = store.find("t", ".png")

    assert found is not None
    assert time.time() - found.path.stat().st_mtime < 100
    assert time.time() - found.modified < 100


def test_an_expired_file_is_neither_served_nor_used_again(store: OutputStore) -> None:
    kept = keep(store)
    aged(kept, 601)

    assert store.find("t", ".png") is None
    with pytest.raises(NotFoundError):
        store.open(kept.name)
    assert keep(store, "t", b"fresh").path.read_bytes() == b"fresh"


def test_a_file_that_is_removed_while_it_is_read_is_read_to_the_end(store: OutputStore) -> None:
    kept = keep(store, "t", b"a" * 1000)
    with kept.opened() as file:
        file.read(10)
        kept.path.unlink()

        assert len(file.read()) == 990


def test_opening_a_file_that_was_just_removed_finds_nothing(store: OutputStore) -> None:
    kept = store.open(keep(store).name)
    kept.path.unlink()

    with pytest.raises(NotFoundError):
        kept.opened()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".secret",
        "../secret.png",
        "/etc/passwd",
        "image_0.png",
        "image_" + "0" * 32,
        "image_" + "0" * 32 + ".png\n",
        "image_" + "٣" * 32 + ".png",
        "a/image_" + "0" * 32 + ".png",
        "image_" + "0" * 32 + ".png\0",
    ],
)
def test_a_name_that_is_none_of_ours_finds_nothing(store: OutputStore, name: str) -> None:
    with pytest.raises(NotFoundError):
        store.open(name)


def test_a_link_in_the_folder_is_not_followed(store: OutputStore) -> None:
    name = f"image_{'0' * 32}.png"
    (store.directory / name).symlink_to("/etc/hostname")

    with pytest.raises(NotFoundError):
        store.open(name)


def test_a_failing_export_leaves_nothing_behind(store: OutputStore) -> None:
    chunks = Chunks(b"half", error=SourceError("block 3 cannot be read"))

    with pytest.raises(SourceError):
        store.keep("t", ".png", "image/png", chunks)

    assert visible(store) == [] and chunks.closed


def test_an_interrupted_export_leaves_nothing_behind(store: OutputStore) -> None:
    with pytest.raises(KeyboardInterrupt):
        store.keep("t", ".png", "image/png", Chunks(b"half", error=KeyboardInterrupt()))

    assert visible(store) == []


def test_an_error_of_reading_is_not_taken_for_one_of_the_store(store: OutputStore) -> None:
    with pytest.raises(OSError, match="no such raster"):
        store.keep("t", ".png", "image/png", Chunks(error=OSError(errno.ENOENT, "no such raster")))


@pytest.mark.parametrize(
    ("step", "number", "words"),
    [
        ("_write_all", errno.ENOSPC, "the disk is full"),
        ("_write_all", errno.EDQUOT, "the disk quota is used up"),
        ("os.fsync", errno.ENOSPC, "the disk is full"),
        ("parts.os.replace", errno.EROFS, "the disk is read-only"),
        ("parts.tempfile.mkstemp", errno.EACCES, "access to its folder is denied"),
        ("os.fsync", errno.EIO, "the disk reports an error"),
    ],
)
def test_a_failing_disk_is_named_and_nothing_is_left(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch, step: str, number: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, "of the test", "/secret/path")

    monkeypatch.setattr(f"exportimage_wsgi.outputs.{step}", fail)
    chunks = Chunks(b"abc")

    with pytest.raises(StoreError, match=words) as caught:
        store.keep("t", ".png", "image/png", chunks)

    assert "secret" not in str(caught.value)
    assert visible(store) == [] and chunks.closed


def test_a_disk_that_does_not_tell_is_not_taken_for_an_empty_one(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(store)

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "of the test")

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cannot read a file"):
        patch.setattr("exportimage_wsgi.outputs.os.lstat", fail)
        store.open(kept.name)


def test_a_disk_without_links_takes_files_too(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    shutil.rmtree(store.directory)
    monkeypatch.setattr(os, "link", refuse)
    kept = keep(OutputStore(store.directory, 600, 1000))

    assert OutputStore(store.directory, 600, 1000).find("t", ".png") is not None
    assert visible(store) == [kept.name]


def test_a_file_larger_than_the_store_is_refused(tmp_path: Path) -> None:
    store = OutputStore(tmp_path, max_age=600, max_bytes=10)

    with pytest.raises(StoreError, match="larger than the 10 bytes"):
        keep(store, "t", b"123456", b"123456")

    assert visible(store) == []


def test_a_file_known_to_be_too_large_is_refused_before_it_is_made(tmp_path: Path) -> None:
    store = OutputStore(tmp_path, max_age=600, max_bytes=10)
    made: list[bytes] = []

    with pytest.raises(FileSizeError) as caught:
        store.keep("t", ".tif", "image/tiff", (made.append(b"") or b"" for _ in "a"), length=11)

    assert caught.value.code == 400
    assert made == [] and visible(store) == []


def test_a_folder_that_is_a_file_is_told_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = OutputStore(tmp_path / "file", max_age=600, max_bytes=1000)

    with pytest.raises(StoreError, match="not a folder"):
        keep(store)
    assert store.find("t", ".png") is None


def test_a_store_works_again_when_its_folder_was_removed(store: OutputStore) -> None:
    kept = keep(store)
    for path in store.directory.iterdir():
        path.unlink()
    store.directory.rmdir()

    assert keep(store, "t", b"anew").path.read_bytes() == b"anew"
    assert kept.media_type == "image/png"


def test_threads_that_keep_the_same_token_all_get_the_whole_file(store: OutputStore) -> None:
    wait, read = threading.Barrier(8), []

    def work() -> None:
        wait.wait()
        read.append(keep(store, "t", b"a" * 5000, b"b" * 5000).path.read_bytes())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read == [b"a" * 5000 + b"b" * 5000] * 8
    assert len(visible(store)) == 1


def _keep_in_a_process(folder: Path, names: multiprocessing.SimpleQueue[str]) -> None:
    names.put(keep(OutputStore(folder, 600, 1_000_000)).name)


def test_processes_that_start_at_once_share_names(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    names = context.SimpleQueue()
    workers = [context.Process(target=_keep_in_a_process, args=(tmp_path, names)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len({names.get() for _ in workers}) == 1
