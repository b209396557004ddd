"""Rasters of every kind, read as rasterio reads them."""

from __future__ import annotations

import pickle
import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.pixels import PixelType, Statistics
from tests.imagery.sources.reading import ramp, whole

RGBA = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)


@pytest.mark.parametrize("layout", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
@pytest.mark.parametrize("compress", ["none", "deflate", "lzw"])
def test_a_window_has_the_stored_pixels(write, layout, compress):
    values = ramp(3, 70, 90)
    source = open_gdal(write(values, compress=compress, **layout))

    pixels = source.read(0, Window(rows=(5, 60), columns=(7, 81)), (2, 0, 2))

    assert np.array_equal(pixels.values, values[[2, 0, 2], 5:60, 7:81])
    assert pixels.valid.shape == (1, 55, 74) and pixels.valid.min() == 255
    assert not source.info.masked


@pytest.mark.parametrize(
    ("dtype", "pixel_type"),
    [
        ("uint8", "U8"),
        ("int8", "S8"),
        ("uint16", "U16"),
        ("int16", "S16"),
        ("uint32", "U32"),
        ("int32", "S32"),
        ("float32", "F32"),
        ("float64", "F64"),
        ("int64", "F64"),
        ("uint64", "F64"),
        ("complex64", "C64"),
        ("complex128", "C128"),
    ],
)
def test_every_type_is_read(write, dtype, pixel_type):
    values = ramp(1, 4, 5, dtype)
    source = open_gdal(write(values))

    pixels = whole(source)

    assert source.info.pixel_type == PixelType[pixel_type]
    assert pixels.values.dtype == source.info.pixel_type.dtype
    assert np.array_equal(pixels.values, values.astype(pixels.values.dtype))


def test_complex_integers_are_read_as_floats(write):
    values = ramp(1, 4, 5, "complex64") * (1 + 2j)
    source = open_gdal(write(values, dtype="complex_int16"))

    assert source.info.pixel_type == PixelType.C64
    assert np.array_equal(whole(source).values, values)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_marked_bits_give_the_small_types(write, bits):
    values = ramp(1, 9, 9) % 2**bits
    source = open_gdal(write(values, nbits=bits))

    assert source.info.pixel_type == PixelType[f"U{bits}"]
    assert np.array_equal(whole(source).values, values)


def test_half_floats_are_read_as_f32(write):
    values = ramp(1, 9, 9, "float32") / 2
    source = open_gdal(write(values, nbits=16))

    assert source.info.pixel_type == PixelType.F32
    assert np.array_equal(whole(source).values, values)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32", "float64"])
def test_no_data_values_are_invalid_as_rasterio_masks_them(write, dtype):
    path = write(ramp(2, 30, 30, dtype), nodata=7)
    source = open_gdal(path)

    pixels = whole(source)

    with rasterio.open(path) as witness:
        expected = ~witness.read(masked=True).mask
    assert np.array_equal(pixels.valid == 255, expected)
    assert source.info.nodata == (7.0, 7.0) and source.info.masked


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("int64", 2**62 + 1), ("int64", 2**63 - 1), ("uint64", 2**64 - 1)]
)
def test_a_64_bit_no_data_value_is_found_though_no_float_can_say_it(write, dtype, nodata):
    path = write(np.array([[[nodata, nodata // 2, 5]]], dtype))
    marked = path.with_name("marked.tif")
    subprocess.run(["gdal_translate", "-q", "-a_nodata", str(nodata), path, marked], check=True)

    source = open_gdal(marked)

    assert whole(source).valid.tolist() == [[[0, 255, 255]]]
    assert source.info.nodata == (float(nodata),) == (whole(source).values[0, 0, 0],)


def test_nan_is_invalid_with_or_without_a_no_data_value(write):
    values = np.array([[[1, np.nan, -9999]], [[np.nan, 2, 3]]], "float32")
    plain = open_gdal(write(values, "plain.tif"))
    declared = open_gdal(write(values, "declared.tif", nodata=-9999))
    by_nan = open_gdal(write(values, "nan.tif", nodata=float("nan")))

    assert whole(plain).valid.tolist() == [[[255, 0, 255]], [[0, 255, 255]]]
    assert whole(declared).valid.tolist() == [[[255, 0, 0]], [[0, 255, 255]]]
    assert whole(by_nan).valid.tolist() == [[[255, 0, 255]], [[0, 255, 255]]]
    assert plain.info.masked and plain.info.nodata == (None, None)


def test_the_lowest_float_as_no_data_survives_its_rounded_text(write):
    lowest = np.finfo("float32").min
    path = write(np.array([[[lowest, 1]]], "float32"), nodata=-3.40282346639e38)

    assert whole(open_gdal(path)).valid.tolist() == [[[0, 255]]]


def test_a_no_data_value_that_the_type_cannot_hold_is_none(write):
    source = open_gdal(write(ramp(1, 5, 5)), nodata=-9999)

    assert source.info.nodata == (None,) and not source.info.masked


def test_a_no_data_value_given_replaces_the_declared_one(write):
    path = write(np.array([[[1, 2, 3]]], "uint8"), nodata=1)

    assert whole(open_gdal(path, nodata=3)).valid.tolist() == [[[255, 255, 0]]]


def test_marked_alpha_is_validity_and_no_band(write):
    values = ramp(4, 20, 20)
    source = open_gdal(write(values, colours=RGBA))

    pixels = source.read(0, Window(rows=(3, 9), columns=(2, 20)), (1, 0))

    assert source.info.band_names == ("Red", "Green", "Blue") and source.info.is_rgb
    assert np.array_equal(pixels.values, values[[1, 0], 3:9, 2:])
    assert np.array_equal(pixels.valid, values[3:, 3:9, 2:])


def test_a_fourth_band_that_is_not_alpha_is_data(write):
    marks = (*RGBA[:3], ColorInterp.undefined)
    source = open_gdal(write(ramp(4, 20, 20), colours=marks, alpha="no"))

    assert source.info.band_count == 4 and not source.info.masked


def test_overviews_are_levels_and_read_exactly(write):
    values = ramp(1, 1000, 1200, "int16")
    path = write(values, overviews=(2, 4), tiled=True, nodata=3)
    source = open_gdal(path)

    window = Window(rows=(33, 200), columns=(10, 250))
    pixels = source.read(2, window, (0,))

    with rasterio.open(path, overview_level=1) as witness:
        expected = witness.read(window=((33, 200), (10, 250)), masked=True)
    assert [level.shape_yx for level in source.info.levels] == [
        (1000, 1200),
        (500, 600),
        (250, 300),
        (125, 150),
    ]
    assert [level.step for level in source.info.levels] == [1, 1, 1, 2]
    assert np.array_equal(pixels.values, expected.data)
    assert np.array_equal(pixels.valid == 0, np.broadcast_to(expected.mask, expected.shape))


def test_scales_of_levels_are_exact_where_sizes_are_odd(write):
    source = open_gdal(write(ramp(1, 1001, 701), overviews=(2,), tiled=True))

    full, half, quarter, *_ = source.info.levels

    assert half.shape_yx == (501, 351) and half.scale_yx == (1001 / 501, 701 / 351)
    assert quarter.shape_yx == (251, 176)
    assert quarter.scale_yx == (1001 / 501 * 2, 701 / 351 * 2)
    assert full.scale_yx == (1.0, 1.0)


@pytest.mark.parametrize("overviews", [(), (2,)])
def test_stepped_levels_take_the_middle_pixel_of_each_step(write, overviews):
    values = ramp(2, 1001, 701, "int32")
    path = write(values, overviews=overviews, tiled=True)
    source = open_gdal(path)
    number = len(source.info.levels) - 1
    level = source.info.levels[number]

    pixels = source.read(number, Window(rows=(20, 100), columns=(0, level.shape_yx[1])), (1, 0))

    with rasterio.open(path, **({"overview_level": 0} if overviews else {})) as witness:
        base = witness.read([2, 1])
    rows = np.minimum(np.arange(20, 100) * level.step + level.step // 2, base.shape[1] - 1)
    columns = np.arange(level.shape_yx[1]) * level.step + level.step // 2
    columns = np.minimum(columns, base.shape[2] - 1)
    assert max(level.shape_yx) <= 256 and level.step > 1
    assert np.array_equal(pixels.values, base[:, rows][:, :, columns])


def test_stepped_levels_are_the_same_however_they_are_cut(write):
    mask = (ramp(1, 777, 600)[0] > 50).astype(np.uint8) * 255
    source = open_gdal(write(ramp(1, 777, 600), mask=mask))
    rows, columns = source.info.levels[-1].shape_yx

    complete = whole(source, len(source.info.levels) - 1)
    corner = source.read(
        len(source.info.levels) - 1,
        Window(rows=(rows - 3, rows), columns=(columns - 2, columns)),
        (0,),
    )

    assert np.array_equal(corner.values, complete.values[:, -3:, -2:])
    assert np.array_equal(corner.valid, complete.valid[:, -3:, -2:])


def test_palettes_are_kept_as_colours_of_indices(write):
    colours = {0: (0, 0, 0, 0), 1: (255, 0, 0, 255), 2: (0, 128, 0, 255)}
    path = write(
        ramp(1, 5, 5) % 3,
        photometric="palette",
        change=lambda dataset: dataset.write_colormap(1, colours),
    )
    source = open_gdal(path)

    assert source.info.palette is not None and len(source.info.palette) <= 256
    with rasterio.open(path) as witness:
        assert dict(enumerate(source.info.palette)) == witness.colormap(1)
    assert source.info.palette[2] == (0, 128, 0, 255)


def test_palettes_of_16_bits_are_ignored(write):
    colours = {0: (0, 0, 0, 255), 300: (255, 0, 0, 255)}
    path = write(
        ramp(1, 5, 5, "uint16"),
        photometric="palette",
        change=lambda dataset: dataset.write_colormap(1, colours),
    )

    assert open_gdal(path).info.palette is None


def _scale(dataset):
    dataset.scales, dataset.offsets = (0.5, 2.0), (10.0, 0.0)


def test_stored_numbers_are_served_unless_unscaled(write):
    values = np.array([[[1, 2, 9]], [[4, 9, 6]]], "int16")
    path = write(values, nodata=9, change=_scale)

    stored, scaled = open_gdal(path), open_gdal(path, unscale=True)

    assert np.array_equal(whole(stored).values, values)
    assert scaled.info.pixel_type == PixelType.F32 and np.isnan(scaled.info.nodata[0])
    assert np.array_equal(
        whole(scaled).values, [[[10.5, 11, np.nan]], [[8, np.nan, 12]]], equal_nan=True
    )
    assert whole(scaled).valid.tolist() == [[[255, 255, 0]], [[255, 0, 255]]]
    assert stored != scaled


def test_unscaled_wide_integers_are_f64(write):
    path = write(np.array([[[1]], [[2]]], "int32"), change=_scale)

    assert open_gdal(path, unscale=True).info.pixel_type == PixelType.F64


def test_statistics_of_the_metadata_are_scaled_with_the_values(write):
    def tag(dataset):
        dataset.scales = (-2.0,)
        names = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")
        tags = dict(zip([f"STATISTICS_{name}" for name in names], (1, 9, 4, 2), strict=True))
        dataset.update_tags(1, **tags)

    path = write(ramp(1, 5, 5, "int16"), change=tag)

    assert open_gdal(path).info.statistics == (
        Statistics(minimum=1, maximum=9, mean=4, deviation=2),
    )
    assert open_gdal(path, unscale=True).info.statistics == (
        Statistics(minimum=-18, maximum=-2, mean=-8, deviation=4),
    )
    assert open_gdal(path, nodata=1).info.statistics is None


def test_one_pixel_is_a_raster(write):
    source = open_gdal(write(np.array([[[42]]], "uint8")))

    assert whole(source).values.tolist() == [[[42]]]
    assert len(source.info.levels) == 1


def test_names_of_bands_are_described_or_counted(write):
    def describe(dataset):
        dataset.set_band_description(2, "near infrared")

    path = write(ramp(3, 5, 5), photometric="minisblack", change=describe)

    assert open_gdal(path).info.band_names == ("Band_1", "near infrared", "Band_3")
    assert open_gdal(path, band_names=("a", "b", "c")).info.band_names == ("a", "b", "c")
    with pytest.raises(ValueError, match="2 band names for 3 bands"):
        open_gdal(path, band_names=("a", "b"))


def test_facts_of_the_file_are_told(write):
    path = write(ramp(2, 64, 32, "int16"), tiled=True, blockxsize=16, blockysize=32, compress="lzw")
    info = open_gdal(path).info

    assert (info.format, info.compression) == ("GTiff", "LZW")
    assert info.block_shape_yx == (32, 16) and info.bytes_uncompressed == 2 * 64 * 32 * 2


def test_sources_are_values(write):
    path = write(ramp(1, 20, 20, "float32"), nodata=float("nan"))
    source = open_gdal(path)
    copy = pickle.loads(pickle.dumps(source))

    assert copy == source == open_gdal(path) and hash(copy) == hash(source)
    assert np.array_equal(whole(copy).values, whole(source).values)


def test_sparse_blocks_are_no_data(write, tmp_path):
    path = tmp_path / "sparse.tif"
    profile = {"driver": "GTiff", "width": 512, "height": 512, "count": 1, "dtype": "uint8"}
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 0, 0, -10, 0)}
    with rasterio.open(path, "w", **profile, **place, tiled=True, sparse_ok=True, nodata=5) as d:
        d.write(np.full((1, 256, 256), 9, np.uint8), window=((0, 256), (0, 256)))

    pixels = whole(open_gdal(path))

    assert (pixels.valid[0, :256, :256] == 255).all() and (pixels.valid[0, 256:] == 0).all()


def test_names_that_look_like_addresses_are_files(write, monkeypatch):
    path = write(ramp(1, 5, 5), "odd?x=1#y/zip!a.tif")
    monkeypatch.chdir(path.parent)

    assert whole(open_gdal("zip!a.tif")).values.shape == (1, 5, 5)


@pytest.mark.parametrize("text", ["NETCDF:x.nc:v", "GTIFF_DIR:1:x.tif", "<VRTDataset/>", "no.tif"])
def test_connection_strings_are_missing_files(text):
    with pytest.raises(SourceError, match="is missing"):
        open_gdal(text)


def test_unknown_schemes_are_refused():
    with pytest.raises(SourceError, match="ftp://"):
        open_gdal("ftp://host/scene.tif")


def test_containers_ask_for_a_variable(tmp_path):
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "cube.nc"
    values = (("y", "x"), np.zeros((4, 5)))
    xarray.Dataset({"heat": values, "rain": values}).to_netcdf(path, engine="netcdf4")

    with pytest.raises(SourceError, match=r"choose one of cube\.nc#heat, cube\.nc#rain"):
        open_gdal(path)
