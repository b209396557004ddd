from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.operations.export_image import export_image
from exportimage_wsgi.operations.request import ExportRequest
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.rasters import waves, write

BOXES = {
    "EPSG:32618": (500_000, 4_000_000, 506_000, 4_004_500),
    "EPSG:3857": (-8_240_000, 4_960_000, -8_234_000, 4_964_500),
    "EPSG:4326": (-74.5, 40.1, -74.2, 40.325),
    "ESRI:102067": (-700_000, -1_100_000, -694_000, -1_095_500),
}
Make = Callable[..., ImageService]


@pytest.mark.parametrize("crs", BOXES)
@pytest.mark.parametrize("asked", ["own", "EPSG:4326", "EPSG:3857"])
def test_values_are_those_that_rasterio_samples(tmp_path: Path, crs: str, asked: str) -> None:
    path = write(tmp_path / "scene.tif", waves((90, 120), 2, "uint16"), BOXES[crs], crs)
    xmin, ymin, xmax, ymax = BOXES[crs]
    rng = np.random.default_rng(5)
    xs, ys = rng.uniform(xmin, xmax, 12).tolist(), rng.uniform(ymin, ymax, 12).tolist()
    service = ImageService.open(path)
    shown = transform(crs, crs if asked == "own" else asked, xs, ys)

    found = [_value(service, x, y, asked) for x, y in zip(*shown, strict=True)]

    with rasterio.open(path) as dataset:
        sampled = dataset.sample(zip(xs, ys, strict=True))
        assert found == [f"{one}, {two}" for one, two in sampled]


def _value(service: ImageService, x: float, y: float, crs: str) -> str:
    said = {} if crs == "own" else {"inSR": crs}
    return str(ask(service, "identify", geometry=f"{x!r},{y!r}", **said)["value"])


def test_the_value_is_that_of_the_exported_pixel_of_an_overview(tmp_path: Path) -> None:
    box = BOXES["EPSG:32618"]
    path = write(tmp_path / "scene.tif", waves((900, 1200)), box, "EPSG:32618", tiled=True)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    service = ImageService.open(path)
    request = ExportRequest(bbox=box, size=(150, 112.5), format="tiff", interpolation="nearest")
    drawn = export_image(service, request).cube

    x, y = float(drawn.x[40]), float(drawn.y[30])
    size = abs(float(drawn.x[1] - drawn.x[0]))
    found = ask(service, "identify", geometry=f"{x!r},{y!r}", pixelSize=f"{size!r},{size!r}")

    assert found["value"] == str(drawn.values[0, 30, 40])


def test_a_polygon_is_identified_at_its_centre_of_gravity(make_service: Make) -> None:
    rings = [[[-119, 39], [-115, 39], [-115, 31], [-119, 31], [-119, 39]]]

    reply = ask(make_service(bands=1), "identify", geometry=json.dumps({"rings": rings}))

    assert (reply["location"]["x"], reply["location"]["y"]) == (-117, 35)
    assert reply["value"] == "30"


@pytest.mark.parametrize(
    ("geometry", "place"),
    [
        ("-119,31,-115,39", (-117, 35)),
        ('{"xmin":-119,"ymin":31,"xmax":-115,"ymax":39}', (-117, 35)),
        ('{"points":[[-119,31],[-116,34],[-115,37]]}', (-116.66666666666667, 34)),
        ('{"rings":[[[-118,33],[-116,35],[-116,33],[-118,35]]]}', (-117, 34)),
    ],
)
def test_other_geometries_have_a_middle(
    make_service: Make, geometry: str, place: tuple[float, float]
) -> None:
    reply = ask(make_service(), "identify", geometry=geometry)

    assert (reply["location"]["x"], reply["location"]["y"]) == place


def test_the_reply_has_the_members_of_esri(make_service: Make) -> None:
    reply = ask(make_service(bands=3), "identify", geometry="{x: -117.000000, y: 35.000000}")

    assert reply == {
        "objectId": 0,
        "name": "Pixel",
        "value": "30, 40, 50",
        "location": {
            "x": -117.0,
            "y": 35.0,
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
        },
        "properties": None,
        "catalogItems": None,
        "catalogItemVisibilities": [],
    }


def test_qgis_finds_the_results_of_a_map_service(make_service: Make) -> None:
    map_service = {"imageDisplay": "800,600,96", "mapExtent": "-120,30,-110,40"}

    reply = ask(make_service(bands=2), "identify", geometry="-117,35", **map_service)

    (result,) = reply["results"]
    assert result["attributes"] == {"Band_1": "30", "Band_2": "40"}
    assert result["geometry"] == reply["location"]
    assert (result["layerName"], result["layerId"]) == ("scene", 0)


@pytest.mark.parametrize("place", ["0,0", "-117,95", "1e15,-1e15", "-120.01,35"])
def test_places_off_the_data_are_no_data(make_service: Make, place: str) -> None:
    assert ask(make_service(), "identify", geometry=place)["value"] == "NoData"


def test_a_world_around_is_found_past_the_antimeridian(make_service: Make) -> None:
    beyond = ask(make_service(bands=1), "identify", geometry="243,35")

    assert beyond["value"] == "30"


def test_no_data_of_one_band_stands_in_its_place(tmp_path: Path) -> None:
    data = np.array([[[1.5, -9]], [[2, -9]], [[-9, -9]]], "float32")
    path = write(tmp_path / "holes.tif", data, (0, 0, 2, 1), "EPSG:32618", nodata=-9)
    service = ImageService.open(path)

    assert ask(service, "identify", geometry="0.5,0.5")["value"] == "1.5, 2, NoData"
    assert ask(service, "identify", geometry="1.5,0.5")["value"] == "NoData"


@pytest.mark.parametrize(
    ("dtype", "value", "text"),
    [
        ("float32", 1088.04, "1088.04"),
        ("float32", 0.1, "0.1"),
        ("float64", 0.1, "0.1"),
        ("float64", 1 / 3, "0.3333333333333333"),
        ("float32", 100, "100"),
        ("float64", -0.0, "0"),
        ("int16", -7, "-7"),
        ("uint32", 4_000_000_000, "4000000000"),
        ("complex64", 3 - 4.5j, "3-4.5i"),
    ],
)
def test_numbers_have_the_digits_of_their_type(
    make_service: Make, dtype: str, value: Any, text: str
) -> None:
    from exportimage_wsgi.geo.crs import crs_from_wkid
    from tests.rasters import in_memory

    array = np.full((1, 4, 4), value, dtype)
    source = in_memory(array, Affine(1, 0, 0, 0, -1, 4), crs_from_wkid(32618))

    found = ask(ImageService(name="numbers", source=source), "identify", geometry="1.5,1.5")

    assert found["value"] == text


@pytest.mark.parametrize(
    ("parameter", "arguments"),
    [
        ("geometry", {}),
        ("geometry", {"geometry": "NaN,2"}),
        ("geometry", {"geometry": '{"rings":[]}'}),
        ("geometry", {"geometry": '{"paths":[[[0,0],[1,1]]]}'}),
        ("geometry", {"geometry": "1,2", "inSR": "ESRI:104905"}),
        ("geometryType", {"geometry": "1,2", "geometryType": "esriGeometryPolygon"}),
        ("inSR", {"geometry": "1,2", "inSR": "987654"}),
        ("pixelSize", {"geometry": "1,2", "pixelSize": "0"}),
        ("pixelSize", {"geometry": "1,2", "pixelSize": '{"x":1}'}),
        ("renderingRule", {"geometry": "1,2", "renderingRule": '{"rasterFunction":"Hillshade2"}'}),
        ("mosaicRule", {"geometry": "1,2", "mosaicRule": "{"}),
        ("maxItemCount", {"geometry": "1,2", "maxItemCount": "0"}),
        ("returnGeometry", {"geometry": "1,2", "returnGeometry": "maybe"}),
    ],
)
def test_what_breaks_a_rule_is_named(
    make_service: Make, parameter: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(make_service(), "identify", **arguments)

    assert refused.value.name == parameter


def test_a_rule_that_selects_nothing_leaves_no_data(make_service: Make) -> None:
    rule = '{"mosaicMethod":"esriMosaicNone","where":"OBJECTID = 7"}'

    reply = ask(make_service(), "identify", geometry="-117,35", mosaicRule=rule)

    assert reply["value"] == "NoData"


def test_pixel_sizes_of_another_reference_are_converted(tmp_path: Path) -> None:
    data = waves((64, 64), 1, "uint8")
    path = write(tmp_path / "scene.tif", data, (0, 0, 6400, 6400), "EPSG:3857")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    service, degrees = ImageService.open(path), 400 / 111_319.49

    found = ask(
        service,
        "identify",
        geometry="3210,3190",
        pixelSize=json.dumps({"x": degrees, "y": degrees, "spatialReference": {"wkid": 4326}}),
    )

    with rasterio.open(path, overview_level=1) as overview:
        assert found["value"] == str(next(overview.sample([(3210, 3190)]))[0])


def test_values_of_several_rules_are_given_beside_it(make_service: Make) -> None:
    rules = [{"rasterFunction": "None"}, {"rasterFunction": "None", "outputPixelType": "U1"}]

    found = ask(make_service(), "identify", geometry="-115,35", renderingRules=json.dumps(rules))

    assert found["processedValues"] == [found["value"], "1, 1, 1"]


def test_rules_that_cannot_be_followed_are_refused(make_service: Make) -> None:
    rules = json.dumps([{"rasterFunction": "None"}, {"rasterFunction": "Slope"}])

    with pytest.raises(ParameterError, match=r"^renderingRules.*Slope: raster functions"):
        ask(make_service(), "identify", geometry="-115,35", renderingRules=rules)
