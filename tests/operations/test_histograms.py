from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from exportimage_wsgi.errors import ItemError, ParameterError
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.settings import ServiceSettings
from tests.operations.asking import ask
from tests.operations.scenes import constant_scenes, mosaic
from tests.rasters import in_memory, waves, write

Make = Callable[..., ImageService]
BOX = (500_000.0, 4_000_000.0, 506_000.0, 4_004_500.0)
RING = [[500_707, 4_000_913], [501_500, 4_004_100], [505_850, 4_003_300], [503_000, 4_002_000]]


PACIFIC = json.dumps(
    {
        "wkt": 'GEOGCS["Pacific",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
        'PRIMEM["Pacific",150],UNIT["degree",0.0174532925199433]]'
    }
)
"""Degrees east of 150."""


@pytest.fixture
def scene(tmp_path: Path) -> tuple[ImageService, Any]:
    """A service of 120 by 90 pixels of 50 metres, and its values, which are 0 in a corner."""
    data = waves((90, 120), 2, "uint8")
    data[:, :20, :30] = 0
    path = write(tmp_path / "scene.tif", data, BOX, "EPSG:32618", nodata=0)
    return ImageService.open(path), data


def inside_ring() -> Any:
    x = BOX[0] + 50 * (np.arange(120) + 0.5)
    y = BOX[3] - 50 * (np.arange(90) + 0.5)
    return shapely.contains_xy(shapely.Polygon(RING), *np.meshgrid(x, y))


def test_histograms_of_bytes_have_a_bin_for_each_value(scene: tuple[ImageService, Any]) -> None:
    service, data = scene

    found = ask(service, "histograms")["histograms"]

    for band, each in zip(data, found, strict=True):
        assert (each["size"], each["min"], each["max"]) == (256, -0.5, 255.5)
        assert each["counts"] == np.bincount(band[band > 0], minlength=256).tolist()


def test_statistics_are_those_of_numpy(scene: tuple[ImageService, Any]) -> None:
    service, data = scene

    found = ask(service, "statistics")["statistics"]

    for band, each in zip(data, found, strict=True):
        valid = band[band > 0].astype(float)
        assert each["min"] == valid.min()
        assert each["max"] == valid.max()
        assert each["mean"] == pytest.approx(valid.mean())
        assert each["standardDeviation"] == pytest.approx(valid.std())
        assert each["median"] == np.median(valid)
        assert each["mode"] == np.bincount(band[band > 0]).argmax()
        assert each["count"] == valid.size
        assert (each["skipX"], each["skipY"]) == (1, 1)


def test_a_polygon_counts_the_pixels_whose_centres_it_holds(
    scene: tuple[ImageService, Any],
) -> None:
    service, data = scene

    found = ask(service, "computeStatisticsHistograms", geometry=json.dumps({"rings": [RING]}))

    for band, each, counts in zip(data, found["statistics"], found["histograms"], strict=True):
        expected = band[inside_ring() & (band > 0)]
        assert each["count"] == expected.size
        assert each["mean"] == pytest.approx(expected.mean())
        assert counts["counts"] == np.bincount(expected, minlength=256).tolist()


def test_a_hole_is_left_out(scene: tuple[ImageService, Any]) -> None:
    service, data = scene
    hole = shapely.Point(503_000, 4_002_800).buffer(400)
    rings = [RING, list(hole.exterior.coords)]

    found = ask(service, "computeHistograms", geometry=json.dumps({"rings": rings}))

    x, y = np.meshgrid(BOX[0] + 50 * np.arange(0.5, 120), BOX[3] - 50 * np.arange(0.5, 90))
    mask = inside_ring() & ~shapely.contains_xy(hole, x, y)
    counts = np.bincount(data[0][mask & (data[0] > 0)], minlength=256)
    assert found["histograms"][0]["counts"] == counts.tolist()


def test_an_envelope_of_another_reference_lies_where_it_is_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", waves((90, 120)), BOX, "EPSG:32618")
    service = ImageService.open(path)
    ring = shapely.box(500_500, 4_000_500, 505_000, 4_004_000)
    way = Transformer.from_crs(32618, 4326, always_xy=True)
    corners = [way.transform(x, y) for x, y in ring.exterior.coords]

    found = ask(
        service, "computeStatisticsHistograms", geometry=json.dumps({"rings": [corners]}), sr=4326
    )

    # An edge that is straight in degrees bends by centimetres here.
    assert found["statistics"][0]["count"] == 90 * 70


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_counted_from_the_smallest_to_the_largest(dtype: str) -> None:
    data = waves((50, 60), 1, dtype)
    source = in_memory(data, Affine(1, 0, 0, 0, -1, 50), crs_from_wkid(32618))

    found = ask(ImageService(name=dtype, source=source), "computeHistograms", geometry="0,0,60,50")

    (each,) = found["histograms"]
    counts, edges = np.histogram(data.astype(float), 256)
    assert each["counts"] == counts.tolist()
    assert (each["min"], each["max"]) == (edges[0], edges[-1])


def test_integers_of_a_short_span_have_a_bin_each() -> None:
    data = (1000 + waves((50, 60))).astype("uint16")
    source = in_memory(data, Affine(1, 0, 0, 0, -1, 50), crs_from_wkid(32618))

    (each,) = ask(ImageService(name="u", source=source), "computeHistograms", geometry="0,0,60,50")[
        "histograms"
    ]

    assert each["min"] == data.min() - 0.5
    assert each["max"] == data.max() + 0.5
    assert each["counts"] == np.bincount((data - data.min()).ravel()).tolist()


@pytest.mark.parametrize("span", [300, 384, 9999])
def test_integers_are_counted_between_the_edges_that_are_told(span: int) -> None:
    array = np.resize(np.arange(span) - 40, (1, 100, 100)).astype("int16")
    source = in_memory(array, Affine(1, 0, 0, 0, -1, 100), crs_from_wkid(32618))

    service = ImageService(name="numbers", source=source)

    (told,) = ask(service, "computeHistograms", geometry="0,0,100,100")["histograms"]

    expected, _ = np.histogram(array, told["size"], (told["min"], told["max"]))
    assert told["counts"] == expected.tolist()


@pytest.mark.parametrize("value", [0.0, -1e308, 5e-324, 1e16])
def test_a_raster_of_one_value_has_a_histogram(value: float) -> None:
    data = np.full((1, 4, 4), value)
    source = in_memory(data, Affine(1, 0, 0, 0, -1, 4), crs_from_wkid(32618))

    found = ask(ImageService(name="v", source=source), "computeHistograms", geometry="0,0,4,4")

    assert sum(found["histograms"][0]["counts"]) == 16


def test_the_largest_numbers_are_counted() -> None:
    data = np.array([[[-1.7e308, 1.7e308, 0, 1]]])
    source = in_memory(data, Affine(1, 0, 0, 0, -1, 1), crs_from_wkid(32618))

    (each,) = ask(ImageService(name="w", source=source), "computeHistograms", geometry="0,0,4,1")[
        "histograms"
    ]

    assert (each["counts"][0], sum(each["counts"][126:130]), each["counts"][-1]) == (1, 2, 1)


def big(side: int) -> ImageService:
    data = np.broadcast_to(np.arange(side, dtype=np.uint16) % 1000, (1, side, side))
    affine = Affine(1, 0, 0, 0, -1, side)
    return ImageService(name="big", source=in_memory(data, affine, crs_from_wkid(32618)))


def test_a_large_area_is_counted_by_every_nth_pixel() -> None:
    found = ask(big(4000), "computeStatisticsHistograms", geometry="0,0,4000,4000")

    (each,) = found["statistics"]
    assert (each["skipX"], each["skipY"], each["count"]) == (2, 2, 2000 * 2000)
    assert each["mean"] == pytest.approx(499.5, abs=1)


def test_a_pixel_size_is_obeyed(scene: tuple[ImageService, Any]) -> None:
    service, data = scene

    found = ask(
        service,
        "computeStatisticsHistograms",
        geometry="500000,4000000,506000,4004500",
        pixelSize="150,150",
    )

    middle = data[0, 1::3, 1::3]
    assert found["statistics"][0]["count"] == (middle > 0).sum()
    assert found["statistics"][0]["mean"] == pytest.approx(middle[middle > 0].mean())


def test_pictures_may_be_smaller_than_what_is_counted(scene: tuple[ImageService, Any]) -> None:
    _, data = scene
    source = in_memory(data, Affine(50, 0, BOX[0], 0, -50, BOX[3]), crs_from_wkid(32618))
    service = ImageService(
        name="small", source=source, settings=ServiceSettings(max_image_size=(7, 11))
    )

    found = ask(service, "computeStatisticsHistograms", geometry=",".join(map(str, BOX)))

    assert found["statistics"][0]["count"] == 120 * 90


def test_of_complex_pixels_magnitudes_are_counted_though_blocks_hold_none_of_the_area() -> None:
    data = (waves((90, 120), 1) + 1j * waves((90, 120), 1)[:, ::-1]).astype("complex64")
    source = in_memory(data, Affine(50, 0, BOX[0], 0, -50, BOX[3]), crs_from_wkid(32618))
    settings = ServiceSettings(max_image_size=(7, 11))
    service = ImageService(name="radar", source=source, settings=settings)

    found = ask(service, "computeStatisticsHistograms", geometry=json.dumps({"rings": [RING]}))

    counted = np.abs(data[0][inside_ring()]).astype(float)
    (told,) = found["statistics"]
    assert told["count"] == counted.size == sum(found["histograms"][0]["counts"])
    assert (told["min"], told["max"]) == (counted.min(), counted.max())
    assert told["median"] == pytest.approx(np.median(counted))


@pytest.mark.parametrize("area", ["20,0,30,9", '{"rings":[[[20,0],[20,9],[30,9],[20,0]]]}'])
def test_an_area_off_complex_pixels_counts_nothing(area: str) -> None:
    source = in_memory(
        np.ones((1, 9, 9), "complex64"), Affine(1, 0, 0, 0, -1, 9), crs_from_wkid(32618)
    )
    service = ImageService(name="radar", source=source)

    found = ask(service, "computeStatisticsHistograms", geometry=area)

    assert sum(found["histograms"][0]["counts"]) == 0


@pytest.mark.parametrize(
    ("area", "reference"),
    [
        ({"rings": [[[170, 10], [190, 10], [190, -10], [170, -10]]]}, 4326),
        ({"rings": [[[-190, 10], [-170, 10], [-170, -10], [-190, -10]]]}, 4326),
        ({"rings": [[[20, 10], [40, 10], [40, -10], [20, -10]]]}, PACIFIC),
    ],
)
def test_an_area_goes_on_past_the_antimeridian(area: dict[str, Any], reference: Any) -> None:
    data = np.broadcast_to(np.arange(360, dtype=np.uint16), (1, 180, 360))
    source = in_memory(data, Affine(1, 0, -180, 0, -1, 90), crs_from_wkid(4326))
    service = ImageService(name="world", source=source)

    (each,) = ask(
        service, "computeStatisticsHistograms", geometry=json.dumps(area), inSR=reference
    )["statistics"]

    assert each["count"] == 20 * 20
    assert (each["min"], each["max"]) == (0, 359)
    assert each["mean"] == pytest.approx((sum(range(350, 360)) + sum(range(10))) / 20)


@pytest.mark.parametrize("area", ["-180,-90,180,90", "-1000,-90,1000,90", "0,-90,360,90"])
def test_the_whole_world_is_counted_once(area: str) -> None:
    data = np.ones((1, 180, 360), np.uint8)
    source = in_memory(data, Affine(1, 0, -180, 0, -1, 90), crs_from_wkid(4326))

    found = ask(ImageService(name="w", source=source), "computeStatisticsHistograms", geometry=area)

    assert found["statistics"][0]["count"] == 180 * 360


@pytest.mark.parametrize("west", [0, -180, -90])
def test_an_area_wider_than_the_world_is_met_on_every_turn(west: int) -> None:
    data = np.arange(360, dtype=np.uint16)[None, None].repeat(180, axis=1)
    source = in_memory(data, Affine(1, 0, west, 0, -1, 90), crs_from_wkid(4326))
    service = ImageService(name="world", source=source)

    found = ask(service, "computeStatisticsHistograms", geometry="-200,-10,200,10")

    (each,) = found["statistics"]
    assert (each["count"], each["min"], each["max"]) == (360 * 20, 0, 359)


def test_an_area_around_a_pole_is_refused_in_another_reference() -> None:
    data = np.ones((1, 180, 360), np.uint8)
    source = in_memory(data, Affine(1, 0, -180, 0, -1, 90), crs_from_wkid(4326))
    box = "-1000000,-1000000,1000000,1000000"

    with pytest.raises(ParameterError) as refused:
        ask(ImageService(name="w", source=source), "computeHistograms", geometry=box, inSR=3995)

    assert refused.value.name == "geometry"


@pytest.mark.parametrize("area", ["0,0,1,1", '{"rings":[[[0,0],[1,0],[1,1],[0,0]]]}'])
def test_an_area_off_the_data_counts_nothing(scene: tuple[ImageService, Any], area: str) -> None:
    found = ask(scene[0], "computeStatisticsHistograms", geometry=area)

    assert [each["count"] for each in found["statistics"]] == [0, 0]
    assert [each["mean"] for each in found["statistics"]] == [None, None]
    assert sum(found["histograms"][0]["counts"]) == 0


@pytest.mark.parametrize(
    ("parameter", "arguments"),
    [
        ("geometry", {}),
        ("geometry", {"geometry": "1,2"}),
        ("geometry", {"geometry": '{"rings":[]}'}),
        ("geometry", {"geometry": '{"rings":[[[0,0],[NaN,0],[1,1]]]}'}),
        ("geometry", {"geometry": "0,89,10,95", "inSR": 4326}),
        ("pixelSize", {"geometry": "0,0,4000,4000", "pixelSize": "0.5"}),
        ("renderingRule", {"geometry": "0,0,1,1", "renderingRule": '{"rasterFunction":"NDVI0"}'}),
    ],
)
def test_what_breaks_a_rule_is_named(parameter: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(big(4000), "computeHistograms", **arguments)

    assert refused.value.name == parameter


def test_a_variable_is_refused_by_services_without(make_service: Make) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(make_service(), "statistics", variable="temperature")

    assert refused.value.name == "variable"


def test_a_hundred_thousand_crossing_edges_are_bounded_work() -> None:
    rng = np.random.default_rng(3)
    ring = rng.uniform(0, 2000, (50_000, 2)).round(1).tolist()

    found = ask(big(2000), "computeStatisticsHistograms", geometry=json.dumps({"rings": [ring]}))

    (each,) = found["statistics"]
    assert each["skipX"] > 1
    assert each["count"] == pytest.approx((2000 / each["skipX"]) ** 2 / 2, rel=0.05)


def test_statistics_of_a_mosaic_are_told_though_an_item_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    scenes = {"a_2001": (300, (0, 0, 60, 60)), "b_2002": (500, (0, 0, 60, 60))}
    service = mosaic(constant_scenes(tmp_path, scenes, "uint16"))
    (tmp_path / "a_2001.tif").unlink()

    (found,) = ask(service, "statistics")["statistics"]
    assert (found["min"], found["max"], found["median"]) == (500, 500, None)
    with pytest.raises(ItemError, match="item 1: "):
        ask(service, "histograms")
