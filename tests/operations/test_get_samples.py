from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.rasters import waves, write

Make = Callable[..., ImageService]
BOX = (500_000, 4_000_000, 506_000, 4_004_500)


def samples(service: ImageService, geometry: Any, **arguments: Any) -> list[dict[str, Any]]:
    text = geometry if isinstance(geometry, str) else json.dumps(geometry)
    found: list[dict[str, Any]] = ask(service, "getSamples", geometry=text, **arguments)["samples"]
    return found


def places(found: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(each["location"]["x"], each["location"]["y"]) for each in found]


def test_many_points_have_the_values_that_rasterio_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", waves((90, 120), 3), BOX, "EPSG:32618")
    rng = np.random.default_rng(8)
    points = np.column_stack([rng.uniform(BOX[0], BOX[2], 200), rng.uniform(BOX[1], BOX[3], 200)])

    found = samples(ImageService.open(path), {"points": points.tolist()})

    with rasterio.open(path) as dataset:
        expected = [each.tolist() for each in dataset.sample(points)]
    texts = [each["value"].split(" ") for each in found]
    assert np.array(texts).astype("float32").tolist() == expected
    assert [each["locationId"] for each in found] == list(range(200))


def test_a_sample_has_the_members_of_esri(make_service: Make) -> None:
    (sample,) = samples(make_service(bands=2), "-117,35")

    assert sample == {
        "location": {
            "x": -117.0,
            "y": 35.0,
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
        },
        "locationId": 0,
        "value": "30 40",
        "rasterId": 1,
        "resolution": pytest.approx(0.1),
        "attributes": {},
    }


def test_a_line_is_sampled_at_its_vertices(make_service: Make) -> None:
    line = [[-119, 31], [-117, 35], [-112, 35]]

    assert places(samples(make_service(), {"paths": [line]})) == [tuple(p) for p in line]


def test_a_line_is_sampled_in_equal_distances(make_service: Make) -> None:
    line = {"paths": [[[-119, 31], [-117, 31], [-117, 35]]]}

    found = places(samples(make_service(), line, sampleDistance=1.5))

    assert found == [(-119, 31), (-117.5, 31), (-117, 32), (-117, 33.5), (-117, 35)][: len(found)]
    assert len(found) == 5


def test_a_line_is_sampled_so_many_times(make_service: Make) -> None:
    line = {"paths": [[[-119, 31], [-115, 31]]]}

    assert [x for x, _ in places(samples(make_service(), line, sampleCount=5))] == pytest.approx(
        [-119, -118, -117, -116, -115]
    )


@pytest.mark.parametrize("count", [1, 7, 100, 1000])
def test_an_area_is_sampled_about_so_many_times_inside(make_service: Make, count: int) -> None:
    ring = [[-119, 31], [-113, 39], [-111, 31], [-114, 33], [-119, 31]]

    found = places(samples(make_service(), {"rings": [ring]}, sampleCount=count))

    assert 0.5 * count <= len(found) <= min(1.5 * count + 1, 1000)
    assert shapely.covers(shapely.Polygon(ring), shapely.points(found)).all()


def test_an_envelope_has_a_hundred_samples_by_default(make_service: Make) -> None:
    found = samples(make_service(), "-119,31,-111,39")

    assert len(found) == 100


def test_places_off_the_data_are_no_data(make_service: Make) -> None:
    found = samples(make_service(bands=1), {"points": [[-117, 35], [0, 0]]})

    assert [each["value"] for each in found] == ["30", "NoData"]


def test_values_between_pixels_are_interpolated_when_asked(make_service: Make) -> None:
    service = make_service("float32", 1)

    nearest = samples(service, "-116.975,35")[0]["value"]
    bilinear = samples(service, "-116.975,35", interpolation="RSP_BilinearInterpolation")

    assert nearest == "30"
    assert float(bilinear[0]["value"]) == pytest.approx(29.75, abs=1e-4)


@pytest.mark.parametrize(
    ("parameter", "geometry", "arguments"),
    [
        ("sampleCount", {"paths": [[[0, 0], [1, 1]]]}, {"sampleCount": 10**12}),
        ("sampleCount", {"paths": [[[0, 0], [1, 1]]]}, {"sampleCount": "-3"}),
        ("sampleDistance", {"paths": [[[0, 0], [1, 1]]]}, {"sampleDistance": "1e-9"}),
        ("sampleDistance", {"paths": [[[0, 0], [1, 1]]]}, {"sampleDistance": "NaN"}),
        ("sampleDistance", "0,0,1,1", {"sampleDistance": "1e-9"}),
        ("sampleDistance", "0,0,1,1", {"sampleDistance": "0.01"}),
        ("geometry", {"points": [[0, 0]] * 1001}, {}),
        ("outFields", "1,1", {"outFields": "OBJECTID,Secret"}),
        ("interpolation", "1,1", {"interpolation": "RSP_Magic"}),
    ],
)
def test_what_breaks_a_rule_is_named(
    make_service: Make, parameter: str, geometry: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError) as refused:
        samples(make_service(), geometry, **arguments)

    assert refused.value.name == parameter


def test_a_polygon_of_a_hundred_thousand_crossing_edges_is_sampled(make_service: Make) -> None:
    rng = np.random.default_rng(3)
    ring = np.column_stack([rng.uniform(-120, -110, 50_000), rng.uniform(30, 40, 50_000)])

    found = samples(make_service(), {"rings": [ring.round(3).tolist()]}, sampleCount=50)

    assert 1 <= len(found) <= 1000
