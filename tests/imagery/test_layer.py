"""Layers: the level that is read, and what its pixels are less by a rule of the request."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.imagery.layer import coarsest_level, joined, plan_layer, read
from exportimage_wsgi.imagery.sources.source import Level
from exportimage_wsgi.pixels import Interpolation, NoDataMatch, NoDataRule, Pixels
from tests.rasters import in_memory

UTM = crs_from_wkid(32633)
AFFINE = Affine(10, 0, 450000, 0, -10, 5580000)
LEVELS = (
    Level(shape_yx=(4096, 4096), scale_yx=(1.0, 1.0)),
    Level(shape_yx=(2048, 2048), scale_yx=(2.0, 2.0), overview=0),
    Level(shape_yx=(1024, 1024), scale_yx=(4.0, 4.0), overview=1),
    Level(shape_yx=(512, 512), scale_yx=(8.0, 8.0), overview=1, step=2),
)


@pytest.mark.parametrize(
    ("steps", "level"),
    [
        ((0.5, 0.5), 0),
        ((1.99, 1.99), 0),
        ((2.0, 2.0), 1),
        ((3.9, 9.0), 1),
        ((4.0, 4.0), 2),
        ((31.0, 31.0), 2),
        ((32.0, 32.0), 3),
    ],
)
def test_the_coarsest_level_that_is_not_coarser_is_read(steps, level):
    assert coarsest_level(LEVELS, steps) == level


@pytest.mark.parametrize(
    ("values", "match", "transparent"),
    [
        ((7,), NoDataMatch.ANY, 100),
        ((3, 4, 7), NoDataMatch.ALL, 1),
        ((4,), NoDataMatch.ANY, 19),
        ((4,), NoDataMatch.ALL, 0),
        ((3, 4, 7), NoDataMatch.ANY, 100),
        ((math.nan,), NoDataMatch.ANY, 0),
    ],
)
def test_the_no_data_of_a_request_is_judged_on_source_pixels(values, match, transparent):
    y, x = np.mgrid[:10, :10]
    data = np.stack([x, y, np.full((10, 10), 7)]).astype("u1")
    source, asked = in_memory(data, AFFINE, UTM), NoDataRule(values=values, match=match)
    layer = plan_layer(source, source.info.grid, (0, 1, 2), Interpolation.NEAREST, asked)
    pixels = read(layer, source.info.grid.whole, around=False)

    assert (pixels.alpha() == 0).sum() == transparent


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize(("value", "transparent"), [(0.1, 1), (7, 1), (1e39, 0), (math.nan, 0)])
def test_the_no_data_of_a_request_has_the_precision_of_the_raster(dtype, value, transparent):
    data = np.array([[[1, 2], [value if transparent else 3, 4]]], dtype)
    source, asked = in_memory(data, AFFINE, UTM), NoDataRule(values=(value,), match=NoDataMatch.ANY)
    layer = plan_layer(source, source.info.grid, (0,), Interpolation.NEAREST, asked)
    pixels = read(layer, source.info.grid.whole, around=False)

    assert (pixels.alpha() == 0).sum() == transparent


def test_joining_windows_keeps_validity_by_band():
    values = np.zeros((2, 8, 8), "u1")
    one = Pixels(values, np.full((1, 8, 8), 255, "u1"))
    two = Pixels(values, np.zeros((2, 8, 8), "u1"))

    assert joined(one, two, 1).valid[:, :, 0].tolist() == [[255] * 8 + [0] * 8] * 2
