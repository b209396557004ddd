"""QGIS, by a script without a screen."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.real_clients.conftest import Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white, values_at

SCRIPT = Path(__file__).with_name("qgis_draws.py")
PYTHON = "/usr/bin/python3"
"""The interpreter that Debian's python3-qgis is for."""

SIZE = (512, 384)


def asked_of_qgis(folder: Path, **asked: Any) -> dict[str, Any]:
    """What the script tells; QGIS keeps what it fetches in a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [PYTHON, str(SCRIPT), json.dumps(asked)],
        env=kept | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stderr}\n(Debian: apt-get install python3-qgis)"
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.client("QGIS", "arcgismapserver provider, PNG32")
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_it_draws_the_raster(
    site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str
) -> None:
    scene, file = scenes[service], tmp_path / "map.png"
    told = asked_of_qgis(
        tmp_path, url=site.url(service), layer_wkid=scene.wkid, wkid=scene.wkid,
        box=scene.box(), size=SIZE, file=str(file),
    )  # fmt: skip

    assert (told["valid"], told.get("problems"), told["wkid"]) == (True, [], f"EPSG:{scene.wkid}")
    assert_alike(colours(file), on_white(scene.file, scene.box(), scene.wkid, SIZE))


@pytest.mark.client("QGIS", "a map in another reference than the service's")
def test_it_draws_the_raster_in_another_reference(
    site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene, file = scenes["mercator"], tmp_path / "map.png"
    box = -30.0, 5.0, 60.0, 72.5
    told = asked_of_qgis(
        tmp_path, url=site.url("mercator"), layer_wkid=3857, wkid=4326, box=box, size=SIZE,
        file=str(file),
    )  # fmt: skip

    assert told["problems"] == []
    assert_alike(colours(file), on_white(scene.file, box, 4326, SIZE), 6)


@pytest.mark.client("QGIS", "tiles")
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_tiles_are_drawn(
    site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str
) -> None:
    scene, file = scenes[service], tmp_path / "map.png"
    told = asked_of_qgis(
        tmp_path, url=site.url(f"tiled/{service}"), layer_wkid=scene.wkid, wkid=scene.wkid,
        box=scene.box(), size=SIZE, file=str(file),
    )  # fmt: skip

    assert told["problems"] == []
    assert_alike(colours(file), on_white(scene.file, scene.box(), scene.wkid, SIZE), 10)


@pytest.mark.client("QGIS", "identify")
def test_it_identifies(site: Site, scenes: dict[str, Scene], tmp_path: Path) -> None:
    scene, (x, y) = scenes["utm"], (447_496.0, 4_456_180.0)
    told = asked_of_qgis(
        tmp_path, url=site.url("utm"), layer_wkid=32613, wkid=32613, box=scene.box(), size=SIZE,
        file=str(tmp_path / "map.png"), point=(x, y),
    )  # fmt: skip

    (found,), problem = told["identified"]
    red, green, blue = values_at(scene.file, x, y)
    said = {f"Red = {red:.0f}", f"Green = {green:.0f}", f"Blue = {blue:.0f}"}
    assert (problem, set(found.split("\n")) - {""}) == ("", said)
