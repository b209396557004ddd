"""MapLibre GL with a raster source whose tiles are pictures of exportImage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.real_clients.conftest import Client, Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white

VIEWS: dict[str, dict[str, Any]] = {
    "utm": {"centre": (-105.69, 40.34), "zoom": 9, "tileSize": 512},
    "mercator": {"centre": (13.0, 44.0), "zoom": 3, "tileSize": 256},
}


@pytest.mark.client("MapLibre GL JS", "raster source of `{bbox-epsg-3857}`")
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_it_draws_the_raster(
    client: Callable[[str], Client], site: Site, scenes: dict[str, Scene], tmp_path: Path,
    service: str,
) -> None:  # fmt: skip
    page = client("maplibre")
    box = page.draw("draw", url=site.url(service, secure=True), **VIEWS[service])
    seen = colours(page.picture(tmp_path / "map.png"))

    assert_alike(seen, on_white(scenes[service].file, tuple(box), 3857, (512, 384)), 4)
