"""ArcGIS Maps SDK for JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real_clients.conftest import Client, Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white, values_at, warped

Open = Callable[[str], Client]
SDK = "ArcGIS Maps SDK for JavaScript"
SIZE = (512, 384)
ABOVE_THE_CREDITS = slice(0, 360)
"""Rows of the map that the line of credits does not cover."""

TOLERANCES = {"jpg": 7, "jpgpng": 7, "png8": 9, "gif": 9}
WITH_NO_DATA = ("png", "png8", "png24", "png32", "jpgpng", "jpg", "bmp", "gif", "lerc")


def assert_drawn(page: Client, scene: Scene, box: Any, file: Path, kind: str = "png") -> None:
    """The map shows the colours of the scene in the box."""
    seen = colours(page.picture(file))[ABOVE_THE_CREDITS]
    wanted = on_white(scene.file, tuple(box), scene.wkid, SIZE)[ABOVE_THE_CREDITS]
    assert_alike(seen, wanted, TOLERANCES.get(kind, 3))


@pytest.mark.client(SDK, f"ImageryLayer, {', '.join(WITH_NO_DATA)}")
@pytest.mark.parametrize("kind", WITH_NO_DATA)
def test_it_draws_a_raster_in_utm(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path, kind: str
) -> None:
    scene, page = scenes["utm"], client("arcgis")
    url = site.url("utm", secure=True)
    box = page.draw("draw", url=url, box=scene.box(), wkid=32613, options={"format": kind})

    assert_drawn(page, scene, box, tmp_path / "map.png", kind)
    assert [each for each in page.asked("exportImage") if f"&format={kind}" in each]


@pytest.mark.client(SDK, "ImageryLayer in Web Mercator, png, jpgpng, tiff, lerc")
@pytest.mark.parametrize("kind", ["png", "jpgpng", "tiff", "lerc"])
def test_it_draws_a_raster_in_web_mercator(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path, kind: str
) -> None:
    scene, page = scenes["mercator"], client("arcgis")
    url = site.url("mercator")
    box = page.draw("draw", url=url, box=scene.box(), wkid=3857, options={"format": kind})

    assert_drawn(page, scene, box, tmp_path / "map.png", kind)
    assert [each for each in page.asked("exportImage") if f"&format={kind}" in each]


@pytest.mark.client(SDK, "ImageryLayer, raw pixels of LERC and TIFF")
@pytest.mark.parametrize("kind", ["lerc", "tiff"])
def test_its_pixels_are_heights(
    client: Open, site: Site, scenes: dict[str, Scene], kind: str
) -> None:
    scene, page = scenes["Rocky/elevation"], client("arcgis")
    url, options = site.url(scene.service), {"format": kind}
    page.draw("draw", url=url, box=scene.box(), wkid=32613, options=options, range=[2000, 4400])
    seen = page.draw("pixels")

    shape = seen["height"], seen["width"]
    wanted = warped(scene.file, tuple(seen["box"]), 32613, shape[::-1])[0]
    valid = np.array(seen["valid"], bool).reshape(shape)
    assert np.array_equal(valid, ~np.ma.getmaskarray(wanted))
    heights = np.array(seen["values"]).reshape(shape)
    assert np.abs(heights - wanted)[valid].max() < 0.03


@pytest.mark.client(SDK, "ImageryLayer, LERC with a client-side renderer")
def test_its_own_renderer_draws_the_heights(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene, page = scenes["Rocky/elevation"], client("arcgis")
    low, high = 2000, 4400
    options = {"format": "lerc"}
    box = page.draw(
        "draw", url=site.url(scene.service, secure=True), box=scene.box(), wkid=32613,
        options=options, range=[low, high],
    )  # fmt: skip
    seen = colours(page.picture(tmp_path / "map.png"))[ABOVE_THE_CREDITS]

    heights = warped(scene.file, tuple(box), 32613, SIZE)[0, ABOVE_THE_CREDITS]
    grey = np.ma.filled((heights - low) / (high - low) * 255, 255)
    assert_alike(seen, np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.client(SDK, "ImageryLayer.fetchPixels")
def test_it_fetches_pixels(client: Open, site: Site, scenes: dict[str, Scene]) -> None:
    scene, page = scenes["Rocky/elevation"], client("arcgis")
    options = {"format": "lerc"}
    page.draw("draw", url=site.url(scene.service), box=scene.box(), wkid=32613, options=options)
    box = (430_000, 4_460_000, 450_000, 4_470_000)
    found = page.draw("fetchPixels", box=box, wkid=32613, size=(100, 50))

    wanted = warped(scene.file, box, 32613, (100, 50), "-r", "near")[0]
    assert np.array(found["values"]).reshape(50, 100) == pytest.approx(wanted, abs=0.03)


@pytest.mark.client(SDK, "ImageryLayer, bandIds, interpolation, compressionQuality, rules")
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"bandIds": [2, 1, 0]}, "bandIds=2%2C1%2C0"),
        ({"interpolation": "bilinear"}, "interpolation=RSP_BilinearInterpolation"),
        ({"compressionQuality": 90, "format": "jpg"}, "compressionQuality=90"),
        ({"mosaicRule": {"method": "northwest", "ascending": True}}, "esriMosaicNorthwest"),
        ({"rasterFunction": {"functionName": "None"}}, "renderingRule="),
    ],
)
def test_its_options_are_understood(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path,
    options: dict[str, Any], word: str,
) -> None:  # fmt: skip
    scene, page = scenes["mercator"], client("arcgis")
    options = {"format": "png"} | options
    box = page.draw("draw", url=site.url("mercator"), box=scene.box(), wkid=3857, options=options)
    seen = colours(page.picture(tmp_path / "map.png"))[ABOVE_THE_CREDITS]

    wanted = on_white(scene.file, tuple(box), 3857, SIZE)[ABOVE_THE_CREDITS]
    assert page.asked(word)
    if "bandIds" in options:
        wanted = wanted[..., ::-1]
    assert_alike(seen, wanted, TOLERANCES.get(options["format"], 3))


@pytest.mark.client(SDK, "ImageryLayer.identify and getSamples")
@pytest.mark.parametrize("service", ["utm", "Rocky/elevation"])
def test_it_identifies_and_samples(
    client: Open, site: Site, scenes: dict[str, Scene], service: str
) -> None:
    scene, page = scenes[service], client("arcgis")
    x, y = 447_496.0, 4_456_180.0
    page.draw("draw", url=site.url(service, secure=True), box=scene.box(), wkid=32613)
    identified = page.draw("identify", x=x, y=y, wkid=32613)
    (sampled,) = page.draw("getSamples", x=x, y=y, wkid=32613)

    wanted = pytest.approx(values_at(scene.file, x, y), rel=1e-5)
    assert [float(part) for part in identified["value"].replace(",", " ").split()] == wanted
    assert sampled == wanted


@pytest.mark.client(SDK, "ImageryTileLayer")
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_tiles_are_drawn(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str
) -> None:
    scene, page = scenes[service], client("arcgis")
    url = site.url(f"tiled/{service}", secure=True)
    box = page.draw("draw", url=url, box=scene.box(), wkid=scene.wkid, tiled=True)

    assert_drawn(page, scene, box, tmp_path / "map.png", "jpg")
    assert page.asked("/tile/")
