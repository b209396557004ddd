from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray
from rasterio.warp import transform_bounds

from exportimage_wsgi import ImageService
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics.opening import is_mosaic, open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from tests.mosaics.scenes import row_of_scenes, scene
from tests.rasters import folder_for_all, kept_from_us, waves, write

DEFAULT = MosaicSettings()


def test_a_folder_is_a_mosaic_of_its_rasters(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes" / "below")
    (tmp_path / "scenes" / "notes.txt").write_text("no raster")

    table = open_mosaic(tmp_path / "scenes", DEFAULT).table

    assert table.rows.column("name").to_pylist() == [f"scene{i}_2020010{i + 1}" for i in range(3)]
    assert table.numbers("objectid").tolist() == [1, 2, 3]


@pytest.mark.parametrize("pattern", ["*/*.tif", "**/scene*.tif", "**", "*/scene?_*"])
def test_a_glob_finds_rasters(pattern: str, tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "below")
    (tmp_path / "below" / "scene9_notes.txt").write_text("no raster")

    assert len(open_mosaic(f"{tmp_path}/{pattern}", DEFAULT).table) == 3


def test_a_list_keeps_its_order_and_has_each_raster_once(tmp_path: Path) -> None:
    folder = row_of_scenes(tmp_path)
    paths = [str(folder / f"scene{i}_2020010{i + 1}.tif") for i in (2, 0, 2)]

    table = open_mosaic([*paths, f"{folder}/*.tif"], DEFAULT).table

    names = [name[:6] for name in table.rows.column("name").to_pylist()]
    assert names == ["scene2", "scene0", "scene1"]


def test_arrays_and_files_are_one_mosaic(tmp_path: Path) -> None:
    path = scene(tmp_path / "a.tif", 1, (0, 0, 1, 1), "EPSG:4326")
    array = xarray.DataArray(
        np.ones((2, 2), np.uint8), {"y": [0.75, 0.25], "x": [1.25, 1.75]}, ("y", "x"), name="b"
    ).rio.write_crs(4326)

    dataset = open_mosaic([path, array], DEFAULT)

    assert dataset.info.grid.extent.bounds == (0, 0, 2, 1)
    assert dataset.table.rasters[0] == path
    assert dataset.table.rasters[1].info.grid.shape_yx == (2, 2)


def test_a_mosaic_of_several_references_has_that_of_most_items(tmp_path: Path) -> None:
    scene(tmp_path / "a.tif", 1, (15, 50, 15.01, 50.01), "EPSG:4326")
    box = 500_000, 5_500_000, 501_000, 5_501_000
    scene(tmp_path / "b.tif", 1, box)
    scene(tmp_path / "c.tif", 1, (502_000, 5_500_000, 503_000, 5_501_000))

    dataset = open_mosaic(tmp_path, DEFAULT)

    assert dataset.info.grid.crs.definition == "EPSG:32633"
    expected = transform_bounds("EPSG:4326", "EPSG:32633", 15, 50, 15.01, 50.01)
    assert np.allclose(dataset.table.bounds[0], expected, atol=0.5)
    assert dataset.table.bounds[1].tolist() == list(box)


def test_the_pixel_size_is_the_finest_where_the_item_lies(tmp_path: Path) -> None:
    scene(tmp_path / "a.tif", 1, (500_000, 5_500_000, 501_000, 5_501_000), size_wh=(50, 50))
    scene(tmp_path / "b.tif", 1, (502_000, 5_500_000, 503_000, 5_501_000), size_wh=(80, 100))

    dataset = open_mosaic(tmp_path, DEFAULT)

    assert dataset.table.numbers("low_ps").tolist() == [20, 10]
    assert dataset.info.grid.pixel_size_xy == (10, 10)
    assert dataset.info.grid.extent.bounds == (500_000, 5_500_000, 503_000, 5_501_000)


def test_settings_say_otherwise(tmp_path: Path) -> None:
    row_of_scenes(tmp_path)

    service = ImageService.open(
        tmp_path, band_names=["a", "b"], mosaic=MosaicSettings(crs=3857, pixel_size=30, bands=2)
    )

    assert service.crs.definition == "EPSG:3857"
    assert service.pixel_size_xy == (30, 30)
    assert service.info.band_names == ("a", "b")


def test_a_mosaic_survives_pickle(tmp_path: Path) -> None:
    dataset = open_mosaic(row_of_scenes(tmp_path), DEFAULT)

    assert pickle.loads(pickle.dumps(dataset)) == dataset


def test_an_empty_folder_is_no_mosaic(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no raster"):
        open_mosaic(tmp_path, DEFAULT)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="access is another matter there")
@pytest.mark.parametrize(
    ("what", "kept"), [("scenes", "scenes"), ("scenes", "scenes/more"), ("scenes/*.tif", "scenes")]
)
def test_a_folder_that_we_may_not_read_is_named(what: str, kept: str) -> None:
    with folder_for_all() as folder:
        row_of_scenes(folder / "scenes")
        (folder / "scenes/more").mkdir()
        ImageService.open(folder / what)
        denied = f"^{Path(kept).name} cannot be read: Permission denied$"

        with kept_from_us(folder / kept), pytest.raises(SourceError, match=denied):
            ImageService.open(folder / what)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    row_of_scenes(tmp_path)
    (tmp_path / "damaged.tif").write_bytes(b"II*\0")

    with pytest.raises(SourceError, match=r"damaged\.tif"):
        open_mosaic(tmp_path, DEFAULT)
    skipping = open_mosaic(tmp_path, MosaicSettings(on_failure="skip"))
    assert len(skipping.table) == 3
    assert "damaged.tif" in skipping.skipped[0]


@pytest.mark.parametrize("what", ["a.tif", "https://example.org/a.tif?x=1", "cube.nc#a", "x.zarr"])
def test_one_raster_is_no_mosaic(what: str) -> None:
    assert not is_mosaic(what)


def test_an_item_whose_middle_has_no_place_is_drawn_as_finely_as_others(tmp_path: Path) -> None:
    pole = write(tmp_path / "pole.tif", waves((8, 8)), (-4e5, -4e5, 4e5, 4e5), "EPSG:3413")
    other = write(tmp_path / "other.tif", waves((8, 8)), (0, 0, 800, 800), "EPSG:3857")

    mosaic = open_mosaic([pole, other], MosaicSettings(crs=3857))

    assert np.isnan(mosaic.table.numbers("low_ps")[0])
    assert mosaic.info.grid.pixel_size_xy == (100, 100)
