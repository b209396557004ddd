"""The examples as a user runs them: each script in a process of its own."""

from __future__ import annotations

import html
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import MaskFlags
from rasterio.warp import transform_bounds

EXAMPLES = Path(__file__).parent.parent / "examples"
DATA = EXAMPLES / "data"
LONGS_PEAK = 447_496, 4_456_180
"""In EPSG:32613; 40.2549° north, 105.6160° west."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process whose output is read line by line."""

    def __init__(self, command: tuple[str | Path, ...], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until a line is like this; the process must not end before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"ended with {self.process.wait()}:\n{self.said}")

    def stop(self) -> int:
        """As Ctrl-C in a terminal does. Gives the exit status."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


@contextmanager
def running(*command: str | Path, **environment: str) -> Iterator[Server]:
    server = Server(command, environment)
    watch = threading.Timer(300, os.killpg, (server.process.pid, signal.SIGKILL))
    watch.start()
    with server.process:
        try:
            yield server
        finally:
            watch.cancel()
            server.stop()


def fetched(url: str) -> tuple[int, str, bytes]:
    """Status, media type, body."""
    try:
        with urlopen(url, timeout=60) as reply:
            return reply.status, reply.headers.get_content_type(), reply.read()
    except HTTPError as error:
        return error.code, error.headers.get_content_type(), error.read()


def picture(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


# --- the rasters -----------------------------------------------------------------------------


def test_the_rasters_are_small_and_their_origin_is_told() -> None:
    told = (DATA / "SOURCES.txt").read_text()
    rasters = sorted(DATA.glob("*.tif"))

    assert [path.name for path in rasters] == ["elevation.tif", "rgb.tif", "world.tif"]
    assert sum(path.stat().st_size for path in rasters) < 6_000_000
    assert all(path.name in told for path in rasters)


@pytest.mark.parametrize(
    ("name", "crs", "types"),
    [
        ("rgb", "EPSG:4326", ("uint8",) * 3),
        ("elevation", "EPSG:32613", ("float32",)),
        ("world", "EPSG:4326", ("uint8",) * 3),
    ],
)
def test_a_raster_is_cloud_optimised_with_overviews(
    name: str, crs: str, types: tuple[str, ...]
) -> None:
    with rasterio.open(DATA / f"{name}.tif") as raster:
        assert (raster.crs.to_string(), raster.dtypes) == (crs, types)
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.overviews(1)


def test_the_highest_pixel_of_the_elevation_is_longs_peak() -> None:
    with rasterio.open(DATA / "elevation.tif") as raster:
        heights = raster.read(1, masked=True)
        row, column = np.unravel_index(heights.argmax(), heights.shape)
        x, y = raster.xy(row, column)

    assert heights.max() == pytest.approx(4346, abs=150)  # a pixel is 200 m wide
    assert (x, y) == (pytest.approx(LONGS_PEAK[0], abs=200), pytest.approx(LONGS_PEAK[1], abs=200))


def test_the_elevation_tells_its_statistics_and_has_no_data_at_its_edges() -> None:
    with rasterio.open(DATA / "elevation.tif") as raster:
        heights, tags = raster.read(1, masked=True), raster.tags(1)

    assert heights.mask.any() and heights.min() > 2000
    assert float(tags["STATISTICS_MAXIMUM"]) == heights.max()


def test_the_mask_of_the_scene_leaves_white_clouds_in() -> None:
    with rasterio.open(DATA / "rgb.tif") as raster:
        white, valid = (raster.read() == 255).all(axis=0), raster.dataset_mask() > 0

    assert not valid[0].any() and not valid[:, 0].any()
    assert white[~valid].all() and white[valid].any()


@pytest.mark.network
def test_the_rasters_are_made_again_from_the_packages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_data.py", tmp_path], check=True)

    for ours in DATA.glob("*.tif"):
        with rasterio.open(ours) as kept, rasterio.open(tmp_path / ours.name) as made:
            assert (kept.crs, kept.transform, kept.tags()) == (
                made.crs,
                made.transform,
                made.tags(),
            )
            assert np.allclose(kept.read(), made.read(), atol=3)
            assert np.array_equal(kept.dataset_mask(), made.dataset_mask())


# --- scripts of Python -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that embed.py has filled, and what it said."""
    folder = tmp_path_factory.mktemp("embedded")
    command = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore::PendingDeprecationWarning",
        EXAMPLES / "embed.py",
        folder,
    ]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout


def test_embedding_draws_a_picture(embedded: tuple[Path, str]) -> None:
    with Image.open(embedded[0] / "park.png") as park:
        assert park.size == (1200, 1000)
        assert len(park.convert("RGB").getcolors(1_200_000)) > 10_000


def test_embedding_writes_numbers_to_a_geotiff(embedded: tuple[Path, str]) -> None:
    with rasterio.open(embedded[0] / "elevation.tif") as raster:
        assert (raster.crs.to_epsg(), raster.res, raster.dtypes) == (
            32613,
            (100, 100),
            ("float32",),
        )
        assert 4150 < raster.read(1, masked=True).max() < 4400


def test_embedding_tells_progress_and_heights(embedded: tuple[Path, str]) -> None:
    done = re.findall(r"elevation.tif: (\d+) of (\d+) pieces", embedded[1])
    highest = re.search(r"around Longs Peak, EPSG:32613: up to (\d+) m", embedded[1])

    assert done and done[-1][0] == done[-1][1]
    assert highest and 4100 < int(highest[1]) < 4350


def test_embedding_serves_an_array_that_it_computed(
    embedded: tuple[Path, str], tmp_path: Path
) -> None:
    """The same light as `gdaldem` throws, from the north-west and half-way up a cube."""
    command = ["gdaldem", "hillshade", "-alt", "35.264", DATA / "elevation.tif", tmp_path / "h.png"]
    subprocess.run(command, check=True, capture_output=True)
    with (
        Image.open(tmp_path / "h.png") as hillshade,
        Image.open(embedded[0] / "relief.png") as ours,
    ):
        assert ours.size == (720, 888)
        wanted = np.asarray(hillshade)[8:-8, 8:-8]
        relief = np.asarray(ours.convert("L").resize(hillshade.size))[8:-8, 8:-8]

    assert np.corrcoef(wanted.ravel(), relief.ravel())[0, 1] > 0.95


def test_a_cluster_makes_the_picture_of_the_example(tmp_path: Path) -> None:
    quiet = ["-W", "error", "-W", "ignore::PendingDeprecationWarning"]
    command = [sys.executable, *quiet, EXAMPLES / "on_a_cluster.py", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert ended.returncode == 0 and "ERROR" not in ended.stderr, ended.stderr
    done = re.findall(r"robinson.png: (\d+) of (\d+) pieces", ended.stdout)
    assert done and done[-1][0] == done[-1][1]
    assert re.search(r"elevation: up to 4\d\d\d m", ended.stdout)
    with Image.open(tmp_path / "robinson.png") as world:
        assert world.size == (4000, 2032)


@pytest.fixture(scope="module")
def three_rules(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    """What three_rules.py draws, without the captions; it makes the scenes if need be."""
    file = tmp_path_factory.mktemp("rules") / "rules.png"
    command = [sys.executable, EXAMPLES / "three_rules.py", file]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    with Image.open(file) as drawn:
        return drawn.crop((0, 0, drawn.width, 440))


def test_the_picture_of_three_rules_is_the_one_that_is_drawn(three_rules: Image.Image) -> None:
    path, packed = EXAMPLES / "pictures" / "three_rules.jpg", io.BytesIO()
    three_rules.save(packed, "JPEG", quality=82)
    with Image.open(path) as shown, Image.open(packed) as drawn:
        before, now = (np.asarray(each.crop((0, 0, 1446, 432)), "i2") for each in (shown, drawn))

    # Both have been through JPEG, which leaves next to nothing between them.
    assert path.stat().st_size < 200_000
    assert np.abs(before - now).mean() < 0.5


def test_the_same_box_differs_under_each_rule(three_rules: Image.Image) -> None:
    panels = [np.asarray(three_rules, "i2")[:, left : left + 480] for left in (0, 486, 972)]

    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(panels[one] - panels[other]).mean() > 2


def test_the_scenes_overlap_and_differ_in_their_reference(three_rules: Image.Image) -> None:
    """In the degrees of their boxes, 200 scenes cover the earth more than once."""
    files = sorted((EXAMPLES / "mosaic").glob("*.tif"))
    area, references, masked = 0.0, set(), 0
    for file in files:
        with rasterio.open(file) as scene:
            box = transform_bounds(scene.crs, "EPSG:4326", *scene.bounds)
            area += (box[2] - box[0]) * (box[3] - box[1])
            references.add(scene.crs.to_epsg())
            masked += scene.mask_flag_enums[0] == [MaskFlags.per_dataset]

    assert (len(files), len({file.name[:6] for file in files})) == (200, 200)
    assert area > 1.3 * 360 * 180
    assert {4326, 3857, 3413, 3031} < references and masked > 50


@pytest.mark.parametrize(
    "command",
    [
        (EXAMPLES / "beside_flask.py", "{port}"),
        ("-m", "gunicorn", "--bind=127.0.0.1:{port}", f"--chdir={EXAMPLES}", "beside_flask:site"),
    ],
    ids=["by itself", "with gunicorn"],
)
def test_services_beside_flask_and_its_page_both_answer(command: tuple[str | Path, ...]) -> None:
    port = free_port()
    with running(sys.executable, *(str(part).format(port=port) for part in command)) as server:
        server.says(rf"http://127\.0\.0\.1:{port}")
        status, media_type, page = until_answered(f"http://127.0.0.1:{port}/")
        pictures = re.findall(r'src="([^"]+)"', page.decode())
        drawn = [fetched(f"http://127.0.0.1:{port}/{html.unescape(url)}") for url in pictures]
        # Not Ctrl-C, at which gunicorn's own workers may wait for themselves.
        server.process.terminate()
        server.process.wait(20)

    assert (status, media_type, len(drawn)) == (200, "text/html", 2)
    assert [reply[:2] for reply in drawn] == [(200, "image/png")] * 2
    assert [picture(reply[2]).size for reply in drawn] == [(500, 600)] * 2


def until_answered(url: str) -> tuple[int, str, bytes]:
    """A server may say that it starts before it listens."""
    for _ in range(100):
        try:
            return fetched(url)
        except URLError:
            time.sleep(0.2)
    return fetched(url)


# --- scripts of the shell --------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that the first run of quickstart.sh has made, with all it installs."""
    folder = tmp_path_factory.mktemp("quickstart") / "venv"
    with quickstart(folder) as (_, server):
        assert "making" in server.said
    return folder


@contextmanager
def quickstart(folder: Path, *arguments: str) -> Iterator[tuple[str, Server]]:
    """The script, once it is ready, and the URL of its services."""
    command = ("sh", EXAMPLES / "quickstart.sh", f"--port={free_port()}", *arguments)
    with running(*command, VENV=str(folder)) as server:
        yield server.says(r"^ready (http\S+)$")[1], server


@pytest.mark.network
def test_the_second_run_of_quickstart_starts_in_seconds(installed: Path) -> None:
    start = time.monotonic()

    with quickstart(installed) as (_, server):
        assert time.monotonic() - start < 20
        assert "install" not in server.said


@pytest.mark.network
def test_every_address_that_quickstart_prints_answers(installed: Path) -> None:
    with quickstart(installed, "--prefix", "/arcgis") as (services, server):
        urls = re.findall(r"^ +(http\S+)$", server.said, re.MULTILINE)
        replies = {url.removeprefix(services): fetched(url) for url in urls}

    assert services.endswith("/arcgis/rest/services") and services in urls
    export = "/world/ImageServer/exportImage?bbox=-117,34,-116,35&bboxSR=4326"
    assert {export, f"{export}&imageSR=102113"} <= set(replies)
    for url, (status, media_type, body) in replies.items():
        wanted = {"image": "image/", "pjson": "application/json"}.get(url.partition("&f=")[2])
        wanted = wanted or ("image/" if "f=image" in url else "text/html")
        assert (status, media_type.startswith(wanted)) == (200, True), (url, body[:500])


@pytest.mark.network
def test_quickstart_ends_well_when_it_is_interrupted(installed: Path) -> None:
    with quickstart(installed) as (_, server):
        assert server.stop() == 0


@pytest.mark.network
def test_quickstart_says_that_a_port_is_taken(installed: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = ["sh", EXAMPLES / "quickstart.sh", "--port", str(port)]
        environment = os.environ | {"VENV": str(installed)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert ended.returncode == 1
    assert f"127.0.0.1:{port} is in use; choose another with --port" in ended.stderr


@pytest.mark.parametrize("port", ["8300x", "65536", "123456", "-1", ""])
def test_quickstart_says_that_a_port_is_none(port: str, tmp_path: Path) -> None:
    command = ["sh", EXAMPLES / "quickstart.sh", f"--port={port}"]
    environment = os.environ | {"VENV": str(tmp_path / "venv")}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert ended.returncode == 2
    assert ended.stderr == f"--port must be a number from 0 to 65535, not {port}\n"
    assert not (tmp_path / "venv").exists()


@pytest.mark.network
def test_gunicorn_serves_the_examples(installed: Path) -> None:
    port = free_port()
    command = ("sh", EXAMPLES / "gunicorn.sh", f"--bind=127.0.0.1:{port}")
    with running(*command, VENV=str(installed)) as server:
        server.says(rf"Listening at: http://127\.0\.0\.1:{port}")
        url = f"http://127.0.0.1:{port}/rest/services/Rocky/rgb/ImageServer/exportImage?f=image"
        status, media_type, body = until_answered(url)

    assert (status, media_type, picture(body).size) == (200, "image/png", (400, 400))


def test_quickstart_leaves_nothing_when_its_installation_is_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    with running("sh", EXAMPLES / "quickstart.sh", VENV=str(folder)) as server:
        server.says("making")
        while not (folder / "bin" / "python").exists():
            time.sleep(0.05)
        assert server.stop() == 130

    assert list(tmp_path.iterdir()) == []


def test_quickstart_begins_anew_after_a_run_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    folder.mkdir()
    (folder / ".unfinished").touch()
    (folder / "leftover").touch()

    with running("sh", EXAMPLES / "quickstart.sh", VENV=str(folder)) as server:
        server.says("making")
        assert not (folder / "leftover").exists()


def test_quickstart_leaves_folders_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    command = ["sh", EXAMPLES / "quickstart.sh"]
    environment = os.environ | {"VENV": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert ended.returncode == 1 and "no Python in it" in ended.stderr
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("script", [EXAMPLES / "quickstart.sh", EXAMPLES.parent / "tests/run.sh"])
def test_scripts_ask_for_a_python_that_is_new_enough(script: Path, tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    environment = os.environ | {"VENV": str(tmp_path / "venv"), "PYTHON": str(old)}
    ended = subprocess.run(["sh", script], env=environment, capture_output=True, text=True)

    assert ended.returncode == 1
    assert f"no Python 3.11 or newer found at PYTHON={old}" in ended.stderr
    assert not (tmp_path / "venv").exists()


def test_the_tests_name_the_packages_of_programs_they_miss(tmp_path: Path) -> None:
    for program in ("sh", "dirname"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    script = EXAMPLES.parent / "tests" / "run.sh"
    command = ["/bin/sh", script, "--missing-packages"]
    told = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    wanted = {"chromium", "gdal-bin", "libjpeg-turbo-progs", "libxml2-utils", "npm", "openssl"}
    # QGIS is not looked for by the path of programs.
    assert set(told.stdout.split()) - {"python3-qgis"} == wanted | {"pngcheck"}
