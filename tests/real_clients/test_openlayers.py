"""OpenLayers, of today and of the many pages that stay with version 7."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.real_clients.conftest import Client, Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white

Open = Callable[[str], Client]
SIZE = (512, 384)


def view(scene: Scene) -> dict[str, Any]:
    x, y = scene.centre
    sides = (x - 1e6, y - 1e6, x + 1e6, y + 1e6) if scene.wkid != 3857 else None
    return {
        "wkid": scene.wkid,
        "extent": sides,
        "centre": scene.centre,
        "resolution": scene.resolution,
    }


def assert_drawn(
    client: Open, site: Site, scene: Scene, file: Path, name: str, tiled: bool
) -> None:
    """A page draws the scene."""
    page = client(name)
    page.draw("draw", url=site.url(scene.service, secure=tiled), tiled=tiled, **view(scene))
    seen = colours(page.picture(file))

    assert_alike(seen, on_white(scene.file, scene.box(), scene.wkid, SIZE))
    assert page.asked("FORMAT=PNG32" if name == "openlayers7" else "format=png32")


@pytest.mark.client("OpenLayers", "ImageArcGISRest, TileArcGISRest")
@pytest.mark.parametrize("tiled", [False, True], ids=["ImageArcGISRest", "TileArcGISRest"])
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_it_draws_the_raster(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str, tiled: bool
) -> None:
    assert_drawn(client, site, scenes[service], tmp_path / "map.png", "openlayers", tiled)


@pytest.mark.client("OpenLayers 7", "ImageArcGISRest, TileArcGISRest")
@pytest.mark.parametrize("tiled", [False, True], ids=["ImageArcGISRest", "TileArcGISRest"])
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_version_7_draws_the_raster(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str, tiled: bool
) -> None:
    assert_drawn(client, site, scenes[service], tmp_path / "map.png", "openlayers7", tiled)


@pytest.mark.client("OpenLayers", "the canvas may be read back (crossOrigin)")
def test_the_canvas_may_be_read_back(client: Open, site: Site, scenes: dict[str, Scene]) -> None:
    scene, page = scenes["mercator"], client("openlayers")
    page.draw(
        "draw", url=site.url("mercator", secure=True), tiled=False, crossOrigin="anonymous",
        params={"bandIds": "2,1,0"}, **view(scene),
    )  # fmt: skip
    canvas = base64.b64decode(page.draw("canvas").partition(",")[2])

    wanted = on_white(scene.file, scene.box(), 3857, SIZE)[..., ::-1]
    assert_alike(colours(Image.open(io.BytesIO(canvas))), wanted)
