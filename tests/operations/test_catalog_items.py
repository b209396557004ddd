"""identify, getSamples and the counting operations on mosaics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.operations.export_image import export_image
from exportimage_wsgi.operations.request import ExportRequest
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.operations.scenes import mosaic, three
from tests.rasters import write

# Of `three`: 10 in 0..200, 20 in 100..300 x 0..200, 30 in 50..170 x 50..150; the first on top.


def items(reply: dict[str, Any]) -> list[int]:
    return [each["attributes"]["OBJECTID"] for each in reply["catalogItems"]["features"]]


def test_the_items_at_a_point_are_given_from_the_top(tmp_path: Path) -> None:
    reply = ask(three(tmp_path), "identify", geometry="150.5,100.5")

    assert reply["value"] == "10"
    assert items(reply) == [1, 2, 3]
    assert reply["properties"] == {"Values": ["10", "20", "30"]}
    assert reply["catalogItemVisibilities"] == [1, 0, 0]


def test_the_bands_of_an_item_are_parted_by_blanks_as_clients_expect(tmp_path: Path) -> None:
    data = np.array([1, 2, 3], np.uint8)[:, None, None].repeat(10, 1).repeat(10, 2)
    path = write(tmp_path / "a_2001.tif", data, (0, 0, 10, 10), "EPSG:3857")

    reply = ask(mosaic([path]), "identify", geometry="5,5")

    assert reply["value"] == "1, 2, 3"
    assert reply["properties"] == {"Values": ["1 2 3"]}


def test_their_order_is_that_of_the_mosaic_rule(tmp_path: Path) -> None:
    rule = '{"mosaicMethod":"esriMosaicAttribute","sortField":"Year","ascending":false}'

    reply = ask(three(tmp_path), "identify", geometry="150.5,100.5", mosaicRule=rule)

    assert reply["value"] == "30"
    assert items(reply) == [3, 2, 1]


@pytest.mark.parametrize(
    ("rule", "value", "found", "shares"),
    [
        ({"where": "Year > 2004"}, "20", [2, 3], [1, 0]),
        ({"fids": [3]}, "30", [3], [1]),
        ({"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [2]}, "20", [2], [1]),
        ({"mosaicOperation": "MT_LAST"}, "30", [1, 2, 3], [0, 0, 1]),
        ({"mosaicOperation": "MT_MEAN"}, "20", [1, 2, 3], [1 / 3] * 3),
        ({"where": "Year > 3000"}, "NoData", [], []),
    ],
)
def test_a_rule_selects_items_and_blends_them(
    tmp_path: Path, rule: dict[str, Any], value: str, found: list[int], shares: list[float]
) -> None:
    reply = ask(three(tmp_path), "identify", geometry="150.5,100.5", mosaicRule=json.dumps(rule))

    assert reply["value"] == value
    assert items(reply) == found
    assert reply["catalogItemVisibilities"] == shares


def test_footprints_are_in_the_reference_of_the_geometry(tmp_path: Path) -> None:
    degree = 111_319.49079327358
    reply = ask(three(tmp_path), "identify", geometry=f"{20.5 / degree},{20.5 / degree}", sr=4326)

    (feature,) = reply["catalogItems"]["features"]
    assert reply["catalogItems"]["spatialReference"]["wkid"] == 4326
    bounds = shapely.Polygon(feature["geometry"]["rings"][0]).bounds
    assert bounds == pytest.approx((0, 0, 200 / degree, 200 / degree), abs=1e-9)


def test_a_polygon_meets_more_items_than_its_centre(tmp_path: Path) -> None:
    ring = [[10, 10], [10, 30], [290, 30], [290, 10], [10, 10]]

    reply = ask(three(tmp_path), "identify", geometry=json.dumps({"rings": [ring]}))

    assert reply["value"] == "10"
    assert items(reply) == [1, 2]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"maxItemCount": 2}, [1, 2]),
        ({"maxItemCount": 10**9}, [1, 2, 3]),
    ],
)
def test_items_are_given_up_to_a_number(
    tmp_path: Path, said: dict[str, int], expected: list[int]
) -> None:
    assert items(ask(three(tmp_path), "identify", geometry="150.5,100.5", **said)) == expected


def test_items_footprints_and_values_may_be_declined(tmp_path: Path) -> None:
    service, place = three(tmp_path), {"geometry": "150.5,100.5"}

    without = ask(service, "identify", returnCatalogItems="false", **place)
    bare = ask(service, "identify", returnGeometry="false", returnPixelValues="false", **place)

    assert without["catalogItems"] is None
    assert without["value"] == "10"
    assert "geometry" not in bare["catalogItems"]["features"][0]
    assert bare["properties"] is None


def test_off_the_items_there_are_none(tmp_path: Path) -> None:
    reply = ask(three(tmp_path), "identify", geometry="-5000,1e14")

    assert reply["value"] == "NoData"
    assert items(reply) == []


def test_samples_say_which_item_they_are_of(tmp_path: Path) -> None:
    points = {"points": [[20.5, 20.5], [250.5, 20.5], [-20, 20]]}

    found = ask(three(tmp_path), "getSamples", geometry=json.dumps(points), outFields="Name,Year")[
        "samples"
    ]

    assert [(each["value"], each["rasterId"]) for each in found] == [
        ("10", 1),
        ("20", 2),
        ("NoData", None),
    ]
    assert found[0]["attributes"] == {"Name": "item1_20010101", "Year": 2001}
    assert found[0]["resolution"] == 1


def test_samples_may_be_of_every_item(tmp_path: Path) -> None:
    found = ask(
        three(tmp_path), "getSamples", geometry="150.5,100.5", returnFirstValueOnly="false"
    )["samples"]

    assert [(each["value"], each["rasterId"], each["locationId"]) for each in found] == [
        ("10", 1, 0),
        ("20", 2, 0),
        ("30", 3, 0),
    ]


def test_fields_that_items_lack_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(three(tmp_path), "getSamples", geometry="1,1", outFields="Secret")

    assert refused.value.name == "outFields"


def test_an_area_counts_what_is_drawn(tmp_path: Path) -> None:
    service = three(tmp_path)
    rule = '{"mosaicMethod":"esriMosaicNone","ascending":false}'
    drawn = export_image(
        service, ExportRequest(bbox=(0, 0, 300, 200), size=(300, 200), format="tiff",
                               interpolation="nearest", mosaic_rule=rule),
    ).cube.values[0]  # fmt: skip

    found = ask(service, "computeStatisticsHistograms", geometry="0,0,300,200", mosaicRule=rule)

    assert found["statistics"][0]["count"] == (drawn > 0).sum()
    counts = np.bincount(drawn[drawn > 0], minlength=256)
    assert found["histograms"][0]["counts"] == counts.tolist()


@pytest.mark.parametrize("path", ["statistics", "histograms", "legend", "keyProperties"])
def test_the_other_operations_know_mosaics(tmp_path: Path, path: str) -> None:
    assert ask(three(tmp_path), path)


def test_a_crossing_polygon_of_many_vertices_is_refused_by_name(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(1)
    ring = rng.uniform(0, 300, (5000, 2)).round(1).tolist()

    with pytest.raises(ParameterError) as refused:
        ask(three(tmp_path), "identify", geometry=json.dumps({"rings": [ring]}))

    assert refused.value.name == "geometry"


@pytest.fixture
def broken(tmp_path: Path) -> Callable[..., ImageService]:
    """Makes the mosaic, of which the top item vanishes once it is open."""

    def make(**settings: Any) -> ImageService:
        service = three(tmp_path, **settings)
        (tmp_path / "item1_20010101.tif").write_bytes(b"II*\0 this is no raster any more")
        return service

    return make


def test_an_item_that_cannot_be_read_is_left_out_where_it_may(
    broken: Callable[..., ImageService],
) -> None:
    service = broken(on_failure="skip")

    assert ask(service, "identify", geometry="150.5,100.5")["value"] == "20"
