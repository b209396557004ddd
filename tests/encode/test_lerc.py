"""LERC: what Esri's own decoder and GDAL read of it."""

from __future__ import annotations

import io
import struct
from typing import Any

import lerc
import numpy as np
import pytest
import rasterio

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.pixels import Pixels, PixelType
from tests.encode.drawing import SIZES, canvas, cut_small, encoded, holes, no_holes, scene

REAL = [t for t in PixelType if not t.is_complex]


def decoded(data: bytes, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Values and mask `(band, y, x)` as Esri's decoder reads them; the mask may be missing."""
    status, values, mask = lerc.decode(data)
    assert status == 0
    if mask is not None:
        mask = np.broadcast_to(mask, values.shape).reshape(shape)
    return values.reshape(shape), mask


def blobs(data: bytes) -> list[bytes]:
    """The blobs of a file, by the sizes that they tell themselves."""
    found = []
    while data:
        assert data.startswith(b"Lerc2 ")
        # Name, version, checksum, then rows, columns, depth, valid pixels, block size, size.
        size = struct.unpack_from("<i", data, 6 + 4 + 4 + 5 * 4)[0]
        found.append(data[:size])
        data = data[size:]
    return found


@pytest.mark.parametrize("pixel_type", REAL)
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("size_wh", SIZES)
def test_esris_decoder_reads_values_and_mask(
    pixel_type: PixelType, bands: int, size_wh: tuple[int, int]
) -> None:
    values, valid = scene(size_wh, bands, pixel_type), holes(size_wh)

    data = encoded("lerc", canvas(size_wh, bands, pixel_type=pixel_type), Pixels(values, valid))

    found, mask = decoded(data, values.shape)
    seen = np.broadcast_to(valid > 0, values.shape)
    assert found.dtype == pixel_type.dtype
    assert np.array_equal(found[seen], values[seen])
    assert seen.all() if mask is None else np.array_equal(mask, seen)


@pytest.mark.parametrize("bands", [1, 4])
def test_there_is_one_blob_a_band_of_version_2_to_4(bands: int) -> None:
    pixels = Pixels(scene((33, 7), bands), holes((33, 7)))

    found = blobs(encoded("lerc", canvas((33, 7), bands), pixels))

    assert len(found) == bands
    assert all(2 <= struct.unpack_from("<i", blob, 6)[0] <= 4 for blob in found)
    assert all(lerc.decode(blob)[0] == 0 for blob in found)


def test_there_is_no_mask_where_all_is_valid() -> None:
    values = scene((33, 7), 2, PixelType.F32)
    place = canvas((33, 7), 2, pixel_type=PixelType.F32)

    found, mask = decoded(encoded("lerc", place, Pixels(values, no_holes((33, 7)))), values.shape)

    assert mask is None and np.array_equal(found, values)


def test_a_band_has_a_mask_of_its_own() -> None:
    values = scene((33, 7), 2)
    valid = np.concatenate([holes((33, 7)), no_holes((33, 7))])

    _, mask = decoded(encoded("lerc", canvas((33, 7), 2), Pixels(values, valid)), values.shape)

    assert np.array_equal(mask, valid > 0)


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.5, 4.0])
def test_errors_stay_within_the_tolerance(tolerance: float) -> None:
    y, x = np.mgrid[:120, :90]
    values = (300 * np.sin(x / 9) + y * 1.7)[None].astype(np.float32)
    place = canvas((90, 120), 1, pixel_type=PixelType.F32)
    pixels = Pixels(values, no_holes((90, 120)))

    data = encoded("lerc", place, pixels, tolerance=tolerance)

    found, _ = decoded(data, values.shape)
    assert np.abs(found - values).max() <= tolerance * (1 + 1e-5)
    assert tolerance < 0.5 or len(data) < len(encoded("lerc", place, pixels)) / 2


@pytest.mark.parametrize("tolerance", [0.0, 0.5, 0.99])
def test_integers_are_exact_below_a_tolerance_of_1(tolerance: float) -> None:
    values = np.random.default_rng(2).integers(-3000, 3000, (1, 40, 50)).astype(np.int16)
    place = canvas((50, 40), 1, pixel_type=PixelType.S16)

    data = encoded("lerc", place, Pixels(values, no_holes((50, 40))), tolerance=tolerance)

    assert np.array_equal(decoded(data, values.shape)[0], values)


def test_the_fill_value_stands_in_place_of_the_mask() -> None:
    values, valid = scene((33, 7), 2, PixelType.S16), holes((33, 7))
    place = canvas((33, 7), 2, pixel_type=PixelType.S16, fill=(-5, -6))

    found, mask = decoded(
        encoded("lerc", place, Pixels(values, valid), lerc_fill=True), values.shape
    )

    assert mask is None
    assert np.array_equal(found, np.where(valid > 0, values, [[[-5]], [[-6]]]))


def test_a_tolerance_leaves_the_fill_value_alone() -> None:
    values, valid = scene((33, 7), 1, PixelType.F32) - 50, holes((33, 7))
    place = canvas((33, 7), 1, pixel_type=PixelType.F32, fill=(0.0,))

    data = encoded("lerc", place, Pixels(values, valid), lerc_fill=True, tolerance=3.0)

    assert np.array_equal(decoded(data, values.shape)[0] == 0, valid == 0)


@pytest.mark.parametrize("fill", [None, (float("nan"),)])
def test_the_mask_stays_where_no_number_can_stand_for_it(fill: Any) -> None:
    values, valid = scene((33, 7), 1, PixelType.F32), holes((33, 7))
    place = canvas((33, 7), 1, pixel_type=PixelType.F32, fill=fill)

    _, mask = decoded(encoded("lerc", place, Pixels(values, valid), lerc_fill=True), values.shape)

    assert np.array_equal(mask, valid > 0)


def test_nothing_valid_is_a_blob_too() -> None:
    values = scene((33, 7), 1, PixelType.F32)
    place = canvas((33, 7), 1, pixel_type=PixelType.F32)

    data = encoded("lerc", place, Pixels(values, np.zeros((1, 7, 33), np.uint8)))

    assert not decoded(data, values.shape)[1].any()


@pytest.mark.parametrize("pixel_type", [PixelType.U8, PixelType.S16, PixelType.F32, PixelType.F64])
def test_gdal_reads_the_blob(pixel_type: PixelType) -> None:
    values = scene((90, 120), 1, pixel_type)
    place = canvas((90, 120), 1, pixel_type=pixel_type)

    data = encoded("lerc", place, Pixels(values, no_holes((90, 120))))

    # GDAL's MRF driver takes a bare Lerc2 blob for a raster.
    with rasterio.open(io.BytesIO(data)) as dataset:
        assert dataset.driver == "MRF"
        assert np.array_equal(dataset.read(), values)


def test_strips_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    values, valid = scene((33, 7), 3, PixelType.U16), holes((33, 7))

    data = encoded("lerc", canvas((33, 7), pixel_type=PixelType.U16), Pixels(values, valid))

    found, mask = decoded(data, values.shape)
    assert np.array_equal(mask, np.broadcast_to(valid > 0, values.shape))
    assert np.array_equal(found[mask], values[mask])


@pytest.mark.parametrize(
    ("facts", "options", "rule"),
    [
        ({}, {"lerc_version": 1}, "Lerc2"),
        ({"pixel_type": PixelType.C64}, {}, "complex"),
        ({"pixel_type": PixelType.C128}, {}, "complex"),
    ],
)
def test_what_lerc_cannot_carry_is_refused(
    facts: dict[str, Any], options: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        FORMATS["lerc"].fit(canvas((4, 4), **facts), Options(**options))


def test_a_band_of_more_than_2_gb_is_refused() -> None:
    place = canvas((20000, 15000), 1, pixel_type=PixelType.F64)

    with pytest.raises(ValueError, match="2 GB"):
        FORMATS["lerc"].fit(place, Options())
