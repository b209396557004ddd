"""bip and bsq: their bytes, put together by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.pixels import Pixels, PixelType, all_valid
from tests.encode.drawing import SIZES, canvas, cut_small, encoded, holes, made, scene

NAMES = ("bip", "bsq")


def by_hand(name: str, values: Any, valid: Any) -> bytes:
    """The file: values, lowest byte first, then a bit for each pixel, the first the highest."""
    order = (1, 2, 0) if name == "bip" else (0, 1, 2)
    bits = "".join("1" if v else "0" for v in valid.ravel())
    bits += "0" * (-len(bits) % 8)
    mask = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return values.transpose(order).astype(values.dtype.newbyteorder("<")).tobytes() + mask


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pixel_type", PixelType)
@pytest.mark.parametrize("bands", [1, 2, 5])
@pytest.mark.parametrize("strip", [1, 1 << 20])
def test_values_and_mask_follow_each_other(
    name: str, pixel_type: PixelType, bands: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, strip)
    values, valid = scene((33, 21), bands, pixel_type), holes((33, 21))
    place = canvas((33, 21), bands, pixel_type=pixel_type, fill=(1,) * bands)

    data = encoded(name, place, Pixels(values, valid))

    assert data == by_hand(name, np.where(valid, values, values.dtype.type(1)), valid)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size_wh", SIZES)
def test_the_mask_runs_on_from_row_to_row(
    name: str, size_wh: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    valid = holes(size_wh)

    data = encoded(name, canvas(size_wh, 1), Pixels(scene(size_wh, 1), valid))

    pixels = size_wh[0] * size_wh[1]
    mask = np.unpackbits(np.frombuffer(data[pixels:], np.uint8))
    assert len(data) == pixels + -(-pixels // 8)
    assert np.array_equal(mask[:pixels], valid.ravel() > 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size_wh", SIZES)
def test_the_mask_of_what_is_certain_to_be_valid_is_full(
    name: str, size_wh: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    values, valid = scene(size_wh, 2), all_valid(size_wh[::-1])

    data = encoded(name, canvas(size_wh, 2), Pixels(values, valid))

    assert data == by_hand(name, values, np.asarray(valid))


@pytest.mark.parametrize("name", NAMES)
def test_a_pixel_is_data_if_one_of_its_bands_is(name: str) -> None:
    values = np.array([[[1, 2, 3]], [[4, 5, 6]]], np.int16)
    valid = np.array([[[255, 0, 0]], [[0, 0, 9]]], np.uint8)
    place = canvas((3, 1), 2, pixel_type=PixelType.S16, fill=(-7, -8))

    data = encoded(name, place, Pixels(values, valid))

    expected = np.array([[1, -7, -7], [-8, -8, 6]], "<i2")
    assert data[:12] == (expected.T if name == "bip" else expected).tobytes()
    assert data[12:] == bytes([0b10100000])


@pytest.mark.parametrize("name", NAMES)
def test_no_data_is_0_where_nothing_is_declared(name: str) -> None:
    pixels = Pixels(np.full((1, 1, 2), 5, np.float32), np.array([[[0, 255]]], np.uint8))

    data = encoded(name, canvas((2, 1), 1, pixel_type=PixelType.F32), pixels)

    assert data == np.array([0, 5], "<f4").tobytes() + bytes([0b01000000])


def test_bands_that_wait_on_disk_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.encode.spool.SPOOL_BYTES", 100)
    cut_small(monkeypatch, 33 * 8)
    values, valid = scene((33, 90), 4, PixelType.F64), holes((33, 90))
    place = canvas((33, 90), 4, pixel_type=PixelType.F64)
    encoder = FORMATS["bsq"].fit(place, Options())

    data = made(encoder, Pixels(values, valid))

    assert data == by_hand("bsq", np.where(valid, values, 0.0), valid)
