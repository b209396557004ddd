"""Widened kernels on warped grids; triangles of weights, made out in NumPy, are the witness."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Grid, Window
from exportimage_wsgi.imagery.layer import plan_layer
from exportimage_wsgi.imagery.warp import warp
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import grid, in_memory, waves

UTM = crs_from_wkid(32633)
TEN_METRES = Affine(10, 0, 452080, 0, -10, 5573000)
BILINEAR, CUBIC = Interpolation.BILINEAR, Interpolation.CUBIC
SIDE = 260
HOLES = np.random.default_rng(7).choice(
    np.array([0, 90, 255], "u1"), (1, SIDE, SIDE), p=[0.1, 0.1, 0.8]
)
CELL = 16


def scene(dtype, mask=None, bands=2):
    return in_memory(waves((SIDE, SIDE), bands, dtype), TEN_METRES, UTM, mask=mask)


def mercator(step, beyond=0):
    """A grid on the middle of the raster, whose pixels are about so many of the raster's wide."""
    half = step * 10 / 0.643 * (int(SIDE / step / 1.1) / 2 + beyond)
    x, y = Transformer.from_crs(32633, 3857, always_xy=True).transform(453380, 5571700)
    pixels = int(SIDE / step / 1.1) + 2 * beyond
    return grid((x - half, y - half, x + half, y + half), 3857, (pixels, pixels))


def positions(target, columns, rows):
    """Columns and rows of the raster at places of the grid."""
    x, y = target.affine @ (columns, rows)
    return ~TEN_METRES @ Transformer.from_crs(3857, 32633, always_xy=True).transform(x, y)


def steps(target, columns, rows):
    """How many columns and rows of the raster pixels pass, in the mean of a cell of the mesh."""
    x, y = columns // CELL * CELL, rows // CELL * CELL
    corners = [positions(target, x + CELL * (k % 2), y + CELL * (k // 2)) for k in range(4)]
    one, two, three, four = (np.array(c) for c in corners)
    return np.hypot(two - one + four - three, three - one + four - two) / (2 * CELL)


def triangles(centres, widths):
    return np.maximum(1 - np.abs(np.arange(SIDE) + 0.5 - centres[:, None]) / widths[:, None], 0)


def expected(source, target):
    """`(band, y, x)`: means weighted by triangles, of the pixels that are valid."""
    height, width = target.shape_yx
    rows, columns = (n.ravel().astype(float) for n in np.mgrid[:height, :width])
    at_x, at_y = positions(target, columns + 0.5, rows + 0.5)
    wide_x, wide_y = steps(target, columns, rows)
    down, across = triangles(at_y, wide_y), triangles(at_x, wide_x)
    there = (source.masks[0][0] > 0).astype(float)
    sums = [((down @ (b * there)) * across).sum(axis=1) for b in source.arrays[0].astype(float)]
    return np.reshape(sums / ((down @ there) * across).sum(axis=1), (-1, height, width))


@pytest.mark.parametrize("step", [2.3, 3.4, 4.9, 7.8])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("mask", [None, HOLES])
def test_a_wide_kernel_is_a_mean_weighted_by_triangles(step, dtype, mask):
    source, target = scene(dtype, mask), mercator(step)
    layer = plan_layer(source, target, (0, 1), BILINEAR)
    found = warp(layer, target, target.whole)
    known = np.broadcast_to(found.valid > 0, found.values.shape)
    difference = np.abs(found.values - expected(source, target))[known]

    assert known.mean() > 0.8
    assert difference.max() <= (0.03 if dtype == "float32" else 0.53)


@pytest.mark.parametrize("interpolation", [BILINEAR, CUBIC])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("mask", [None, HOLES])
@pytest.mark.parametrize("step", [2.3, 6.1])
def test_windows_are_parts_of_the_whole(interpolation, dtype, mask, step):
    source, target = scene(dtype, mask), mercator(step, beyond=3)
    layer = plan_layer(source, target, (0, 1), interpolation)
    whole, size = warp(layer, target, target.whole), target.shape_yx[0]
    edges = [0, 5, 18, size - 9, size - 3, size]
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            part = warp(layer, target, Window(rows=(top, bottom), columns=(left, right)))
            assert np.array_equal(part.values, whole.values[:, top:bottom, left:right])
            assert np.array_equal(
                np.broadcast_to(part.valid, (1, *part.shape_yx)),
                whole.valid[:, top:bottom, left:right],
            )


@pytest.mark.parametrize("interpolation", [BILINEAR, CUBIC])
@pytest.mark.parametrize("masked", [False, True])
def test_where_the_world_is_cut_open_cannot_be_seen(interpolation, masked):
    rng = np.random.default_rng(3)
    values = rng.uniform(0, 200, (1, 60, 120))
    mask = rng.choice(np.array([0, 255], "u1"), (1, 60, 120), p=[0.1, 0.9])
    target = grid((-2e7, -1e7, 2e7, 1e7), 3857, (37, 20))
    found = []
    for turn in (0, 60):
        source = in_memory(
            np.roll(values, turn, axis=2),
            Affine(3, 0, -180 - 3 * turn, 0, -3, 90),
            crs_from_wkid(4326),
            mask=np.roll(mask, turn, axis=2) if masked else None,
        )
        found.append(warp(plan_layer(source, target, (0,), interpolation), target, target.whole))

    assert np.allclose(found[0].values, found[1].values, rtol=1e-12)
    assert np.array_equal(found[0].valid, found[1].valid)


@pytest.mark.parametrize("interpolation", [BILINEAR, CUBIC])
def test_a_kernel_may_be_wider_than_the_world(interpolation):
    """Its pixels then count once for each turn around the world."""
    values = np.arange(8.0)[None, None] + np.zeros((1, 4, 1))
    source = in_memory(values, Affine(45, 0, -180, 0, -45, 90), crs_from_wkid(4326))
    target = grid((-6e7, -1e7, 6e7, 1e7), 3857, (2, 1))
    found = warp(plan_layer(source, target, (0,), interpolation), target, target.whole)

    assert found.valid.min() == 255
    assert found.values == pytest.approx(3.5, abs=0.2)


def test_rows_without_weight_need_not_be_there():
    """Their values, not numbers, take no part, and the kernel stays cubic."""
    row = np.random.default_rng(5).uniform(0, 9, 20).astype("float32")
    alone = np.full((1, 20, 20), np.nan, "float32")
    alone[0, 10] = row
    mask = np.where(np.isnan(alone), 0, 255).astype("u1")
    repeated = np.broadcast_to(row, (1, 20, 20)).copy()
    target = Grid(crs=UTM, affine=TEN_METRES @ Affine(1.04, 0, 3.3, 0, 1, 10), shape_yx=(1, 12))
    sources = in_memory(alone, TEN_METRES, UTM, mask=mask), in_memory(repeated, TEN_METRES, UTM)
    one, other = (warp(plan_layer(s, target, (0,), CUBIC), target, target.whole) for s in sources)

    assert one.valid.min() == 255
    assert one.values == pytest.approx(other.values, rel=1e-6)


BEFORE_A_WALL = """
import ctypes, mmap
import numpy as np
from exportimage_wsgi.imagery import wide
from exportimage_wsgi.imagery.kernels import Frame

page, rows, columns = mmap.PAGESIZE, 200, 3
size = rows * columns * 8
room = mmap.mmap(-1, 3 * page)
start = ctypes.addressof(ctypes.c_char.from_buffer(room))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + 2 * page), page, 0) == 0
source = np.frombuffer(room, count=rows * columns, offset=2 * page - size).reshape(1, rows, columns)
source[:] = 7
frame, steps = Frame(0, 0, rows, columns, False, 0, 0, 0, 0), np.full((1, 1, 2), 4.0)
out, valid, none = np.zeros((1, 1, 1)), np.zeros((1, 1, 1), "u1"), np.zeros((0, 0, 0), "u1")
for row in np.arange(rows - 12, rows, 0.25):
    rest = wide.Rest(np.zeros((1, 2), "i4"), np.array([[row, 1.5]]), 0)
    wide.gather(source, none, rest, 1, steps, False, (False, 0.0, 0.0), frame, out, valid)
    assert abs(out[0, 0, 0] - 7) < 1e-9
"""


@pytest.mark.skipif(sys.platform == "win32", reason="protects memory as POSIX has it")
def test_nothing_is_read_behind_the_end_of_a_raster_narrower_than_a_vector():
    done = subprocess.run([sys.executable, "-c", BEFORE_A_WALL], capture_output=True)

    assert done.returncode == 0, done.stderr.decode()
