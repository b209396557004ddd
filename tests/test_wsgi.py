"""The application as servers start it: what each key of the configuration changes in replies."""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from exportimage_wsgi import create_app, running
from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import CancelledError, ConfigError
from exportimage_wsgi.service import ImageService
from tests.rasters import write

EXPORT = "/rest/services/Folder/scene/ImageServer/exportImage"
Site = Callable[..., Client]


@pytest.fixture
def scene(tmp_path: Path) -> str:
    values = np.full((1, 30, 40), 9, "u1")
    values[:, :, 20:] = 0
    box = (-120.0, 30.0, -110.0, 37.5)
    return write(tmp_path / "scene.tif", values, box, "EPSG:4326", nodata=0)


def visitor(app: Any) -> Client:
    return Client(validator(app))


@pytest.fixture
def site(tmp_path: Path, scene: str) -> Site:
    """Makes a client of a configuration; the text is put before the table of the service."""

    def make(text: str = "", of_service: str = "", prefix: str = "") -> Client:
        file = tmp_path / "services.toml"
        service = f'[services."Folder/scene"]\nsource = "scene.tif"\n{of_service}'
        file.write_text(f'{text}\n[output]\ndirectory = "out"\n{service}')
        return visitor(create_app(file, prefix))

    return make


def get(client: Client, path: str, **options: Any) -> Any:
    return client.get(path, buffered=True, **options)


# --- what an application is made of ---------------------------------------------------------


def test_every_kind_of_source_makes_an_application(scene: str, tmp_path: Path) -> None:
    (tmp_path / "services.toml").write_text('[services.scene]\nsource = "scene.tif"')
    config = Config.load(tmp_path / "services.toml")
    sources = [str(tmp_path / "services.toml"), tmp_path / "services.toml", config]
    sources += [Catalog.of(config), {"scene": scene}, {"scene": ImageService.open(scene)}]

    for source in sources:
        reply = get(visitor(create_app(source)), "/rest/services?f=json")

        assert reply.get_json()["services"] == [{"name": "scene", "type": "ImageServer"}]


def test_one_service_answers_at_the_mount_point(scene: str) -> None:
    client = visitor(create_app(ImageService.open(scene)))

    assert get(client, "/exportImage?f=image").mimetype == "image/png"


def test_a_fault_of_the_file_is_raised_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        create_app(tmp_path / "none.toml")


def test_a_missing_raster_is_logged_and_the_others_are_served(
    scene: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = visitor(create_app({"here": scene, "gone": "/nowhere/gone.tif"}))

    assert "service gone" in caplog.text and "/nowhere/gone.tif" in caplog.text
    assert "service here" not in caplog.text
    assert get(client, "/rest/services/here/ImageServer?f=json").get_json()["bandCount"] == 1
    error = get(client, "/rest/services/gone/ImageServer?f=json").get_json()["error"]
    assert error["details"] == ["gone.tif is missing"]


def _asked_in_a_child(client: Client, answers: Any) -> None:
    answers.put(get(client, EXPORT + "?f=json&size=40,30").get_json())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_behind_create_app_shares_the_output_store(site: Site) -> None:
    client, context = site(), multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_asked_in_a_child, args=(client, answers))
    child.start()
    href = answers.get()["href"]
    child.join()

    assert get(client, href).mimetype == "image/png"


# --- what the keys change -------------------------------------------------------------------


def test_the_title_heads_the_pages(site: Site) -> None:
    assert "Maps of ours" in get(site('[server]\ntitle = "Maps of ours"'), "/rest/services").text


def test_the_public_url_begins_every_link(site: Site) -> None:
    client = site('[server]\nurl = "https://maps.example.org/imagery/"')

    href = get(client, EXPORT + "?f=json").get_json()["href"]

    assert href.startswith("https://maps.example.org/imagery/rest/directories/output/scene_")


def test_below_the_prefix_of_the_file_it_answers(site: Site) -> None:
    client = site('[server]\nprefix = "gis/"')

    assert get(client, "/gis/healthz").status_code == 200
    assert get(client, "/healthz").status_code == 404


def test_the_argument_goes_before_the_prefix_of_the_file(site: Site) -> None:
    client = site('[server]\nprefix = "gis"', prefix="/arcgis")

    assert get(client, "/arcgis/healthz").status_code == 200
    assert get(client, "/gis/healthz").status_code == 404


def test_a_prefix_that_is_none_is_a_fault(scene: str) -> None:
    with pytest.raises(ConfigError, match=r"prefix='/a\?b'"):
        create_app({"a": scene}, prefix="/a?b")


@pytest.mark.parametrize(("peer", "scheme"), [("10.1.2.3", "https"), ("192.0.2.1", "http")])
def test_trusted_proxies_and_nobody_else_are_believed(site: Site, peer: str, scheme: str) -> None:
    client = site('[server]\ntrusted_proxies = ["10.0.0.0/8"]')

    reply = get(
        client,
        EXPORT + "?f=json",
        headers={"X-Forwarded-Proto": "https"},
        environ_overrides={"REMOTE_ADDR": peer},
    )

    assert reply.get_json()["href"].startswith(f"{scheme}://")


def test_without_any_said_no_proxy_is_believed(site: Site) -> None:
    reply = get(
        site(),
        EXPORT + "?f=json",
        headers={"X-Forwarded-Proto": "https"},
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
    )

    assert reply.get_json()["href"].startswith("http://")


def test_finished_files_lie_in_the_directory(site: Site, tmp_path: Path) -> None:
    get(site(), EXPORT + "?f=json")

    assert len(list((tmp_path / "out").glob("scene_*.png"))) == 1


def test_finished_files_live_as_long_as_is_said(tmp_path: Path, scene: str) -> None:
    config = Config.checked(
        {"output": {"directory": "out", "max_age": 60}, "services": {"s": {"source": scene}}},
        tmp_path,
    )
    client = visitor(create_app(config))
    href = get(client, "/rest/services/s/ImageServer/exportImage?f=json").get_json()["href"]

    assert get(client, href).headers["Cache-Control"] in ("max-age=60", "max-age=59")
    (file,) = (tmp_path / "out").glob("s_*.png")
    os.utime(file, (time.time() - 61,) * 2)
    assert get(client, href).status_code == 404


def test_no_file_is_larger_than_the_store(tmp_path: Path, scene: str) -> None:
    config = Config.checked(
        {"output": {"directory": "out", "max_bytes": 10}, "services": {"s": {"source": scene}}},
        tmp_path,
    )

    reply = get(visitor(create_app(config)), "/rest/services/s/ImageServer/exportImage?f=json")

    error = reply.get_json()["error"]
    assert error["code"] == 400
    assert "larger than the 10 bytes" in error["details"][0]


def test_larger_pictures_than_the_limit_are_refused(site: Site) -> None:
    client = site("[limits]\nmax_image_size = [100, 50]")

    assert get(client, EXPORT + "?f=image&size=100,50").status_code == 200
    reply = get(client, EXPORT + "?f=image&size=100,51")
    assert reply.status_code == 400
    assert "100,50" in reply.get_json()["error"]["details"][1]


def test_exports_end_at_the_deadline(scene: str) -> None:
    config = Config.checked({"limits": {"deadline": 1e-9}, "services": {"s": {"source": scene}}})

    reply = get(
        visitor(create_app(config)), "/rest/services/s/ImageServer/exportImage?f=image&size=9,9"
    )

    assert (reply.status_code, reply.get_json()["error"]["message"]) == (
        CancelledError.code,
        CancelledError.message,
    )


def test_as_many_large_exports_as_is_said_are_let_in(scene: str) -> None:
    limits = {"exports": 1, "patience": 0, "max_image_size": [9000, 9000]}
    config = Config.checked({"limits": limits, "services": {"s": {"source": scene}}})
    path = "/rest/services/s/ImageServer/exportImage?f=image&size=6000,6000&format=bip"
    client = Client(create_app(config))

    first = client.get(path)
    next(first.iter_encoded())
    second = client.get(path)
    first.close()

    assert (second.status_code, "Retry-After" in second.headers) == (503, True)
    second.close()


def test_large_exports_have_as_many_threads_as_is_said(
    scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def pool(_: int, workers: int) -> ThreadPoolExecutor:
        asked.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(running, "_pool", pool)
    config = Config.checked({"compute": {"threads": 3}, "services": {"s": {"source": scene}}})
    path = "/rest/services/s/ImageServer/exportImage?f=image&size=2000,2000&format=bip"

    assert get(visitor(create_app(config)), path).status_code == 200
    assert asked == [3]


def test_a_zero_deadline_is_none(site: Site) -> None:
    assert get(site("[limits]\ndeadline = 0"), EXPORT + "?f=image").status_code == 200


def test_origins_that_are_named_may_read_replies(site: Site) -> None:
    client = site('[cors]\norigins = ["https://maps.example.org"]')

    def allowed(origin: str) -> str | None:
        reply = get(client, "/rest/services?f=json", headers={"Origin": origin})
        return reply.headers.get("Access-Control-Allow-Origin")

    assert allowed("https://maps.example.org") == "https://maps.example.org"
    assert allowed("https://elsewhere.example.org") is None


def test_the_version_is_the_one_that_is_followed(site: Site) -> None:
    reply = get(site("[compat]\nversion = 10.2"), "/rest/services?f=json")

    assert reply.get_json()["currentVersion"] == 10.2


def test_the_default_format_is_that_of_the_service_else_of_all(site: Site) -> None:
    of_all = site('[compat]\ndefault_format = "jpgpng"')
    of_service = site('[compat]\ndefault_format = "jpgpng"', 'default_format = "png"')
    inside = "?f=image&size=9,9&bbox=-119,33,-118,34"

    assert get(of_all, EXPORT + inside).mimetype == "image/jpeg"
    assert get(of_service, EXPORT + inside).mimetype == "image/png"


@pytest.mark.parametrize(
    ("errors", "json", "image"), [("auto", 200, 400), ("esri", 200, 200), ("http", 400, 400)]
)
def test_errors_carry_the_status_that_is_said(
    site: Site, errors: str, json: int, image: int
) -> None:
    client = site(f'[compat]\nerrors = "{errors}"')

    assert get(client, EXPORT + "?f=json&size=0,0").status_code == json
    assert get(client, EXPORT + "?f=image&size=0,0").status_code == image


def pixel(reply: Any, x: int) -> Any:
    return Image.open(io.BytesIO(reply.data)).convert("RGB").getpixel((x, 0))


def test_no_data_is_painted_in_the_background(site: Site) -> None:
    client = site("[defaults]\nbackground = [255, 0, 0]")

    reply = get(client, EXPORT + "?f=image&format=bmp&size=40,30&interpolation=RSP_NearestNeighbor")

    assert (pixel(reply, 5), pixel(reply, 35)) == ((9, 9, 9), (255, 0, 0))


def test_a_service_says_how_it_is_described(site: Site) -> None:
    client = site(
        '[defaults]\ncopyright = "ours"\ncompression_quality = 50',
        'description = "a scene"\nresampling = "cubic"\nband_names = ["grey"]',
    )

    said = get(client, "/rest/services/Folder/scene/ImageServer?f=json").get_json()

    assert (said["serviceDescription"], said["copyrightText"]) == ("a scene", "ours")
    assert (said["bandNames"], said["defaultResamplingMethod"]) == (["grey"], "Cubic")
    assert said["defaultCompressionQuality"] == 50


# --- exportimage_wsgi.wsgi ------------------------------------------------------------------


def imported(environment: dict[str, str], code: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "EXPORTIMAGE_CONFIG"}
    return subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True
    )


def test_the_environment_names_the_file(tmp_path: Path, scene: str) -> None:
    file = tmp_path / "services.toml"
    file.write_text('[services.scene]\nsource = "scene.tif"')

    done = imported(
        {"EXPORTIMAGE_CONFIG": str(file)},
        "from exportimage_wsgi.wsgi import application; print(application.catalog.names())",
    )

    assert done.stdout.strip() == "('scene',)"


def test_without_the_variable_it_is_named() -> None:
    done = imported({}, "import exportimage_wsgi.wsgi")

    assert done.returncode == 1
    assert "EXPORTIMAGE_CONFIG is not set" in done.stderr.splitlines()[-1]


def test_making_an_application_opens_no_raster(scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr("exportimage_wsgi.service.open_source", fail)

    app = create_app({"scene": scene})

    assert app.catalog.names() == ("scene",)
