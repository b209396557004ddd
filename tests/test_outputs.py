"""The output store: what it keeps, for how long, and what it leaves behind when it can't."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exportimage_wsgi import outputs
from exportimage_wsgi.errors import FileSizeError, NotFoundError, SourceError, StoreError
from exportimage_wsgi.outputs import OutputStore, StoredFile

DAY = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    return OutputStore(tmp_path / "outputs", max_age=600, max_bytes=1_000_000)


def keep(store: OutputStore, token: str = "t", *chunks: bytes) -> StoredFile:
    return store.keep(token, ".png", "image/png", iter(chunks or (b"pixels",)))


def visible(store: OutputStore) -> list[str]:
    return sorted(p.name for p in store.directory.iterdir() if not p.name.startswith(".s"))


def aged(file: StoredFile, seconds: float) -> None:
    when = time.time() - seconds
    os.utime(file.path, (when, when))


class Chunks:
    """Bytes that remember being closed, and may end in an error."""

    def __init__(self, *chunks: bytes, error: BaseException | None = None) -> None:
        self._chunks, self._error, self.closed, self.taken = iter(chunks), error, False, 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.taken += 1
            yield chunk
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed = True


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


def test_a_sweep_removes_what_expired_and_leaves_the_rest(store: OutputStore) -> None:
    old, fresh = keep(store, "old"), keep(store, "fresh")
    aged(old, 700)

    store.sweep()

    assert visible(store) == [fresh.name]


def test_a_sweep_removes_the_oldest_beyond_the_limit(store: OutputStore) -> None:
    files = [keep(store, str(age), b"x" * 10) for age in range(4)]
    for age, file in enumerate(files):
        aged(file, age * 10)

    OutputStore(store.directory, max_age=600, max_bytes=25).sweep()

    assert [file.path.exists() for file in files] == [True, True, False, False]


def test_a_sweep_leaves_the_newest_file_however_large(store: OutputStore) -> None:
    kept = keep(store, "t", b"x" * 100)

    OutputStore(store.directory, max_age=600, max_bytes=10).sweep()

    assert visible(store) == [kept.name]


def test_files_of_others_are_left_alone(store: OutputStore) -> None:
    stranger = store.directory / "notes.txt"
    stranger.write_text("mine")
    os.utime(stranger, (0, 0))

    store.sweep()

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
    monkeypatch.setattr(OutputStore, "sweep", lambda self: sweeps.append(1))

    for number in range(20):
        keep(store, str(number))

    assert len(sweeps) <= 1


def test_a_worker_does_not_sweep_what_another_just_swept(
    store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps: list[int] = []
    monkeypatch.setattr(OutputStore, "sweep", lambda self: sweeps.append(1))

    keep(OutputStore(store.directory, 600, 1_000_000))

    assert sweeps == []


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
        ("os.replace", errno.EROFS, "the disk is read-only"),
        ("tempfile.mkstemp", errno.EACCES, "its folder may not be written"),
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


def test_the_default_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))

    store = OutputStore(None, max_age=600, max_bytes=1000)

    assert store.directory.parent == tmp_path
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(keep(store).path.stat().st_mode) == 0o600
    assert stat.S_IMODE((store.directory / ".secret").stat().st_mode) == 0o600


def test_the_default_folder_is_the_same_for_stores_of_a_process_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    first, second = (OutputStore(None, max_age=600, max_bytes=1000) for _ in range(2))

    assert second.open(keep(first).name).size == 6


@pytest.mark.parametrize("trick", ["open to all", "a link"])
def test_a_default_folder_that_others_could_have_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = outputs._private_folder()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if trick == "a link":
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)

    with pytest.raises(StoreError, match="may not be written"):
        keep(OutputStore(None, max_age=600, max_bytes=1000))


def test_the_default_folder_is_removed_when_its_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    store = OutputStore(None, max_age=600, max_bytes=1000)
    keep(store)

    store.leave()
    outputs.remove_private_folder()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(outputs.fcntl is None, reason="folders cannot be locked")
def test_the_default_folder_stays_while_another_store_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    ending, other = (OutputStore(None, max_age=600, max_bytes=1000) for _ in range(2))
    kept = keep(other)

    ending.leave()
    outputs.remove_private_folder()

    assert kept.path.exists()


def test_without_a_default_folder_there_is_nothing_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    kept = keep(OutputStore(tmp_path / "out", max_age=600, max_bytes=1000))

    outputs.remove_private_folder()

    assert kept.path.exists()


def test_a_link_in_place_of_the_default_folder_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    outputs._private_folder().symlink_to(tmp_path / "elsewhere")

    outputs.remove_private_folder()

    assert (tmp_path / "elsewhere").exists()


def test_folders_of_ended_servers_are_removed_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(outputs, "_lives", lambda group: group == 11)
    folders = {group: tmp_path / f"exportimage-{os.geteuid()}-{group}" for group in (11, 12, 13)}
    for group, folder in folders.items():
        folder.mkdir(mode=0o700)
        age = 60 if group == 13 else 2 * DAY
        os.utime(folder, (time.time() - age, time.time() - age))

    OutputStore(None, max_age=600, max_bytes=1000)

    assert [group for group, folder in folders.items() if folder.exists()] == [11, 13]


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
