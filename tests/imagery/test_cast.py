"""Casting and stretching; the expected numbers are arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.imagery.cast import Appearance, cast, default_stretch, shown
from exportimage_wsgi.pixels import Pixels, PixelType, Statistics


@pytest.mark.parametrize(
    ("values", "pixel_type", "expected"),
    [
        ([849.25, -3.5, 2.5, 3.5, 0.49999999999999994], "U8", [255, 0, 3, 4, 0]),
        ([849.25, -3.5, -2.5, 40000.0], "S16", [849, -4, -3, 32767]),
        ([5, 1, 0, 255], "U1", [1, 1, 0, 1]),
        ([5, 3, 2, 255], "U2", [3, 3, 2, 3]),
        ([16, 15, 7], "U4", [15, 15, 7]),
        ([-200, 200, 5], "S8", [-128, 127, 5]),
        ([5e9, -1.0], "U32", [4294967295, 0]),
        ([5e9, -5e9], "S32", [2147483647, -2147483648]),
        ([1e300, -1e300, 1.5], "F32", [3.4028234663852886e38, -3.4028234663852886e38, 1.5]),
        ([3 + 4j, -1j], "F32", [3, 0]),
        ([3 + 4j], "C128", [3 + 4j]),
        ([7.0], "C64", [7 + 0j]),
        ([np.inf, -np.inf], "F32", [np.inf, -np.inf]),
        ([np.inf, -np.inf], "U8", [255, 0]),
    ],
)
def test_values_are_rounded_away_from_zero_and_saturated(values, pixel_type, expected):
    found = cast(np.array(values).reshape(1, 1, -1), PixelType[pixel_type])

    assert found.dtype == PixelType[pixel_type].dtype
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
@pytest.mark.parametrize("pixel_type", [t for t in PixelType if t.is_integer])
def test_limits_of_every_type_go_into_every_integer_type(dtype, pixel_type):
    kind = np.dtype(dtype)
    info = np.iinfo(kind) if kind.kind in "ui" else None
    values = np.array([info.min, info.max] if info else [-1e30, 1e30], kind).reshape(1, 1, 2)
    low, high = pixel_type.limits

    assert cast(values, pixel_type).ravel().tolist() == [
        max(low, min(high, int(values[0, 0, 0]))),
        max(low, min(high, int(values[0, 0, 1]))),
    ]


def test_the_stretch_spans_two_deviations_inside_of_what_there_is():
    wide = Statistics(minimum=0, maximum=1000, mean=100, deviation=80)

    assert default_stretch(wide) == (0, 260)


def test_a_stretch_maps_its_ends_to_black_and_white():
    values = np.array([[[90, 100, 140, 200, 300]]], "f4")
    picture = shown(
        Pixels(values, np.full((1, 1, 5), 255, "u1")), Appearance(stretch=((100.0, 200.0),))
    )

    assert picture.values.ravel().tolist() == [0, 0, 102, 255, 255]


def test_a_palette_gives_colours_and_their_alpha():
    palette = ((1, 2, 3, 255), (4, 5, 6, 0), (7, 8, 9, 100))
    pixels = Pixels(np.array([[[0, 1, 2, 3]]], "u1"), np.array([[[255, 255, 255, 255]]], "u1"))
    picture = shown(pixels, Appearance(palette=palette))

    assert picture.values[:, 0, 0].tolist() == [1, 2, 3]
    assert picture.valid.ravel().tolist() == [255, 0, 100, 0]


def test_complex_values_are_shown_by_their_magnitude():
    values = np.array([[[3 + 4j, 0]]], "c8")
    picture = shown(
        Pixels(values, np.full((1, 1, 2), 255, "u1")), Appearance(stretch=((0.0, 5.0),))
    )

    assert picture.values.ravel().tolist() == [255, 0]


def test_bytes_are_never_stretched():
    pixels = Pixels(np.array([[[3, 9]]], "u1"), np.array([[[255, 0]]], "u1"))

    assert shown(pixels, Appearance()).values.tolist() == [[[3, 9]]]
