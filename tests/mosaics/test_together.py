from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.together import smallest_type
from exportimage_wsgi.pixels import MosaicOperation, PixelType
from tests.mosaics.scenes import scene
from tests.rasters import write

BOX = 500_000, 5_500_000, 501_000, 5_501_000
REAL = [each for each in PixelType if not each.is_complex and each.bits >= 8]


@pytest.mark.parametrize("one", REAL)
@pytest.mark.parametrize("other", REAL)
def test_the_smallest_type_is_that_of_numpy(one: PixelType, other: PixelType) -> None:
    expected = np.result_type(one.dtype, other.dtype)

    found = smallest_type({one, other})

    # NumPy has integers of 64 bits, which Esri lacks.
    assert found.dtype == (np.dtype("f8") if expected == np.dtype("i8") else expected)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ("U1 U4", "U4"),
        ("U1 S8", "S8"),
        ("U16 C64", "C64"),
        ("S32 C64", "C128"),
        ("F64 C64", "C128"),
    ],
)
def test_the_smallest_type_of_bits_and_complex_numbers(types: str, expected: str) -> None:
    assert smallest_type({PixelType[name] for name in types.split()}).name == expected


def test_bands_are_those_of_most_items(tmp_path: Path) -> None:
    for i, bands in enumerate((1, 4, 3, 4, 3)):
        scene(tmp_path / f"{i}.tif", 1, BOX, bands=bands, dtype="uint16")

    info = open_mosaic(tmp_path, MosaicSettings()).info

    assert info.band_names == ("Band_1", "Band_2", "Band_3", "Band_4")


@pytest.mark.parametrize(("values", "expected"), [((0, 0), 0), ((0, 1), None), ((0, None), None)])
def test_a_no_data_value_is_declared_where_all_agree(
    values: tuple[float | None, ...], expected: float | None, tmp_path: Path
) -> None:
    for i, nodata in enumerate(values):
        scene(tmp_path / f"{i}.tif", 9, BOX, nodata=nodata)

    assert open_mosaic(tmp_path, MosaicSettings()).info.nodata == (expected,)


def classes(path: Path, red: int) -> None:
    write(path, np.ones((1, 10, 10), "u1"), BOX, "EPSG:32633", photometric="palette")
    import rasterio

    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (0, 0, 0, 255), 1: (red, 0, 0, 255)})


def test_a_palette_that_all_share_is_kept(tmp_path: Path) -> None:
    classes(tmp_path / "a.tif", 9)
    classes(tmp_path / "b.tif", 9)

    assert (open_mosaic(tmp_path, MosaicSettings()).info.palette or ())[1] == (9, 0, 0, 255)
    with pytest.raises(SourceError, match="mean cannot mix the classes of a palette"):
        open_mosaic(tmp_path, MosaicSettings(operation=MosaicOperation.MEAN))


def test_different_palettes_are_a_fault_that_names_two_items(tmp_path: Path) -> None:
    classes(tmp_path / "a.tif", 9)
    classes(tmp_path / "b.tif", 10)

    with pytest.raises(SourceError, match="a and b have different palettes"):
        open_mosaic(tmp_path, MosaicSettings())


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"time": ["gone"]}, r"mosaic.time: there is no field gone.* names number"),
        ({"time": ["number"]}, "number holds no dates, but values such as 1"),
        ({"time": ["a"], "pattern": "(?P<a>z)?1"}, "mosaic.time: no item has a value of a"),
        (
            {"pattern": "_(?P<a>[0-9])_"},
            "matches the name of none of 1 raster, such as scene1",
        ),
        ({"method": "attribute", "sort_field": "gone"}, "mosaic.sort_field: there is no field"),
        ({"types": {"gone": "text"}}, "there is no attribute gone; attributes are number"),
        ({"types": {"number": "date"}, "pattern": "(?P<number>[a-z]+)"}, "is no date"),
        ({"method": "seamline"}, "seamline needs seamlines"),
    ],
)
def test_settings_that_contradict_the_items_are_faults(
    said: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    scene(tmp_path / "scene1.tif", 1, BOX)

    with pytest.raises(SourceError, match=rule):
        open_mosaic(tmp_path, MosaicSettings(**{"pattern": r"(?P<number>\d)"} | said))


def test_files_of_any_name_are_items(tmp_path: Path) -> None:
    names = ["it's.tif", 'say "a".tif', "two\nlines.tif", "wörld 世界.tif", "a#b.tif", "[x]*.tif"]
    for name in names:
        scene(tmp_path / name, 1, BOX)

    table = open_mosaic(tmp_path, MosaicSettings()).table

    assert {f"{name}.tif" for name in table.rows.column("name").to_pylist()} == set(names)


def test_a_raster_without_a_place_is_named(tmp_path: Path) -> None:
    scene(tmp_path / "a.tif", 1, BOX)
    scene(tmp_path / "b.tif", 1, BOX, crs=None)

    with pytest.raises(SourceError, match=r"b\.tif has no spatial reference"):
        open_mosaic(tmp_path, MosaicSettings())


def test_a_raster_of_another_planet_is_named(tmp_path: Path) -> None:
    scene(tmp_path / "a.tif", 1, BOX)
    scene(tmp_path / "b.tif", 1, (0, 0, 1, 1), crs="+proj=longlat +R=1737400 +no_defs")

    with pytest.raises(SourceError, match=r"b: no transformation is known"):
        open_mosaic(tmp_path, MosaicSettings(crs=32633))
