"""Tiled TIFFs read without GDAL hold the numbers that GDAL reads from them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.typing import NDArray
from PIL import Image

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources import tiff_tiles, tiled
from exportimage_wsgi.imagery.sources.gdal import GdalSource, open_gdal
from exportimage_wsgi.imagery.sources.tiff_tiles import tiled_file
from tests.rasters import write

HEIGHT, WIDTH = 83, 150
TILES = {"tiled": True, "blockxsize": 32, "blockysize": 16}
WINDOWS = (
    Window(rows=(0, HEIGHT), columns=(0, WIDTH)),
    Window(rows=(17, 31), columns=(33, 63)),
    Window(rows=(15, 81), columns=(31, 149)),
    Window(rows=(82, 83), columns=(149, 150)),
)


def noise(count: int, dtype: str) -> NDArray[Any]:
    random = np.random.default_rng(len(dtype) + count)
    values = random.normal(50, 20, (count, HEIGHT, WIDTH)).cumsum(axis=2)
    values = values if np.dtype(dtype).kind == "f" else values % 200
    return values.astype(dtype)


def saved(folder: Path, values: NDArray[Any], **options: Any) -> Path:
    path = folder / "a.tif"
    write(path, values, (0, 0, 1, 1), "EPSG:4326", **TILES | options)
    return path


def own(source: GdalSource, window: Window, bands: tuple[int, ...], level: int = 0) -> Any:
    """What is read without GDAL, or `None`."""
    numbers = [band + 1 for band in bands]
    chosen, stored = source.info.levels[level], source.stored
    base_yx = source.info.base_yx(chosen)
    place = source.path, stored.state, source.info.version, chosen, base_yx, window
    return tiled.read_tiles(*place, numbers, stored.dtype)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize(
    ("compress", "is_predicted"),
    [(None, False), *((c, p) for c in ("deflate", "lzw", "zstd") for p in (False, True))],
)
def test_numbers_are_those_that_gdal_reads(
    compress: str | None,
    is_predicted: bool,
    dtype: str,
    count: int,
    interleave: str,
    tmp_path: Path,
) -> None:
    predictor = {"predictor": 3 if "float" in dtype else 2} if is_predicted else {}
    options = {"compress": compress} if compress else {}
    path = saved(tmp_path, noise(count, dtype), interleave=interleave, **options, **predictor)

    assert_gdal_reads_the_same(path, tuple(reversed(range(count))))


def assert_gdal_reads_the_same(path: Path, bands: tuple[int, ...]) -> None:
    source = open_gdal(path)
    with rasterio.open(path) as dataset:
        expected = dataset.read([band + 1 for band in bands])
    for window in WINDOWS:
        (top, bottom), (left, right) = window.rows, window.columns
        found = own(source, window, bands)
        assert np.array_equal(found, expected[:, top:bottom, left:right])


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(("dtype", "count"), [("uint8", 3), ("int16", 1), ("float64", 2)])
@pytest.mark.parametrize("compress", [None, "deflate", "lzw", "zstd"])
@pytest.mark.parametrize("rows", [1, 16, HEIGHT])
def test_so_they_are_in_strips(
    rows: int, compress: str | None, dtype: str, count: int, interleave: str, tmp_path: Path
) -> None:
    options = {"tiled": False, "blockysize": rows, "interleave": interleave}
    path = saved(tmp_path, noise(count, dtype), **options, compress=compress)

    assert_gdal_reads_the_same(path, tuple(reversed(range(count))))


@pytest.mark.parametrize("step", [2, 4])
@pytest.mark.parametrize(
    "options",
    [
        {"compress": "deflate"},
        {"compress": "deflate", "tiled": False, "blockysize": 5},
        {"tiled": False},
        {"tiled": False, "interleave": "band"},
    ],
    ids=str,
)
def test_levels_that_no_overview_holds_are_every_second_or_fourth_pixel(
    options: dict[str, Any], step: int, tmp_path: Path
) -> None:
    values = np.tile(noise(3, "uint16"), (1, 9, 5))
    path = saved(tmp_path, values, **options)
    source = open_gdal(path)
    number, level = next((n, x) for n, x in enumerate(source.info.levels) if x.step == step)
    expected = values[:, _middles(values.shape[1], step)][:, :, _middles(values.shape[2], step)]

    assert level.shape_yx == expected.shape[1:]
    for rows, columns in (
        ((0, 1), (0, 1)),
        ((3, 90), (17, 60)),
        ((0, level.shape_yx[0]), (0, level.shape_yx[1])),
    ):
        found = own(source, Window(rows=rows, columns=columns), (2, 0), number)
        assert np.array_equal(found, expected[[2, 0], slice(*rows), slice(*columns)])


def _middles(size: int, step: int) -> NDArray[np.int64]:
    """Of each `step` pixels the one that begins the second half; the last may be cut off."""
    return np.minimum(np.arange(-(-size // step)) * step + step // 2, size - 1)


@pytest.mark.parametrize("options", [{"compress": "deflate"}, {"tiled": False}], ids=str)
def test_levels_too_large_to_keep_are_the_same(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.tile(noise(1, "uint16"), (1, 9, 5))
    source = open_gdal(saved(tmp_path, values, **options))
    number, level = next((n, x) for n, x in enumerate(source.info.levels) if x.step == 2)
    whole = Window(rows=(0, level.shape_yx[0]), columns=(0, level.shape_yx[1]))
    monkeypatch.setattr(tiled, "most_tile_bytes", lambda: 0)

    found = own(source, whole, (0,), number)

    assert np.array_equal(found[0], values[0][_middles(747, 2)][:, _middles(750, 2)])


def test_levels_are_the_overviews_in_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, noise(3, "uint16"), compress="deflate", bigtiff="yes")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    source = open_gdal(path)

    for number, factor in enumerate((2, 4)):
        with rasterio.open(path, overview_level=number) as dataset:
            expected = dataset.read()
        rows, columns = expected.shape[1:]
        found = own(source, Window(rows=(0, rows), columns=(0, columns)), (0, 1, 2), number + 1)
        assert factor > 1 and np.array_equal(found, expected)


@pytest.mark.parametrize(("count", "mode"), [(3, "RGB"), (1, "L")])
def test_jpeg_tiles_are_what_libjpeg_makes_of_them(count: int, mode: str, tmp_path: Path) -> None:
    colours = {"photometric": "ycbcr"} if count == 3 else {}
    tiles = {"blockxsize": 64, "blockysize": 64}
    path = saved(tmp_path, noise(count, "uint8"), compress="jpeg", **colours, **tiles)
    found = own(open_gdal(path), WINDOWS[0], tuple(range(count)))

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage) and page.jpegtables is not None
        for number, (offset, size) in enumerate(
            zip(page.dataoffsets, page.databytecounts, strict=True)
        ):
            packed = page.jpegtables[:-2] + path.read_bytes()[offset + 2 : offset + size]
            with Image.open(io.BytesIO(packed)) as image:
                tile = np.moveaxis(np.asarray(image.convert(mode)).reshape(64, 64, count), -1, 0)
            y, x = number // 3 * 64, number % 3 * 64
            part = found[:, y : y + 64, x : x + 64]
            assert np.array_equal(part, tile[:, : part.shape[1], : part.shape[2]])


def test_an_alpha_band_is_read_beside_the_others(tmp_path: Path) -> None:
    values = noise(4, "uint8")
    values[3, 10:20] = 0
    path = saved(tmp_path, values, photometric="rgb", alpha="yes", compress="deflate")

    pixels = open_gdal(path).read(0, WINDOWS[0], (0, 1, 2))

    assert np.array_equal(pixels.values, values[:3])
    assert np.array_equal(pixels.valid[0] > 0, values[3] > 0)


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("uint8", {"endianness": "big"}),
        ("uint8", {"tiled": False, "endianness": "big"}),
        ("uint8", {"nbits": 4}),
        ("float32", {"nbits": 16}),
        ("float32", {"compress": "deflate", "predictor": 2}),
        ("float32", {"compress": "lerc"}),
        ("complex64", {}),
        ("uint8", {"compress": "jpeg", "photometric": "rgb"}),
        ("uint8", {"photometric": "miniswhite"}),
    ],
    ids=str,
)
def test_what_is_unusual_is_left_to_gdal(
    dtype: str, options: dict[str, Any], tmp_path: Path
) -> None:
    count = 3 if options.get("photometric") == "rgb" else 1
    path = saved(tmp_path, np.clip(noise(count, dtype).real, 0, 15).astype(dtype), **options)
    source = open_gdal(path)

    assert own(source, WINDOWS[0], (0,)) is None
    with rasterio.open(path) as dataset:
        expected = dataset.read(1).real
    assert np.array_equal(source.read(0, WINDOWS[0], (0,)).values[0], expected)


def test_so_are_files_whose_bytes_lie_otherwise_than_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_gdal(saved(tmp_path, noise(1, "int16")))
    monkeypatch.setattr(tiff_tiles.sys, "byteorder", "big")

    assert own(source, WINDOWS[0], (0,)) is None


def test_overviews_beside_the_file_are_left_to_gdal(tmp_path: Path) -> None:
    path = saved(tmp_path, noise(1, "uint8"))
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    source = open_gdal(path)
    window = Window(rows=(0, 42), columns=(0, 75))

    assert os.path.exists(f"{path}.ovr") and own(source, window, (0,), 1) is None
    with rasterio.open(path, overview_level=0) as dataset:
        assert np.array_equal(source.read(1, window, (0,)).values, dataset.read())


def test_tiles_that_the_file_lacks_are_left_to_gdal(tmp_path: Path) -> None:
    values = noise(1, "uint8")
    values[:, :16, :32] = 0
    path = saved(tmp_path, values, sparse_ok="true")
    source = open_gdal(path)

    assert own(source, Window(rows=(0, 16), columns=(0, 32)), (0,)) is None
    assert np.array_equal(source.read(0, WINDOWS[0], (0,)).values, values)


@pytest.mark.parametrize("length", [0, 7, 20, 100, 300])
def test_of_a_file_that_is_cut_off_no_tile_is_read(
    length: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path, noise(1, "uint8"))
    path.write_bytes(path.read_bytes()[:length])

    with path.open("rb") as file:
        assert tiled_file(file.fileno()).levels == {}
    assert not caplog.records


@pytest.mark.parametrize(
    "options",
    [
        {"compress": "deflate"},
        {"compress": "zstd"},
        {"compress": "jpeg"},
        {"compress": "jpeg", "photometric": "ycbcr"},
    ],
    ids=str,
)
def test_damaged_tiles_are_a_fault(options: dict[str, Any], tmp_path: Path) -> None:
    count = 3 if "photometric" in options else 1
    path = saved(tmp_path, noise(count, "uint8"), **options)
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        offset, size = page.dataoffsets[7], page.databytecounts[7]
    with open(path, "r+b") as damaged:
        # Zstandard sums nothing up: only what it begins with shows.
        start = 0 if options["compress"] == "zstd" else size // 2
        damaged.seek(offset + start)
        damaged.write(bytes(size - start))
    source = open_gdal(path)

    assert own(source, WINDOWS[0], (0,)) is None
    with pytest.raises(SourceError):
        source.read(0, WINDOWS[0], (0,))


@pytest.mark.parametrize("compress", [None, "lzw"])
@pytest.mark.parametrize("level", [0, 1], ids=["full", "stepped"])
def test_strips_that_are_cut_off_are_a_fault(
    level: int, compress: str | None, tmp_path: Path
) -> None:
    path = saved(
        tmp_path,
        np.tile(noise(3, "uint8"), (1, 5, 5)),
        tiled=False,
        blockysize=32,
        compress=compress,
    )
    os.truncate(path, path.stat().st_size - 1000)
    source = open_gdal(path)
    rows, columns = source.info.levels[level].shape_yx
    whole = Window(rows=(0, rows), columns=(0, columns))

    assert own(source, whole, (0, 1, 2), level) is None
    with pytest.raises(SourceError):
        source.read(level, whole, (0, 1, 2))


def test_a_file_that_was_replaced_is_a_fault(tmp_path: Path) -> None:
    source = open_gdal(saved(tmp_path, noise(1, "uint8")))
    source.read(0, WINDOWS[0], (0,))
    saved(tmp_path, noise(1, "uint8") + 1)

    with pytest.raises(SourceError, match="replaced"):
        source.read(0, WINDOWS[0], (0,))


def test_a_file_that_took_the_place_of_another_for_a_moment_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant, other = noise(1, "uint8"), 255 - noise(1, "uint8")
    rival, away = saved(tmp_path, other).rename(tmp_path / "rival.tif"), tmp_path / "away.tif"
    path = saved(tmp_path, meant)
    source, opening = open_gdal(path), os.open

    def swapped(*args: Any) -> int:
        path.rename(away)
        rival.rename(path)
        try:
            return opening(*args)
        finally:
            path.rename(rival)
            away.rename(path)

    with monkeypatch.context() as patch:
        patch.setattr(tiled.os, "open", swapped)
        with pytest.raises(SourceError, match="was replaced"):
            source.read(0, WINDOWS[0], (0,))

    assert np.array_equal(source.read(0, WINDOWS[0], (0,)).values, meant)


@pytest.mark.parametrize("count", [1, 2**31, 2**62])
def test_tiles_of_impossible_lengths_are_a_fault(count: int, tmp_path: Path) -> None:
    path = saved(tmp_path, noise(1, "uint8"), bigtiff="yes")
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        tag = page.tags["TileByteCounts"]
        tag.overwrite([count] * tag.count, dtype="Q")
    source = open_gdal(path)

    with pytest.raises(SourceError, match="damaged"):
        source.read(0, WINDOWS[0], (0,))
