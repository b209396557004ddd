from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio
from rasterio.warp import transform

from exportimage_wsgi.errors import NotFoundError, ParameterError
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.operations.scenes import three
from tests.rasters import waves, write

Make = Callable[..., ImageService]


def test_places_are_where_rasterio_puts_them(tmp_path: Path) -> None:
    box = (500_000, 4_000_000, 506_000, 4_004_500)
    path = write(tmp_path / "s.tif", waves((90, 120)), box, "EPSG:32618")
    xs, ys = transform("EPSG:32618", "EPSG:4326", [500_777, 505_000.5], [4_000_001, 4_003_333])
    points = [{"x": x, "y": y} for x, y in zip(xs, ys, strict=True)]

    found = ask(
        ImageService.open(path),
        "computePixelLocation",
        geometries=json.dumps({"geometryType": "esriGeometryPoint", "geometries": points}),
        spatialReference=4326,
    )["geometries"]

    with rasterio.open(path) as dataset:
        expected = [~dataset.transform * p for p in ((500_777, 4_000_001), (505_000.5, 4_003_333))]
    for each, (column, row) in zip(found, expected, strict=True):
        assert (each["x"], each["y"]) == pytest.approx((column, row), abs=1e-4)


def test_a_mosaic_tells_it_of_one_of_its_items(tmp_path: Path) -> None:
    found = ask(
        three(tmp_path), "computePixelLocation", geometries='[{"x":150,"y":150}]', rasterId=2
    )

    assert found == {"geometries": [{"x": 50, "y": 50}]}


@pytest.mark.parametrize(
    ("parameter", "arguments"),
    [
        ("geometries", {}),
        ("geometries", {"geometries": "5"}),
        ("geometries", {"geometries": "[]"}),
        ("geometries", {"geometries": '[{"rings":[[[0,0],[1,0],[1,1]]]}]'}),
        ("rasterId", {"geometries": '[{"x":1,"y":1}]', "rasterId": 5}),
    ],
)
def test_what_breaks_a_rule_is_named(
    make_service: Make, parameter: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(make_service(), "computePixelLocation", **arguments)

    assert refused.value.name == parameter


def test_a_mosaic_itself_has_no_pixels(tmp_path: Path) -> None:
    service, point = three(tmp_path), '[{"x":1,"y":1}]'

    with pytest.raises(ParameterError):
        ask(service, "computePixelLocation", geometries=point)
    with pytest.raises(NotFoundError):
        ask(service, "computePixelLocation", geometries=point, rasterId=77)
