"""Rasters behind HTTP: noticed when they are replaced, missing, or out of reach."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources import remote
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from tests.imagery.sources.reading import whole
from tests.rasters import write

BOX = (0.0, 0.0, 4.0, 3.0)


class Ranges(SimpleHTTPRequestHandler):
    """Files, with the ranges that GDAL asks for; counts what is asked."""

    asked: list[str]
    refused: set[str]

    def do_HEAD(self) -> None:
        self.asked.append("HEAD")
        if "HEAD" in self.refused:
            self.send_error(405)
        else:
            super().do_HEAD()

    def do_GET(self) -> None:
        self.asked.append("GET")
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        if "Range" in self.refused:
            super().do_GET()
            return
        data, wanted = path.read_bytes(), self.headers.get("Range", "bytes=0-")
        start, _, end = wanted.removeprefix("bytes=").partition("-")
        part = data[int(start) : int(end or len(data) - 1) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a folder; its server is asked each time, not twice a minute."""
    monkeypatch.setattr(remote, "_SECONDS_BETWEEN_LOOKS", 0.0)
    Ranges.asked, Ranges.refused = [], set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def fill(path: Path, value: int) -> None:
    """A raster of one value, and of a size of its own."""
    data = np.full((1, 30 + value, 40), value, "uint8")
    write(path, data, BOX, "EPSG:4326")


def test_a_raster_behind_http_is_read(served: str, tmp_path: Path) -> None:
    fill(tmp_path / "a.tif", 7)

    assert (whole(open_gdal(f"{served}/a.tif")).values == 7).all()


def test_one_that_was_replaced_is_an_error_then_opened_anew(served: str, tmp_path: Path) -> None:
    fill(tmp_path / "a.tif", 7)
    catalog = Catalog.of({"a": f"{served}/a.tif"})
    old = catalog.service("a").source
    whole(old)
    fill(tmp_path / "a.tif", 9)

    with pytest.raises(SourceError, match=r"a\.tif was replaced"):
        whole(old)
    new = catalog.service("a").source
    assert new.info.version != old.info.version
    assert (whole(new).values == 9).all()


def test_one_that_is_missing_is_told_and_works_when_it_is_back(served: str, tmp_path: Path) -> None:
    catalog = Catalog.of({"a": f"{served}/a.tif"})

    with pytest.raises(SourceError, match=r"a\.tif is missing"):
        catalog.service("a")
    fill(tmp_path / "a.tif", 7)
    assert (whole(catalog.service("a").source).values == 7).all()


def test_of_a_server_without_head_nothing_is_known(served: str) -> None:
    Ranges.refused = {"HEAD"}

    assert remote.remote_facts(f"{served}/a.tif") == ()
    assert Ranges.asked == ["HEAD"]


def test_a_server_is_not_asked_at_every_read(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "a.tif", 7)
    source = open_gdal(f"{served}/a.tif")
    monkeypatch.setattr(remote, "_SECONDS_BETWEEN_LOOKS", 60.0)
    whole(source)
    Ranges.asked.clear()

    whole(source)

    assert "HEAD" not in Ranges.asked


def test_a_server_out_of_reach_is_told_without_its_secrets() -> None:
    with pytest.raises(SourceError, match=r"^a\.tif cannot be reached: its server does not answer"):
        open_gdal("http://127.0.0.1:1/a.tif?token=secret")


@pytest.mark.parametrize("url", ["s3://bucket/a.tif", "https://user:word@host/a.tif", "/vsimem/a"])
def test_of_other_addresses_nothing_is_known(url: str) -> None:
    assert remote.remote_facts(url) == ()


def test_what_gdal_cannot_fetch_is_not_told_to_be_damaged(served: str) -> None:
    Ranges.refused = {"HEAD"}

    with pytest.raises(SourceError, match=r"^gone\.tif could not be fetched$"):
        open_gdal(f"{served}/gone.tif")


def test_a_server_without_byte_ranges_is_told(served: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1, 500, 500), np.uint8)
    write(tmp_path / "a.tif", noise, BOX, "EPSG:4326")
    Ranges.refused = {"Range"}

    with pytest.raises(SourceError, match=r"could not be fetched: its server gives no byte ranges"):
        open_gdal(f"{served}/a.tif")
