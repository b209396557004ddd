"""The private folder: whose it is, who shares it, and when it goes."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from exportimage_wsgi.errors import StoreError
from exportimage_wsgi.outputs import OutputStore, private
from tests.outputs.conftest import keep

DAY = 86_400.0


def test_the_default_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))

    store = OutputStore(None, max_age=600, max_bytes=1000)

    assert store.directory.parent == tmp_path
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(keep(store).path.stat().st_mode) == 0o600
    assert stat.S_IMODE((store.directory / ".secret").stat().st_mode) == 0o600


def test_the_default_folder_is_the_same_for_stores_of_a_process_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    first, second = (OutputStore(None, max_age=600, max_bytes=1000) for _ in range(2))

    assert second.open(keep(first).name).size == 6


@pytest.mark.parametrize("trick", ["open to all", "a link"])
def test_a_default_folder_that_others_could_have_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = private.private_folder()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if trick == "a link":
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)

    with pytest.raises(StoreError, match="access to its folder is denied"):
        keep(OutputStore(None, max_age=600, max_bytes=1000))


def test_the_default_folder_is_removed_when_its_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    store = OutputStore(None, max_age=600, max_bytes=1000)
    keep(store)

    store.leave()
    private.remove_private_folder()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(private.fcntl is None, reason="folders cannot be locked")
def test_the_default_folder_stays_while_another_store_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    ending, other = (OutputStore(None, max_age=600, max_bytes=1000) for _ in range(2))
    kept = keep(other)

    ending.leave()
    private.remove_private_folder()

    assert kept.path.exists()


def test_without_a_default_folder_there_is_nothing_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    kept = keep(OutputStore(tmp_path / "out", max_age=600, max_bytes=1000))

    private.remove_private_folder()

    assert kept.path.exists()


def test_a_link_in_place_of_the_default_folder_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    private.private_folder().symlink_to(tmp_path / "elsewhere")

    private.remove_private_folder()

    assert (tmp_path / "elsewhere").exists()


def test_folders_of_ended_servers_are_removed_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(private, "_lives", lambda group: group == 11)
    folders = {group: tmp_path / f"exportimage-{os.geteuid()}-{group}" for group in (11, 12, 13)}
    for group, folder in folders.items():
        folder.mkdir(mode=0o700)
        age = 60 if group == 13 else 2 * DAY
        os.utime(folder, (time.time() - age, time.time() - age))

    OutputStore(None, max_age=600, max_bytes=1000)

    assert [group for group, folder in folders.items() if folder.exists()] == [11, 13]


def test_a_folder_that_others_called_after_no_process_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"exportimage-{os.geteuid()}-{10**20}"
    folder.mkdir()

    OutputStore(None, max_age=600, max_bytes=1000)

    assert folder.exists()


def test_without_a_temporary_place_the_store_says_so_when_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(private.tempfile, "gettempdir", none)
    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(StoreError, match="the disk is read-only"):
        keep(OutputStore(None, max_age=600, max_bytes=1000))
