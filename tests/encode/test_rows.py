"""Bands laid side by side; NumPy is the witness."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.encode.rows import interleaved, painted
from exportimage_wsgi.pixels import Pixels, all_valid


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 50])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f8"])
def test_bands_are_laid_side_by_side(columns, bands, dtype):
    values = np.random.default_rng(1).integers(0, 250, (bands, 7, columns)).astype(dtype)

    np.testing.assert_array_equal(interleaved(values), values.transpose(1, 2, 0))


def test_what_shines_through_is_mixed_with_the_ground_and_rounded():
    value, share = (part.reshape(1, 256, 256) for part in np.mgrid[:256, :256])
    pixels = Pixels(value.astype("u1"), share.astype("u1"))

    mixed = painted(pixels, (90, 90, 90), 1)[..., 0]

    np.testing.assert_array_equal(mixed, np.rint((value * share + 90 * (255 - share)) / 255)[0])


@pytest.mark.parametrize("bands", [1, 3])
def test_what_is_certain_to_be_valid_is_painted_as_what_is_found_to_be(bands):
    values = np.random.default_rng(2).integers(0, 256, (bands, 9, 33)).astype("u1")
    certain = Pixels(values, all_valid((9, 33)))
    found = Pixels(values, np.full((1, 9, 33), 255, "u1"))

    pictures = [painted(pixels, (9, 8, 7), 3) for pixels in (certain, found)]

    expected = np.broadcast_to(values, (3, 9, 33)).transpose(1, 2, 0)
    for picture in pictures:
        np.testing.assert_array_equal(picture, expected)
