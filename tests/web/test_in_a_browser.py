"""The form of exportImage in a real browser: filled in, with the picture under it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from werkzeug.serving import make_server

from exportimage_wsgi import create_app
from tests.rasters import write

CRIMSON = (200, 30, 60)
QUERY = "bbox=-117,34,-116,35&bboxSR=4326&size=300,300&format={}&interpolation=RSP_Majority"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip

Browse = Callable[..., str]


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the form of a crimson raster, served to browsers."""
    path = tmp_path_factory.mktemp("crimson") / "crimson.tif"
    data = np.full((3, 50, 50), np.array(CRIMSON, "u1")[:, None, None])
    app = create_app({"crimson": write(path, data, (-120, 30, -110, 40), "EPSG:4326")})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/rest/services/crimson/ImageServer/exportImage"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Opens an address, and gives what the browser prints."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(path for path in map(shutil.which, names) if path)

    def run(url: str, *options: str) -> str:
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        done = subprocess.run(
            [browser, *FLAGS, profile, *options, url], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def crimson_pixels(file: Path) -> int:
    seen = np.asarray(Image.open(file).convert("RGB"))
    return int((np.abs(seen.astype(int) - CRIMSON).max(axis=2) <= 3).sum())


@pytest.mark.parametrize("name", ["png", "jpg", "tiff"])
def test_the_form_shows_the_picture_that_it_describes(
    form: str, browse: Browse, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "page.png"
    browse(f"{form}?{QUERY.format(name)}", "--window-size=1200,2400", f"--screenshot={file}")

    assert crimson_pixels(file) > 250 * 250


def test_the_form_is_filled_in_with_the_request(form: str, browse: Browse) -> None:
    page = browse(f"{form}?{QUERY.format('png24')}", "--dump-dom")

    assert 'name="bbox" value="-117,34,-116,35"' in page
    assert '<option selected="">png24</option>' in page
    assert '<option selected="">RSP_Majority</option>' in page


def test_the_form_fits_a_phone(form: str, browse: Browse, tmp_path: Path) -> None:
    file = tmp_path / "phone.png"
    browse(f"{form}?{QUERY.format('png')}", "--window-size=500,6000", f"--screenshot={file}")
    rows, columns = np.nonzero(
        np.abs(np.asarray(Image.open(file).convert("RGB")).astype(int) - CRIMSON).max(axis=2) <= 3
    )

    assert len(rows) > 250 * 250
    assert columns.min() > 0 and columns.max() < 499
