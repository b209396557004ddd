"""A disk that takes no files: pictures are streamed all the same, and the rest is a clear 503."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from exportimage_wsgi.encode import spool
from exportimage_wsgi.outputs import OutputStore

SERVICE = "/rest/services/Rocky/Scene/ImageServer"
EXPORT = f"{SERVICE}/exportImage"
BOX = {"bbox": "-118,22,-112,28", "size": "60,50"}


def refusing(number: int) -> Any:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "of the test", "/secret/path")

    return refuse


@pytest.fixture(params=[(errno.EROFS, "is read-only"), (errno.EACCES, "folder is denied")])
def reason(request: Any, monkeypatch: pytest.MonkeyPatch, store: OutputStore) -> str:
    """Why nothing can be put into the folder of the store, which is so from now on."""
    number, reason = request.param
    refuse, opened = refusing(number), Path.open

    def open_elsewhere(path: Path, *how: Any, **further: Any) -> Any:
        return (refuse if path.parent == store.directory else opened)(path, *how, **further)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(Path, "open", open_elsewhere)
    return str(reason)


@pytest.mark.parametrize("asked", [{}, {"async": "true", "size": "3000,2500"}])
def test_a_link_that_cannot_be_given_is_a_true_503(
    client: Client, reason: str, asked: dict[str, str]
) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "json"} | asked)

    error = reply.get_json()["error"]
    assert (reply.status_code, error["code"], reply.headers["Retry-After"]) == (503, 503, "5")
    assert error["details"][0].startswith("The output store cannot take a ")
    assert error["details"][0].endswith(reason) and "secret" not in reply.text


def test_the_log_has_the_folder_and_the_fault(
    client: Client, store: OutputStore, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.get(EXPORT, query_string=BOX | {"f": "json"})

    store_s, request_s = caplog.messages
    assert store_s.startswith(f"output store {store.directory}: [Errno ")
    assert request_s.startswith(f"GET {EXPORT}: The output store cannot take a file: ")


def test_the_page_says_why_there_is_no_picture(client: Client, reason: str) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "html"})

    assert reply.status_code == 503 and reason in reply.text


@pytest.mark.parametrize("f", ["image", "kmz"])
def test_pictures_are_streamed_all_the_same(client: Client, reason: str, f: str) -> None:
    assert client.get(EXPORT, query_string=BOX | {"f": f}).status_code == 200


def test_who_asks_for_a_range_gets_the_whole(client: Client, reason: str) -> None:
    query = BOX | {"f": "image", "format": "tiff"}
    whole = client.get(EXPORT, query_string=query)
    reply = client.get(EXPORT, query_string=query, headers={"Range": "bytes=4-7"})

    assert (reply.status_code, reply.data) == (200, whole.data)
    assert reply.headers["Accept-Ranges"] == "none"


def test_who_asks_for_the_head_is_not_told_the_length(client: Client, reason: str) -> None:
    reply = client.head(EXPORT, query_string=BOX | {"f": "image"})

    assert (reply.status_code, reply.mimetype) == (200, "image/png")
    assert "Content-Length" not in reply.headers


def test_a_store_that_was_removed_is_made_anew(client: Client, store: OutputStore) -> None:
    shutil.rmtree(store.directory)

    href = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]

    assert client.get(href).status_code == 200


def test_files_of_a_store_that_was_removed_are_gone(client: Client, store: OutputStore) -> None:
    href = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]
    shutil.rmtree(store.directory)
    store.directory.touch()

    assert client.get(href).status_code == 404


def test_a_file_that_may_not_be_read_is_a_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    href = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]
    monkeypatch.setattr("exportimage_wsgi.outputs.os.lstat", refusing(errno.EACCES))

    reply = client.get(href)

    assert reply.status_code == 503 and "cannot read a file" in reply.text


def test_a_full_temporary_folder_is_a_503(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SPOOL_BYTES", 10)
    monkeypatch.setattr(tempfile, "TemporaryFile", refusing(errno.ENOSPC))

    reply = client.get(EXPORT, query_string=BOX | {"f": "image", "format": "bsq"})

    assert reply.status_code == 503
    assert reply.get_json()["error"]["details"] == [
        "The temporary folder cannot take a file: the disk is full"
    ]
