"""TIFF: what GDAL and Pillow read of it."""

from __future__ import annotations

import io
import math
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from rasterio.crs import CRS

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Compression, Options
from exportimage_wsgi.encode.geotiff import reference_tags
from exportimage_wsgi.encode.tiff_tags import Image as TiffImage
from exportimage_wsgi.encode.tiff_tags import Tag, head
from exportimage_wsgi.errors import UnknownCRSError
from exportimage_wsgi.geo.crs import crs_from_wkid, crs_from_wkt
from exportimage_wsgi.pixels import Pixels, PixelType
from tests.encode.drawing import (
    SIZES,
    canvas,
    cut_small,
    encoded,
    holes,
    made,
    no_holes,
    scene,
)
from tests.rasters import grid, waves

LOSSLESS = [c for c in Compression if c is not Compression.JPEG]
CARRIED = [
    (pixel_type, compression)
    for pixel_type in PixelType
    for compression in LOSSLESS
    if compression is not Compression.LERC or (pixel_type.bits >= 8 and not pixel_type.is_complex)
]


def read(data: bytes) -> Any:
    """`(band, y, x)` as GDAL reads it."""
    with rasterio.open(io.BytesIO(data)) as dataset:
        return dataset.read()


def tags(data: bytes) -> Any:
    """The tags as Pillow reads them, by number."""
    file = io.BytesIO(data)
    directory = ImageFileDirectory_v2(file.read(8))
    file.seek(directory.next)
    directory.load(file)
    return directory


@pytest.fixture
def many_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of one row, in the file and in the work."""
    cut_small(monkeypatch)
    monkeypatch.setattr("exportimage_wsgi.encode.tiff._STRIP_BYTES", 1)


@pytest.mark.parametrize(("pixel_type", "compression"), CARRIED)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_gdal_reads_every_pixel_type_with_its_fill(
    pixel_type: PixelType, compression: Compression, bands: int
) -> None:
    values, valid = scene((33, 7), bands, pixel_type), holes((33, 7))
    place = canvas((33, 7), bands, pixel_type=pixel_type, fill=(1,) * bands)

    found = read(encoded("tiff", place, Pixels(values, valid), compression=compression))

    assert found.dtype == pixel_type.dtype
    assert np.array_equal(found[:, valid[0] == 0].real, np.ones((bands, (valid == 0).sum())))
    assert np.array_equal(*(np.where((valid > 0) & (values != 1), v, 0) for v in (found, values)))


@pytest.mark.usefixtures("many_strips")
@pytest.mark.parametrize(("pixel_type", "compression"), CARRIED)
@pytest.mark.parametrize("size_wh", SIZES)
def test_gdal_reads_many_strips(
    pixel_type: PixelType, compression: Compression, size_wh: tuple[int, int]
) -> None:
    values = scene(size_wh, 3, pixel_type)
    place = canvas(size_wh, 3, pixel_type=pixel_type)

    data = encoded("tiff", place, Pixels(values, no_holes(size_wh)), compression=compression)

    assert np.array_equal(read(data), values)
    assert len(tags(data)[273]) == size_wh[1]


@pytest.mark.parametrize("size_wh", [(1, 1), (33, 7), (90, 120)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pillow_reads_pictures(size_wh: tuple[int, int], mode: str) -> None:
    values = scene(size_wh, len(mode) if mode == "RGB" else 1)

    data = encoded("tiff", canvas(size_wh, len(values)), Pixels(values, no_holes(size_wh)))

    image = Image.open(io.BytesIO(data))
    assert image.mode == mode and data.startswith(b"II*\0")
    assert np.array_equal(np.asarray(image).reshape(*size_wh[::-1], -1), values.transpose(1, 2, 0))


@pytest.mark.parametrize(
    "name",
    ["EPSG:4326", "EPSG:3857", "EPSG:32633", "EPSG:3031", "EPSG:3139", "ESRI:54009", "ESRI:102003"],
)
def test_gdal_finds_the_place(name: str) -> None:
    place = canvas((8, 4), 1, grid=grid((1000.5, 2000, 1002.5, 2003), int(name[5:]), (8, 4)))

    data = encoded("tiff", place, Pixels(scene((8, 4), 1), no_holes((8, 4))))

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.crs == CRS.from_string(name)
        assert tuple(dataset.bounds) == (1000.5, 2000, 1002.5, 2003)
        assert dataset.tags()["AREA_OR_POINT"] == "Area"


def test_a_number_out_of_use_is_not_replaced_by_another() -> None:
    place = canvas((8, 4), 1, grid=grid((1000, 2000, 1002, 2003), 2063, (8, 4)))
    data = encoded("tiff", place, Pixels(scene((8, 4), 1), no_holes((8, 4))))

    with rasterio.Env(OSR_USE_NON_DEPRECATED="NO"), rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.crs.to_epsg() == 2063


@pytest.mark.parametrize(("esri", "epsg"), [(54035, 8857), (102785, 6270)])
def test_keys_are_those_of_epsg_where_esris_number_has_none(esri: int, epsg: int) -> None:
    assert reference_tags(crs_from_wkid(esri)) == reference_tags(crs_from_wkid(epsg))


def test_a_reference_that_geotiff_cannot_tell_is_refused() -> None:
    vertical_perspective = grid((1000, 2000, 1002, 2003), 54049, (8, 4))

    with pytest.raises(UnknownCRSError, match="no keys"):
        FORMATS["tiff"].fit(canvas((8, 4), 1, grid=vertical_perspective), Options())


def test_keys_that_would_name_another_meridian_are_not_written() -> None:
    wkt = CRS.from_epsg(4326).to_wkt().replace('"Greenwich",0', '"Pacific",180')
    crs = crs_from_wkt(wkt.replace(',AUTHORITY["EPSG","8901"]', ""))

    with pytest.raises(UnknownCRSError, match="no keys"):
        reference_tags(crs)


def test_gdal_finds_a_reference_without_a_number() -> None:
    wkt = CRS.from_string("+proj=laea +lat_0=12 +lon_0=34 +x_0=5 +ellps=bessel").to_wkt()
    place = grid((0, 0, 8, 4), 3857, (8, 4))
    place = type(place)(crs=crs_from_wkt(wkt), affine=place.affine, shape_yx=place.shape_yx)

    data = encoded("tiff", canvas((8, 4), grid=place), Pixels(scene((8, 4)), no_holes((8, 4))))

    with rasterio.open(io.BytesIO(data)) as dataset:
        found = dataset.crs.to_dict()
    assert {k: found[k] for k in ("proj", "lat_0", "lon_0", "x_0", "ellps")} == {
        "proj": "laea",
        "lat_0": 12,
        "lon_0": 34,
        "x_0": 5,
        "ellps": "bessel",
    }


@pytest.mark.parametrize(
    ("pixel_type", "fill", "text"),
    [
        (PixelType.U8, 0.0, "0"),
        (PixelType.S16, -9999.0, "-9999"),
        (PixelType.F32, float("nan"), "nan"),
        (PixelType.F32, -3.4028234663852886e38, "-3.4028234663852886e+38"),
        (PixelType.F64, 0.1, "0.1"),
        (PixelType.U32, 4294967295.0, "4294967295"),
    ],
)
def test_the_no_data_value_is_told_and_written(
    pixel_type: PixelType, fill: float, text: str
) -> None:
    values, valid = scene((33, 7), 1, pixel_type), holes((33, 7))
    place = canvas((33, 7), 1, pixel_type=pixel_type, fill=(fill,))

    data = encoded("tiff", place, Pixels(values + values.dtype.type(1), valid))

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert np.array_equal(dataset.nodata, fill, equal_nan=True)
        assert np.array_equal(dataset.read_masks(), valid)
    assert tags(data)[42113] == text


def test_without_a_no_data_value_there_is_no_tag_and_zeros() -> None:
    values, valid = scene((33, 7), 1) + np.uint8(1), holes((33, 7))

    data = encoded("tiff", canvas((33, 7), 1), Pixels(values, valid))

    assert 42113 not in tags(data)
    assert np.array_equal(read(data), np.where(valid > 0, values, 0))


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.LERC])
@pytest.mark.parametrize(
    ("pixel_type", "fill", "left"),
    [
        (PixelType.U8, 0, 1),
        (PixelType.U8, 255, 254),
        (PixelType.S16, -20, -21),
        (PixelType.S16, -32768, -32767),
        (PixelType.F32, -9999, -9999),
        (PixelType.F32, 0, 0),
        (PixelType.F64, 7, 7),
        (PixelType.F64, 0, 0),
        (PixelType.F32, -math.inf, -3.402823e38),
    ],
)
def test_data_are_never_read_as_no_data(
    pixel_type: PixelType, fill: float, left: float, compression: Compression
) -> None:
    valid = holes((33, 7))
    values = np.full((2, 7, 33), fill, pixel_type.dtype)
    place = canvas((33, 7), 2, pixel_type=pixel_type, fill=(fill, fill))
    data = encoded("tiff", place, Pixels(values, valid), compression=compression)

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.nodata == fill
        assert np.array_equal(dataset.read_masks(), np.repeat(valid, 2, axis=0))
        assert dataset.read(2)[valid[0] > 0] == pytest.approx(left, rel=1e-5)


def test_what_only_all_bands_say_together_leaves_data_as_they_are() -> None:
    values = np.zeros((2, 1, 3), np.uint8)
    values[0, 0, 1] = 9
    valid = np.array([[[0, 255, 255]]], np.uint8)
    place = canvas((3, 1), 2, fill=(0, 0), fills_jointly=True)

    assert read(encoded("tiff", place, Pixels(values, valid))).tolist() == [
        [[0, 9, 1]],
        [[0, 0, 1]],
    ]


def test_all_bands_share_the_first_no_data_value() -> None:
    values = scene((33, 7), 2, PixelType.S16)
    place = canvas((33, 7), 2, pixel_type=PixelType.S16, fill=(-1, -2))

    data = encoded("tiff", place, Pixels(values, holes((33, 7))))

    assert np.array_equal(read(data), np.where(holes((33, 7)) > 0, values, -1))


def test_a_band_has_holes_of_its_own() -> None:
    values = scene((33, 7), 2, PixelType.S16)
    valid = np.concatenate([holes((33, 7)), no_holes((33, 7))])
    place = canvas((33, 7), 2, pixel_type=PixelType.S16, fill=(-1, -1))

    data = encoded("tiff", place, Pixels(values, valid))

    assert np.array_equal(read(data), np.where(valid > 0, values, -1))


@pytest.mark.parametrize(
    ("bands", "pixel_type", "photometric", "extra"),
    [
        (1, PixelType.U8, 1, ()),
        (2, PixelType.U8, 1, (0,)),
        (3, PixelType.U8, 2, ()),
        (4, PixelType.U8, 1, (0, 0, 0)),
        (3, PixelType.U16, 1, (0, 0)),
    ],
)
def test_only_three_bytes_are_colours_and_a_fourth_band_is_no_alpha(
    bands: int, pixel_type: PixelType, photometric: int, extra: tuple[int, ...]
) -> None:
    place = canvas((33, 7), bands, pixel_type=pixel_type)

    data = encoded("tiff", place, Pixels(scene((33, 7), bands, pixel_type), no_holes((33, 7))))

    assert tags(data)[262] == photometric
    assert tags(data).get(338, ()) == extra
    with rasterio.open(io.BytesIO(data)) as dataset:
        assert rasterio.enums.ColorInterp.alpha not in dataset.colorinterp


def test_gdal_finds_the_names_of_bands() -> None:
    names = ("near infrared", "<&> \"'é", "")
    place = canvas((33, 7), band_names=names)

    data = encoded("tiff", place, Pixels(scene((33, 7)), no_holes((33, 7))))

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert tuple(name or "" for name in dataset.descriptions) == names


@pytest.mark.parametrize("pixel_type", [PixelType.U8, PixelType.U4])
def test_gdal_finds_the_palette(pixel_type: PixelType) -> None:
    palette = ((0, 0, 0, 255), (10, 200, 30, 255), (20, 60, 220, 255))
    place = canvas((33, 7), 1, palette=palette, pixel_type=pixel_type)

    data = encoded("tiff", place, Pixels(scene((33, 7), 1) % 3, no_holes((33, 7))))

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert [dataset.colormap(1)[index] for index in range(3)] == list(palette)
        assert np.array_equal(dataset.read(), scene((33, 7), 1) % 3)


def test_white_is_the_largest_number_of_a_palette() -> None:
    place = canvas((33, 7), 1, palette=((0, 0, 0, 255), (255, 255, 255, 255)))

    data = encoded("tiff", place, Pixels(scene((33, 7), 1) % 2, no_holes((33, 7))))

    with Image.open(io.BytesIO(data)) as image:
        assert image.tag_v2[320][:3] == (0, 65535, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("size_wh", [*SIZES, (333, 1000)])
def test_gdal_reads_jpeg_close_to_the_values(bands: int, size_wh: tuple[int, int]) -> None:
    values = waves(size_wh[::-1], bands).astype(np.uint8)
    pixels = Pixels(values, no_holes(size_wh))

    data = encoded("tiff", canvas(size_wh, bands), pixels, compression=Compression.JPEG, quality=95)

    off = np.abs(read(data).astype(int) - values)
    assert off.mean() < 4
    assert tags(data)[262] == (6 if bands == 3 else 1)


def test_jpeg_in_many_strips_leaves_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = Pixels(waves((100, 61), 3).astype(np.uint8), no_holes((61, 100)))
    whole = encoded("tiff", canvas((61, 100)), pixels, compression=Compression.JPEG)
    cut_small(monkeypatch)
    monkeypatch.setattr("exportimage_wsgi.encode.tiff._STRIP_BYTES", 1)

    parts = encoded("tiff", canvas((61, 100)), pixels, compression=Compression.JPEG)

    # Colour is halved both ways, and a strip ends the decoder's smoothing between its rows.
    assert len(tags(parts)[273]) == 7
    assert np.abs(read(parts).astype(int) - read(whole)).mean() < 1


def test_lerc_stays_within_its_tolerance() -> None:
    values = waves((120, 90), 2)
    place = canvas((90, 120), 2, pixel_type=PixelType.F32)

    data = encoded(
        "tiff",
        place,
        Pixels(values, no_holes((90, 120))),
        compression=Compression.LERC,
        tolerance=0.25,
    )

    assert 0 < np.abs(read(data) - values).max() <= 0.25 * (1 + 1e-5)


@pytest.mark.parametrize("tolerance", [0.0, 0.25])
@pytest.mark.parametrize("fill", [0.0, -9999.0, 1e20, math.nan])
@pytest.mark.parametrize("bands", [1, 2])
def test_lerc_keeps_apart_what_is_data(bands: int, fill: float, tolerance: float) -> None:
    values = waves((120, 90), bands) - 100
    valid = np.stack([holes((90, 120))[0], no_holes((90, 120))[0]])[:bands]
    pixels = Pixels(values, valid)
    place = canvas((90, 120), bands, pixel_type=PixelType.F32, fill=(fill,) * bands)
    data = encoded("tiff", place, pixels, compression=Compression.LERC, tolerance=tolerance)

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert np.array_equal(dataset.read_masks(), valid)
        assert np.abs(dataset.read() - values)[valid > 0].max() <= tolerance * (1 + 1e-5)


@pytest.mark.parametrize("compression", [c for c in LOSSLESS if c is not Compression.NONE])
def test_packing_makes_smooth_values_smaller(compression: Compression) -> None:
    values = scene((90, 120), 1, PixelType.S32)
    place = canvas((90, 120), 1, pixel_type=PixelType.S32)

    data = encoded("tiff", place, Pixels(values, no_holes((90, 120))), compression=compression)

    assert len(data) < values.nbytes / 2


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("bands", [1, 3])
def test_gdalinfo_has_nothing_to_complain_of(
    compression: Compression, bands: int, tmp_path: Path
) -> None:
    path = tmp_path / "values.tif"
    place = canvas((90, 120), bands, fill=(0,) * bands, band_names=("a", "b", "c")[:bands])
    pixels = Pixels(scene((90, 120), bands), holes((90, 120)))
    path.write_bytes(encoded("tiff", place, pixels, compression=compression))

    done = subprocess.run(["gdalinfo", "-stats", path], capture_output=True, text=True, check=True)

    told = "Mask Flags: PER_DATASET" if compression is Compression.JPEG else "NoData Value=0"
    assert done.stderr == "" and told in done.stdout


@pytest.mark.parametrize(
    ("facts", "compression", "rule"),
    [
        ({"pixel_type": PixelType.U16}, Compression.JPEG, "U8"),
        ({"bands": 2}, Compression.JPEG, "one or three bands"),
        ({"bands": 1, "palette": ((0, 0, 0, 255),)}, Compression.JPEG, "palette"),
        ({"pixel_type": PixelType.C64}, Compression.LERC, "real numbers"),
        ({"pixel_type": PixelType.U1}, Compression.LERC, "at least eight bits"),
    ],
)
def test_a_packing_that_cannot_carry_the_values_is_refused(
    facts: dict[str, Any], compression: Compression, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        FORMATS["tiff"].fit(canvas((4, 4), **facts), Options(compression=compression))


def test_beyond_4_gb_it_is_a_bigtiff_that_gdal_reads(tmp_path: Path) -> None:
    columns, rows, count = 50000, 30000, 3000
    about = [
        Tag(256, "I", (columns,)),
        Tag(257, "I", (rows,)),
        Tag(258, "H", (32,)),
        Tag(259, "H", (1,)),
        Tag(262, "H", (1,)),
        Tag(277, "H", (1,)),
        Tag(278, "I", (rows // count,)),
        Tag(339, "H", (1,)),
    ]
    start = head([TiffImage(tags=about, counts=[4 * columns * rows // count] * count)])
    path = tmp_path / "big.tif"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + 4 * columns * rows)
        file.seek(-4, io.SEEK_END)
        file.write(b"\x01\x02\x03\x04")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            corner = dataset.read(window=((rows - 1, rows), (columns - 2, columns)))

    assert start.startswith(b"II+\0")
    assert corner.tolist() == [[[0, 0x04030201]]]


@pytest.mark.parametrize(("size", "magic"), [(2**32 - 200, b"II*\0"), (2**32 - 40, b"II+\0")])
def test_it_is_classic_as_long_as_offsets_reach(size: int, magic: bytes) -> None:
    image = TiffImage(tags=[Tag(256, "I", (1,))], counts=[size])

    assert head([image]).startswith(magic)


@pytest.mark.parametrize(("most", "magic"), [(2**32 - 200, b"II*\0"), (2**32 - 40, b"II+\0")])
def test_a_head_is_as_long_whatever_the_sizes_of_strips(most: int, magic: bytes) -> None:
    tags = [Tag(256, "I", (1,))]
    heads = [head([TiffImage(tags=tags, counts=counts)], most) for counts in ([0, 0], [9, 70000])]

    assert all(each.startswith(magic) for each in heads)
    assert len(heads[0]) == len(heads[1])


def test_the_uncompressed_file_leaves_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    monkeypatch.setattr("exportimage_wsgi.encode.tiff._STRIP_BYTES", 1)
    encoder = FORMATS["tiff"].fit(canvas((33, 7)), Options())

    def pieces() -> Any:
        yield encoder.piece(0, Pixels(scene((33, 1)), holes((33, 1))))
        raise AssertionError("asked for too much")

    chunks = encoder.assemble(pieces())

    assert next(chunks).startswith(b"II*\0") and len(next(chunks)) == 99


def test_packed_strips_wait_on_disk_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.encode.spool.SPOOL_BYTES", 10)
    monkeypatch.setattr("exportimage_wsgi.encode.tiff._STRIP_BYTES", 1000)
    values = np.random.default_rng(4).integers(0, 256, (3, 120, 90), np.uint8)
    encoder = FORMATS["tiff"].fit(canvas((90, 120)), Options(compression=Compression.ZSTD))

    data = made(encoder, Pixels(values, no_holes((90, 120))))

    assert np.array_equal(read(data), values)


@pytest.mark.usefixtures("many_strips")
@pytest.mark.parametrize("compression", [Compression.NONE, Compression.DEFLATE])
@pytest.mark.parametrize("size", SIZES)
def test_where_no_value_says_it_a_mask_tells_what_is_no_data(
    size: tuple[int, int], compression: Compression
) -> None:
    values, valid = scene(size), holes(size)
    data = encoded("tiff", canvas(size), Pixels(values, valid), compression=compression)

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.nodata is None
        assert np.array_equal(dataset.dataset_mask(), valid[0])
        assert np.array_equal(dataset.read(), np.where(valid > 0, values, 0))


def test_what_jpeg_blurs_does_not_say_no_data() -> None:
    """A value would come back as its neighbours, or its neighbours as it."""
    values, valid = scene((90, 120)), holes((90, 120))
    place = canvas((90, 120), fill=(0, 0, 0))
    data = encoded("tiff", place, Pixels(values, valid), compression=Compression.JPEG)

    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.nodata is None
        assert np.array_equal(dataset.dataset_mask(), valid[0])


def test_a_value_or_certainty_makes_a_mask_needless() -> None:
    certain, told = canvas((33, 7), opaque=True), canvas((33, 7), fill=(0, 0, 0))
    pixels = Pixels(scene((33, 7)), no_holes((33, 7)))

    for place in (certain, told):
        assert tags(encoded("tiff", place, pixels)).next == 0
