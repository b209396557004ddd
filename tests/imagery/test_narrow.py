"""The narrow kernels, a row at a time; the kernel that does a pixel at a time is the witness."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.imagery import narrow
from exportimage_wsgi.imagery.layer import plan_layer
from exportimage_wsgi.imagery.warp import warp
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import grid, in_memory, waves

UTM = crs_from_wkid(32633)
TEN_METRES = Affine(10, 0, 450000, 0, -10, 5580000)
BILINEAR, CUBIC = Interpolation.BILINEAR, Interpolation.CUBIC


def mercator(pixels):
    """A grid of so many pixels a side that goes a little beyond the raster of `scene`."""
    return grid((1595000, 6497000, 1597600, 6499600), 3857, (pixels, pixels))


def scene(dtype, mask=None):
    return in_memory(
        waves((180, 180), 2, dtype), Affine(10, 0, 452080, 0, -10, 5573000), UTM, mask=mask
    )


@pytest.mark.parametrize("interpolation", [BILINEAR, CUBIC])
@pytest.mark.parametrize("pixels", [240, 150, 120, 90])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("holes", [0.0, 0.0005, 0.05])
def test_they_give_what_a_kernel_of_any_width_gives(
    interpolation, pixels, dtype, holes, monkeypatch
):
    """With few holes eight pixels at once are often entirely valid, with many they never are."""
    rng = np.random.default_rng(7)
    shares = [holes, holes, 1 - 2 * holes]
    mask = rng.choice(np.array([0, 90, 255], "u1"), (1, 180, 180), p=shares)
    target = mercator(pixels)
    layer = plan_layer(scene(dtype, mask if holes else None), target, (0, 1), interpolation)
    rows = warp(layer, target, target.whole)
    monkeypatch.setattr(narrow, "taps_of", lambda *_: 0)
    single = warp(layer, target, target.whole)

    assert single.valid.max() == 255
    assert np.array_equal(rows.values, single.values)
    assert np.array_equal(np.broadcast_to(rows.valid, single.valid.shape), single.valid)


@pytest.mark.parametrize(
    ("steps", "interpolation", "taps"),
    [
        ((1.0, 0.7), BILINEAR, 2),
        ((1.5, 1.0), BILINEAR, 4),
        ((2.0, 2.04), BILINEAR, 4),
        ((2.0, 2.1), BILINEAR, 0),
        ((1.0, 1.0), CUBIC, 4),
        ((1.2, 1.0), CUBIC, 0),
        ((1.0, 1.0), Interpolation.NEAREST, 0),
    ],
)
def test_a_kernel_is_narrow_up_to_twice_its_width(steps, interpolation, taps):
    assert narrow.taps_of(np.full((2, 3, 2), steps), interpolation) == taps


def test_cells_of_both_widths_are_left_to_the_other_kernel():
    steps = np.array([[[1.0, 1.0], [1.2, 1.0]]])

    assert narrow.taps_of(steps, BILINEAR) == 0
