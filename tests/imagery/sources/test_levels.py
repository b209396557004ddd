"""Levels that no overview holds."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources.levels import assembled, runs, with_steps
from exportimage_wsgi.imagery.sources.source import Level


def test_steps_double_until_the_longer_side_fits_256_pixels():
    found = with_steps((Level(shape_yx=(100, 1100), scale_yx=(1.0, 1.0)),))

    assert [(level.step, level.shape_yx) for level in found] == [
        (1, (100, 1100)),
        (2, (50, 550)),
        (4, (25, 275)),
        (8, (13, 138)),
    ]


def test_a_small_raster_has_one_level():
    assert len(with_steps((Level(shape_yx=(256, 256), scale_yx=(1.0, 1.0)),))) == 1


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 100])
@pytest.mark.parametrize("step", [2, 4, 8])
def test_runs_cover_each_pixel_once_and_stay_inside(size, step):
    pixels = -(-size // step)

    found = runs((0, pixels), step, size)

    assert sum(count for _, _, count in found) == pixels
    assert all(0 <= start < stop <= size for start, stop, _ in found)
    assert all((stop - start) % count == 0 for start, stop, count in found)


@pytest.mark.parametrize("shape", [(50, 70), (51, 69), (3, 64), (1, 5)])
def test_any_window_of_a_stepped_level_is_a_part_of_the_whole(shape):
    base = np.arange(shape[0] * shape[1]).reshape(1, *shape)

    def read(where, shape_yx):
        (top, bottom), (left, right) = where
        down, across = (bottom - top) // shape_yx[0], (right - left) // shape_yx[1]
        return base[:, top + down // 2 : bottom : down, left + across // 2 : right : across]

    rows, columns = -(-shape[0] // 4), -(-shape[1] // 4)
    level = Level(shape_yx=(rows, columns), scale_yx=(4.0, 4.0), step=4)
    middle = [
        np.minimum(np.arange(n) * 4 + 2, size - 1)
        for n, size in ((rows, shape[0]), (columns, shape[1]))
    ]
    expected = base[:, middle[0]][:, :, middle[1]]

    for top in range(rows):
        for left in range(columns):
            window = Window(rows=(top, rows), columns=(left, columns))
            assert np.array_equal(assembled(read, level, window, shape), expected[:, top:, left:])
