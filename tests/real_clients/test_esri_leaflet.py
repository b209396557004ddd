"""esri-leaflet's imageMapLayer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real_clients.conftest import Client, Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white, values_at

Open = Callable[[str], Client]
PLACES: dict[str, dict[str, Any]] = {
    "utm": {"centre": (40.34, -105.69), "zoom": 10},
    "mercator": {"centre": (44.0, 13.0), "zoom": 3},
}
SIZE = (512, 384)
LONGS_PEAK = 447_603.0, 4_456_169.0
"""In EPSG:32613, the place of 40.2549° north, 105.6160° west."""


@pytest.mark.client("esri-leaflet", "imageMapLayer: f=image, f=json, JSONP")
@pytest.mark.parametrize(
    "options",
    [{"f": "image"}, {"f": "json"}, {"f": "json", "useCors": False}],
    ids=["f=image", "f=json", "JSONP"],
)
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_it_draws_the_raster(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path,
    service: str, options: dict[str, Any],
) -> None:  # fmt: skip
    page = client("esri_leaflet")
    url = site.url(service, secure=options["f"] == "json")
    box = page.draw("draw", url=url, options=options | {"format": "png32"}, **PLACES[service])
    seen = colours(page.picture(tmp_path / "map.png"))

    assert_alike(seen, on_white(scenes[service].file, tuple(box), 3857, SIZE))
    assert bool(page.asked("callback=")) is ("useCors" in options)


@pytest.mark.client("esri-leaflet", "bandIds, JPEG where all is valid (jpgpng)")
def test_bands_change_places(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    page = client("esri_leaflet")
    options = {"bandIds": "2,1,0", "f": "image"}
    box = page.draw("draw", url=site.url("mercator"), options=options, **PLACES["mercator"])
    seen = colours(page.picture(tmp_path / "map.png"))

    wanted = on_white(scenes["mercator"].file, tuple(box), 3857, SIZE)
    assert_alike(seen, wanted[..., ::-1], 5)


@pytest.mark.client("esri-leaflet", "rules that pass 2000 characters are posted")
def test_long_rules_are_posted(
    client: Open, site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    page = client("esri_leaflet")
    rule = json.dumps({"mosaicMethod": "esriMosaicNone", "where": f"OBJECTID = 1 {' ' * 2000}"})
    options = {"mosaicRule": json.loads(rule), "f": "json", "format": "png32"}
    box = page.draw("draw", url=site.url("mercator"), options=options, **PLACES["mercator"])
    seen = colours(page.picture(tmp_path / "map.png"))

    assert_alike(seen, on_white(scenes["mercator"].file, tuple(box), 3857, SIZE))
    assert any(" " in request.strip() for request in page.asked("exportImage"))


@pytest.mark.client("esri-leaflet", "identify")
def test_it_identifies(client: Open, site: Site, scenes: dict[str, Scene]) -> None:
    page = client("esri_leaflet")
    page.draw("draw", url=site.url("utm"), options={"f": "image"}, **PLACES["utm"])
    found = page.draw("identify", at=[40.2549, -105.6160])

    seen = [float(part) for part in found["value"].split(",")]
    assert seen == values_at(scenes["utm"].file, *LONGS_PEAK)
    assert found["place"]["type"] == "Point"
