"""Widened kernels on parallel grids; weighted means, made out in NumPy, are the witness."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery import separable
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


def tents(start, step, count, size):
    """`(output, source)`: weights of the bilinear kernel, as wide as the step."""
    centres = start + (np.arange(count) + 0.5) * step - 0.5
    weights = np.maximum(1 - np.abs(np.arange(size) - centres[:, None]) / step, 0)
    return weights / weights.sum(axis=1, keepdims=True)


def parallel(source, target):
    return separable.is_separable(target, placement_of(source.info), source.info.levels[0])


@pytest.mark.parametrize("size", [(24, 20), (13, 11), (7, 40), (90, 80), (69, 54), (130, 60)])
def test_a_wide_kernel_is_a_weighted_mean(size):
    data = waves((120, 150), 2)
    source, target = (
        in_memory(data.astype("float64"), TEN_METRES, UTM, mask=None),
        utm(3.3, 2.1, 140.3, 110.1, size),
    )
    layer = plan_layer(source, target, (0, 1), Interpolation.BILINEAR)
    down = tents(2.1, 108 / size[1], size[1], 120)
    across = tents(3.3, 137 / size[0], size[0], 150)
    expected = np.einsum("ik,bkn,jn->bij", down, data.astype("f8"), across)

    assert parallel(source, target)
    assert warp(layer, target, target.whole).values == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [(31, 25), (150, 90)])
def test_integers_are_rounded_and_windows_are_parts_of_the_whole(size):
    data = waves((120, 150), 1, "uint8")
    source, target = in_memory(data, TEN_METRES, UTM), utm(-20, -7, 157, 121, size)
    layer = plan_layer(source, target, (0,), Interpolation.BILINEAR)
    whole = warp(layer, target, target.whole)
    part = warp(layer, target, Window(rows=(4, 19), columns=(2, 30)))

    inside = whole.alpha() > 0
    assert 0 < inside.sum() < inside.size
    assert not whole.values[:, ~inside].any()
    assert np.array_equal(part.values, whole.values[:, 4:19, 2:30])
    assert np.array_equal(part.valid, whole.valid[:, 4:19, 2:30])


@pytest.mark.parametrize("size", [(31, 25), (150, 90), (100, 70)])
def test_the_kernel_of_any_grid_gives_the_same(size, monkeypatch):
    data = waves((120, 150), 2, "float32")
    source, target = in_memory(data, TEN_METRES, UTM), utm(-20, -7, 157, 121, size)
    layer = plan_layer(source, target, (1, 0), Interpolation.BILINEAR)
    one = warp(layer, target, target.whole)
    monkeypatch.setattr(separable, "is_separable", lambda *_: False)
    other = warp(layer, target, target.whole)

    assert one.values == pytest.approx(other.values, rel=1e-6)
    assert np.array_equal(one.valid, other.valid)


@pytest.mark.parametrize("size", [(31, 25), (150, 90)])
def test_single_pixels_are_those_of_the_whole(size):
    source = in_memory(waves((120, 150), 1, "float64"), TEN_METRES, UTM)
    target = utm(-20, -7, 157, 121, size)
    layer = plan_layer(source, target, (0,), Interpolation.BILINEAR)
    whole = warp(layer, target, target.whole).values

    for row, column in ((1, 4), (2, 5), (10, 20), (size[1] - 2, size[0] - 5)):
        one = Window(rows=(row, row + 1), columns=(column, column + 1))
        assert warp(layer, target, one).values[0, 0, 0] == whole[0, row, column]


@pytest.mark.parametrize(
    ("wkid", "sides", "size"),
    [(32633, (0, 0, 150, 120), (147, 118)), (3857, (0, 0, 150, 120), (15, 12))],
)
def test_narrow_kernels_and_other_references_are_not_for_it(wkid, sides, size):
    source, target = in_memory(waves((120, 150)), TEN_METRES, UTM), utm(*sides, size)
    other = grid(target.extent.bounds, wkid, size)

    assert not parallel(source, other)
