"""Grids on the raster's own pixels; what stands in the raster is the witness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.aligned import offset_yx
from exportimage_wsgi.imagery.layer import placement_of, plan_layer
from exportimage_wsgi.imagery.warp import warp
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import grid, in_memory, waves

UTM = crs_from_wkid(32633)
TEN_METRES = Affine(10, 0, 450000, 0, -10, 5580000)


def utm(left, top, right, bottom, size_wh):
    """A grid over columns and rows of the ten-metre raster."""
    x, y = 450000 + 10 * left, 5580000 - 10 * bottom
    return grid((x, y, 450000 + 10 * right, 5580000 - 10 * top), 32633, size_wh)


def offset(source, target):
    return offset_yx(target, placement_of(source.info), source.info.levels[0])


@pytest.mark.parametrize("interpolation", list(Interpolation))
def test_beyond_the_raster_there_is_no_data(interpolation):
    data = waves((40, 50), 2)
    source, target = in_memory(data, TEN_METRES, UTM), utm(-5, -4, 55, 46, (60, 50))
    pixels = warp(plan_layer(source, target, (0, 1), interpolation), target, target.whole)

    assert offset(source, target) == (-4, -5)
    assert np.array_equal(pixels.values, np.pad(data, ((0, 0), (4, 6), (5, 5))))
    assert np.array_equal(pixels.alpha() > 0, np.pad(np.ones((40, 50), bool), ((4, 6), (5, 5))))


@pytest.mark.parametrize("interpolation", list(Interpolation))
def test_the_kernels_would_give_the_same(interpolation):
    rng = np.random.default_rng(5)
    mask = rng.choice(np.array([0, 128, 255], "u1"), (1, 40, 50))
    source, target = (
        in_memory(waves((40, 50)), TEN_METRES, UTM, mask=mask),
        utm(3, 2, 43, 35, (40, 33)),
    )
    layer = plan_layer(source, target, (0,), interpolation)
    copied = warp(layer, target, target.whole)
    gathered = warp(replace(layer, offset_yx=None), target, target.whole)

    assert np.array_equal(copied.values, gathered.values)
    assert np.array_equal(copied.valid, gathered.valid)


def test_windows_are_parts_of_the_whole():
    source, target = in_memory(waves((40, 50)), TEN_METRES, UTM), utm(-5, -4, 55, 46, (60, 50))
    layer = plan_layer(source, target, (0,), Interpolation.BILINEAR)
    part = warp(layer, target, Window(rows=(3, 20), columns=(40, 60)))

    assert np.array_equal(part.values, warp(layer, target, target.whole).values[:, 3:20, 40:60])


@pytest.mark.parametrize(
    "sides", [(0.01, 0, 20.01, 20), (0, 0.5, 20, 20.5), (0, 0, 20.1, 20), (0, 0, 40, 40)]
)
def test_a_grid_beside_the_pixels_is_resampled(sides):
    assert offset(in_memory(waves((40, 50)), TEN_METRES, UTM), utm(*sides, (20, 20))) is None
