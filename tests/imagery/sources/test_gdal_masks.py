"""Masks, alpha and no-data values, alone and together, at every level."""

from __future__ import annotations

import os
from contextlib import contextmanager

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, MaskFlags, Resampling

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.imagery.sources.gdal_masks import Mask, as_alpha, mask_of
from exportimage_wsgi.pixels import PixelType
from tests.imagery.sources.reading import ramp, whole, window

RED, GREEN, BLUE, ALPHA = (
    ColorInterp.red,
    ColorInterp.green,
    ColorInterp.blue,
    ColorInterp.alpha,
)


class ManyBands:
    """A dataset that is asked for the flags of all of its bands at once."""

    looks = 0

    @property
    def mask_flag_enums(self):
        self.looks += 1
        return [[MaskFlags.all_valid]] * 500


def test_flags_of_many_bands_are_asked_for_once():
    dataset = ManyBands()

    assert mask_of(dataset, tuple(range(1, 501))) is Mask.NONE
    assert dataset.looks == 1


def half(rows, columns):
    mask = np.full((rows, columns), 255, "uint8")
    mask[: rows // 2] = 0
    return mask


@pytest.mark.parametrize("internal", [True, False])
def test_masks_inside_and_beside_the_file_count(write, internal):
    path, mask = write(ramp(3, 300, 300), tiled=True), half(300, 300)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    source = open_gdal(path)

    assert path.with_name("scene.tif.msk").exists() is not internal
    assert np.array_equal(whole(source).valid, mask[None])
    assert np.array_equal(whole(source, 1).valid, mask[None, 1::2, 1::2])


@pytest.fixture
def masked(write):
    """The path of a raster whose northern half is no data, by a mask that lies beside it."""
    path = write(ramp(1, 30, 30), endianness="big")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(half(30, 30))
    return path


def test_a_damaged_mask_beside_the_file_is_an_error(masked):
    mask = masked.with_name("scene.tif.msk")
    mask.write_bytes(mask.read_bytes()[:100])

    with pytest.raises(SourceError, match=r"its \.msk file cannot be read"):
        open_gdal(masked)


@contextmanager
def one_more_file():
    """Lets the process open one file, as if so many were open already."""
    resource = pytest.importorskip("resource", reason="needs limits")
    next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_raster_is_never_read_without_its_mask(masked):
    source = open_gdal(masked)

    with one_more_file(), pytest.raises(SourceError, match="its mask cannot be read"):
        whole(source)

    assert np.array_equal(whole(source).valid[0], half(30, 30))


def test_a_raster_is_never_opened_without_its_mask(masked):
    with one_more_file(), pytest.raises(SourceError, match=r"its \.msk file cannot be read"):
        open_gdal(masked)


@pytest.mark.parametrize("internal", [True, False])
def test_overviews_of_a_mask_are_read(write, internal):
    path = write(ramp(3, 300, 300), tiled=True)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(half(300, 300))
        dataset.build_overviews((2,))
    source = open_gdal(path)

    with rasterio.open(path, overview_level=0) as witness:
        assert np.array_equal(whole(source, 1).valid[0], witness.read_masks(1))
    assert source.info.levels[1].overview == 0


@pytest.mark.parametrize("internal", [True, False])
def test_overviews_without_the_mask_are_left_out(write, internal):
    path = write(ramp(1, 600, 600), overviews=(2,), tiled=True)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(half(600, 600))
    source = open_gdal(path)

    invalid = [(whole(source, i).valid == 0).mean() for i in range(len(source.info.levels))]

    assert invalid == pytest.approx([0.5] * len(invalid), abs=0.01) and len(invalid) > 1


def test_names_with_the_signs_of_xml_keep_the_overviews_of_their_mask(write):
    path = write(ramp(1, 600, 600), "a&b<'c'>.tif", mask=half(600, 600), overviews=(2,))

    assert open_gdal(path).info.levels[1].overview == 0


def test_a_mask_and_a_no_data_value_both_count(write):
    values = ramp(2, 20, 20)
    source = open_gdal(write(values, mask=half(20, 20), nodata=15))

    expected = (values != 15) & (half(20, 20) > 0)
    assert np.array_equal(whole(source).valid > 0, expected)


def test_alpha_and_a_mask_both_count(write):
    values = ramp(4, 20, 20)
    path = write(values, colours=(RED, GREEN, BLUE, ALPHA), mask=half(20, 20))

    expected = np.minimum(values[3], half(20, 20))
    assert np.array_equal(whole(open_gdal(path)).valid, expected[None])


def test_alpha_and_a_no_data_value_both_count(write):
    values = ramp(4, 20, 20)
    path = write(values, colours=(RED, GREEN, BLUE, ALPHA), nodata=7)

    expected = np.where(values[:3] == 7, 0, values[3])
    assert np.array_equal(whole(open_gdal(path)).valid, expected)


def test_alpha_may_come_first(write):
    values = ramp(4, 20, 20)
    path = write(values, colours=(ALPHA, RED, GREEN, BLUE), photometric="minisblack")
    source = open_gdal(path)

    pixels = source.read(0, window((2, 9), (1, 20)), (2, 0))

    assert source.info.band_names == ("Red", "Green", "Blue") and source.info.is_rgb
    assert np.array_equal(pixels.values, values[[3, 1], 2:9, 1:])
    assert np.array_equal(pixels.valid, values[:1, 2:9, 1:])


def test_overviews_of_alpha_are_read(write):
    values = ramp(4, 600, 600)
    path = write(values, colours=(RED, GREEN, BLUE, ALPHA), tiled=True, overviews=(2,))

    with rasterio.open(path, overview_level=0) as witness:
        pixels = whole(open_gdal(path), 1)
        assert np.array_equal(np.concatenate([pixels.values, pixels.valid]), witness.read())


def test_a_band_that_is_alpha_and_nothing_else_is_data(write):
    values = ramp(1, 20, 20)

    assert np.array_equal(whole(open_gdal(write(values, colours=(ALPHA,)))).values, values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32"])
def test_alpha_never_loses_what_is_faint(dtype):
    most = np.iinfo(dtype).max

    alpha = as_alpha(np.array([[[0, 1, most // 2, most]]], dtype))

    assert alpha[0, 0].tolist() in ([0, 1, 127, 255], [0, 1, 128, 255])


def test_alpha_of_floats_is_all_or_nothing():
    assert as_alpha(np.array([[[0, 0.5, np.nan, 1]]], "float32")).tolist() == [[[0, 255, 0, 255]]]


BAND = """<VRTRasterBand dataType="{kind}" band="{number}">{inside}<SimpleSource>
<SourceFilename relativeToVRT="1">{file}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand>"""


def virtual(folder, *bands):
    """A VRT of 20 by 20 pixels with the bands that are told: number, kind, file, what is inside."""
    path = folder / "scene.vrt"
    inside = "".join(
        BAND.format(number=number, kind=kind, file=file, inside=inside)
        for number, kind, file, inside in bands
    )
    path.write_text(
        '<VRTDataset rasterXSize="20" rasterYSize="20"><SRS>EPSG:32633</SRS>'
        f"<GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>{inside}</VRTDataset>"
    )
    return path


def test_bands_of_several_types_are_read_in_one_that_holds_them(write, tmp_path):
    bytes_, shorts = ramp(1, 20, 20), ramp(1, 20, 20, "int16") - 300
    write(bytes_, "bytes.tif"), write(shorts, "shorts.tif")
    path = virtual(
        tmp_path,
        (1, "Byte", "bytes.tif", "<NoDataValue>-9999</NoDataValue>"),
        (2, "Int16", "shorts.tif", "<NoDataValue>-300</NoDataValue>"),
    )
    source = open_gdal(path)

    assert source.info.pixel_type is PixelType.S16 and source.info.nodata == (None, -300)
    assert np.array_equal(whole(source).values, np.concatenate([bytes_, shorts]))
    assert np.array_equal(whole(source, 0, (1, 1)).values[1], shorts[0])


@pytest.mark.parametrize("kind", ["UInt16", "Float32"])
def test_alpha_of_another_type_than_the_bands_keeps_its_range(write, tmp_path, kind):
    alpha = np.full((1, 20, 20), 128, "uint8")
    alpha[0, :7] = 255
    write(ramp(1, 20, 20, "uint16"), "values.tif"), write(alpha, "alpha.tif")
    path = virtual(
        tmp_path,
        (1, kind, "values.tif", ""),
        (2, "Byte", "alpha.tif", "<ColorInterp>Alpha</ColorInterp>"),
    )

    assert np.array_equal(whole(open_gdal(path)).valid, alpha)


def test_each_band_has_its_own_no_data_value(write, tmp_path):
    write(ramp(1, 20, 20), "values.tif")
    path = virtual(
        tmp_path,
        (1, "Byte", "values.tif", "<NoDataValue>3</NoDataValue>"),
        (2, "Byte", "values.tif", "<NoDataValue>5</NoDataValue>"),
        (3, "Byte", "values.tif", ""),
    )

    pixels = whole(open_gdal(path), 0, (2, 1, 0))

    invalid = [np.unique(v[m == 0]).tolist() for v, m in zip(*pixels, strict=True)]
    assert invalid == [[], [5], [3]]


def test_a_mask_of_one_band_is_of_that_band_alone(write, tmp_path):
    write(ramp(1, 20, 20), "values.tif"), write(half(20, 20)[None], "mask.tif")
    inside = BAND.format(number="1", kind="Byte", file="mask.tif", inside="")
    mask = f"<MaskBand>{inside}</MaskBand>".replace(' band="1"', "")
    path = virtual(tmp_path, (1, "Byte", "values.tif", ""), (2, "Byte", "values.tif", mask))
    source = open_gdal(path)

    assert np.array_equal(whole(source, 0, (1, 0, 1)).valid[:, 0, 0], [0, 255, 0])
    assert np.array_equal(whole(source).valid[1], half(20, 20)) and source.info.masked


def test_no_data_values_of_all_bands_together_make_a_mask(write):
    values = ramp(3, 20, 20)
    tag = " ".join(str(band[4, 5]) for band in values)
    path = write(values, change=lambda dataset: dataset.update_tags(NODATA_VALUES=tag))

    with rasterio.open(path) as witness:
        assert np.array_equal(whole(open_gdal(path)).valid[0], witness.dataset_mask())
        assert (witness.dataset_mask() == 0).any()


@pytest.mark.parametrize("resampling", [Resampling.average, Resampling.nearest, Resampling.cubic])
def test_no_data_is_no_data_in_overviews_too(write, resampling):
    values = np.full((1, 600, 600), 100, "int16")
    values[0, :300] = -1
    path = write(values, nodata=-1, tiled=True)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews((2, 4), resampling)
    source = open_gdal(path)

    for level in range(3):
        pixels = whole(source, level)
        rows = pixels.valid.shape[1] // 2
        assert not pixels.valid[0, :rows].any() and pixels.valid[0, rows:].all()
        assert (pixels.values[0, rows:] == 100).all()


def test_infinity_can_be_the_no_data_value(write):
    path = write(np.array([[[np.inf, -np.inf, 1]]], "float32"), nodata=float("inf"))

    assert whole(open_gdal(path)).valid.tolist() == [[[0, 255, 255]]]


def test_palettes_keep_the_alpha_and_the_no_data_value_apart(write):
    colours = {0: (0, 0, 0, 255), 1: (255, 0, 0, 255), 2: (0, 0, 255, 255)}
    path = write(
        ramp(1, 20, 20) % 3,
        nodata=0,
        photometric="palette",
        change=lambda dataset: dataset.write_colormap(1, colours),
    )
    source = open_gdal(path)

    with rasterio.open(path) as witness:
        assert dict(enumerate(source.info.palette or ())) == witness.colormap(1)
        assert np.array_equal(whole(source).valid, witness.read_masks())
