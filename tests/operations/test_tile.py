from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import rasterio
from PIL import Image

from exportimage_wsgi.errors import NotFoundError, ParameterError
from exportimage_wsgi.operations.describe import describe_service
from exportimage_wsgi.operations.operation import Drawing
from exportimage_wsgi.operations.table import operation_at
from exportimage_wsgi.operations.tiling import scheme_of
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.rasters import waves, write

Make = Callable[..., ImageService]
PLACES = {
    "EPSG:3857": (-8_240_000, 4_960_000, -8_238_000, 4_961_500),
    "EPSG:4326": (-74.5, 40.1, -74.3, 40.25),
    "EPSG:32618": (500_000, 4_000_000, 502_000, 4_001_500),
    "EPSG:2263": (980_000, 190_000, 982_000, 191_500),
}


def scene(folder: Path, crs: str, **settings: Any) -> ImageService:
    path = write(folder / "scene.tif", waves((150, 200), 3, "uint8"), PLACES[crs], crs)
    return ImageService.open(path, tiles=True, **settings)


def drawn(answer: Any) -> Image.Image:
    assert isinstance(answer, Drawing)
    return Image.open(io.BytesIO(b"".join(answer.export.stream())))


def tile_under(service: ImageService, level: int) -> tuple[int, int]:
    """Row and column of the tile under the middle of a service."""
    scheme, own = scheme_of(service), service.extent
    span = scheme.resolutions[level] * 256
    x, y = (own.xmin + own.xmax) / 2, (own.ymin + own.ymax) / 2
    return int((scheme.origin[1] - y) // span), int((x - scheme.origin[0]) // span)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("crs", PLACES)
def test_a_tile_has_the_pixels_of_gdalwarp(tmp_path: Path, crs: str, resampling: str) -> None:
    service = scene(tmp_path, crs, resampling=resampling)
    scheme = scheme_of(service)
    level = len(scheme.resolutions) - 1
    row, column = tile_under(service, level)

    shown = drawn(ask(service, f"tile/{level}/{row}/{column}", format="png32"))

    box = [repr(side) for side in scheme.extent(level, row, column).bounds]
    warped = tmp_path / "warped.tif"
    subprocess.run(
        ["gdalwarp", "-q", "-et", "0", "-t_srs", crs, "-te", *box, "-ts", "256", "256",
         "-r", resampling, "-dstalpha", tmp_path / "scene.tif", warped],
        check=True,
    )  # fmt: skip
    with rasterio.open(warped) as dataset:
        expected = dataset.read().transpose(1, 2, 0).astype(int)
    found = np.asarray(shown.convert("RGBA")).astype(int)
    both = (expected[..., 3] > 0) & (found[..., 3] > 0)
    different = np.abs(found - expected)[both].max(axis=1) > (resampling == "bilinear")
    assert both.sum() > 10_000
    assert different.mean() < 0.002
    assert (expected[..., 3] != found[..., 3]).mean() < 0.01


def test_the_scheme_of_web_mercator_is_that_of_esri(tmp_path: Path) -> None:
    info = describe_service(scene(tmp_path, "EPSG:3857"))["tileInfo"]

    assert (info["rows"], info["cols"], info["dpi"]) == (256, 256, 96)
    assert info["origin"] == {"x": -20037508.342787, "y": 20037508.342787}
    assert info["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}
    assert info["lods"][0]["resolution"] == 156543.03392800014
    assert info["lods"][0]["scale"] == pytest.approx(591657527.591555)
    assert info["lods"][-1]["resolution"] <= 10 < info["lods"][-2]["resolution"]


def test_the_scheme_of_degrees_is_that_of_esri(tmp_path: Path) -> None:
    info = describe_service(scene(tmp_path, "EPSG:4326"))["tileInfo"]

    assert info["origin"] == {"x": -180.0, "y": 90.0}
    assert info["lods"][0]["resolution"] == 0.703125
    assert info["lods"][0]["scale"] == pytest.approx(2.958287637957775e8, rel=1e-4)


def test_another_scheme_begins_with_one_tile_of_everything(tmp_path: Path) -> None:
    service = scene(tmp_path, "EPSG:32618")
    scheme = scheme_of(service)

    assert scheme.origin == (500_000, 4_001_500)
    assert scheme.shape_yx(0) == (1, 1)
    assert scheme.extent(0, 0, 0).contains(service.extent)
    assert scheme.resolutions[-1] == 10


def test_a_small_raster_has_two_levels_as_gdal_wants_them(tmp_path: Path) -> None:
    path = write(tmp_path / "small.tif", waves((30, 40)), (0, 0, 400, 300), "EPSG:32618")

    assert scheme_of(ImageService.open(path, tiles=True)).resolutions == (20, 10)


def test_the_parent_says_what_clients_of_tiles_need(tmp_path: Path) -> None:
    parent = describe_service(scene(tmp_path, "EPSG:32618"))

    assert parent["singleFusedMapCache"] is True
    assert parent["tileInfo"]["spatialReference"] == parent["extent"]["spatialReference"]
    assert parent["maxLOD"] == parent["tileInfo"]["lods"][-1]["level"]


def test_without_tiles_nothing_is_said_of_them(make_service: Make) -> None:
    parent = describe_service(make_service())
    found = operation_at(["tile", "0", "0", "0"])

    assert parent["singleFusedMapCache"] is False
    assert "tileInfo" not in parent
    assert found is not None
    assert not found[0].offered(make_service())


@pytest.mark.parametrize(
    "path", ["99/0/0", "-1/0/0", "0/1/0", "0/0/1", "0/-1/0", "3/99999999999999999/0"]
)
def test_what_lies_outside_the_scheme_is_not_found(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFoundError) as missing:
        ask(scene(tmp_path, "EPSG:3857"), f"tile/{path}")

    assert missing.value.code == 404


def test_a_tile_full_of_data_is_a_jpeg_and_another_a_png(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.tif", waves((600, 600), 3, "uint8"), (0, 0, 6000, 6000), "EPSG:32618"
    )
    service = ImageService.open(path, tiles=True)
    level = len(scheme_of(service).resolutions) - 1

    assert drawn(ask(service, f"tile/{level}/1/1")).format == "JPEG"
    assert drawn(ask(service, f"tile/{level}/2/2")).format == "PNG"


def test_an_empty_tile_is_transparent_or_missing(tmp_path: Path) -> None:
    service = scene(tmp_path, "EPSG:3857")

    shown = drawn(ask(service, "tile/3/0/0"))

    assert np.asarray(shown.convert("RGBA"))[..., 3].max() == 0
    with pytest.raises(NotFoundError):
        ask(service, "tile/3/0/0", blankTile="false")


def test_a_tile_with_data_is_never_missing(tmp_path: Path) -> None:
    service = scene(tmp_path, "EPSG:3857")
    row, column = tile_under(service, 13)

    assert ask(service, f"tile/13/{row}/{column}", blankTile="false")


def test_lerc_carries_the_values(tmp_path: Path) -> None:
    data = waves((256, 256))
    path = write(tmp_path / "f.tif", data, (0, 0, 2560, 2560), "EPSG:32618")
    answer = ask(ImageService.open(path, tiles=True), "tile/1/0/0", format="lerc")

    found = imagecodecs.lerc_decode(b"".join(answer.export.stream()))

    assert np.array_equal(found, data[0])


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(scene(tmp_path, "EPSG:3857"), "tile/0/0/0", format="tiff")

    assert refused.value.name == "format"
