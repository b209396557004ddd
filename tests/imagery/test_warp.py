"""Warping: validity, levels, seams. Scenes are known functions of place."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery import warp as module
from exportimage_wsgi.imagery.layer import plan_layer
from exportimage_wsgi.imagery.sources.source import Level
from exportimage_wsgi.imagery.warp import warp
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import grid, in_memory, waves

UTM = crs_from_wkid(32633)
TEN_METRES = Affine(10, 0, 450000, 0, -10, 5580000)
SMOOTH = [Interpolation.BILINEAR, Interpolation.CUBIC]
EVERY = list(Interpolation)


def utm(left, top, right, bottom, size_wh):
    """A grid over columns and rows of the ten-metre raster."""
    x, y = 450000 + 10 * left, 5580000 - 10 * bottom
    return grid((x, y, 450000 + 10 * right, 5580000 - 10 * top), 32633, size_wh)


def warped(source, target, interpolation, bands=(0,), rule=None):
    return warp(plan_layer(source, target, bands, interpolation, rule), target, target.whole)


@pytest.mark.parametrize("interpolation", EVERY)
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64",
     "complex64", "complex128"],
)  # fmt: skip
def test_the_native_grid_gives_the_pixels_themselves(interpolation, dtype):
    data = (waves((40, 50), 2) / 2).astype(dtype)
    if data.dtype.kind == "c":
        data = data + 1j * data[::-1]
    source = in_memory(data, TEN_METRES, UTM)
    pixels = warped(source, utm(5, 3, 45, 33, (40, 30)), interpolation, (1, 0))

    assert pixels.values.dtype == data.dtype
    assert np.array_equal(pixels.values, data[::-1, 3:33, 5:45])
    assert (pixels.valid == 255).all()


@pytest.mark.parametrize("interpolation", EVERY)
@pytest.mark.parametrize("scale", [0.37, 1.0, 1.9, 3.3])
def test_no_data_never_bleeds_into_its_neighbours(interpolation, scale):
    data = np.full((1, 60, 60), 7.25, "float32")
    data[0, 20:31, 25:40] = -9999
    source = in_memory(data, TEN_METRES, UTM, mask=np.where(data == -9999, 0, 255).astype("u1"))
    size = round(55.5 / scale)
    pixels = warped(source, utm(1.3, 2.1, 56.8, 57.6, (size, size)), interpolation)

    assert set(np.unique(pixels.values[pixels.valid > 0])) == {np.float32(7.25)}
    assert 0 < (pixels.valid == 0).sum() < pixels.valid.size / 5


@pytest.mark.parametrize("interpolation", EVERY)
def test_a_pixel_is_valid_if_the_source_pixel_under_its_centre_is(interpolation):
    rng = np.random.default_rng(5)
    data = rng.normal(size=(1, 40, 40)).astype("float32")
    mask = (rng.random((1, 40, 40)) > 0.3).astype("u1") * 255
    pixels = warped(
        in_memory(data, TEN_METRES, UTM, mask=mask), utm(-3, -3, 43, 43, (115, 92)), interpolation
    )
    columns = np.floor(-3 + (np.arange(115) + 0.5) * 46 / 115).astype(int)
    rows = np.floor(-3 + (np.arange(92) + 0.5) * 46 / 92).astype(int)
    padded = np.pad(mask[0], 3)

    assert np.array_equal(pixels.alpha() > 0, padded[np.ix_(rows + 3, columns + 3)] > 0)


def test_bands_have_validity_of_their_own():
    data = np.stack([np.full((20, 20), 5, "i2"), np.full((20, 20), 9, "i2")])
    mask = np.full((2, 20, 20), 255, "u1")
    mask[0, 5, 5] = 0
    data[0, 5, 5] = -32768
    pixels = warped(
        in_memory(data, TEN_METRES, UTM, mask=mask), utm(0, 0, 20, 20, (40, 40)),
        Interpolation.BILINEAR, (0, 1),
    )  # fmt: skip

    assert (pixels.valid[0] == 0).sum() == 4
    assert (pixels.valid[1] == 255).all()
    assert set(np.unique(pixels.values[0][pixels.valid[0] > 0])) == {5}
    assert (pixels.values[1] == 9).all()


@pytest.mark.parametrize("interpolation", SMOOTH)
def test_a_plane_stays_a_plane(interpolation):
    y, x = np.mgrid[:80, :80] + 0.5
    source = in_memory((3 + 0.5 * x + 0.25 * y)[None], TEN_METRES, UTM)
    pixels = warped(source, utm(10, 12, 62.7, 61.3, (211, 173)), interpolation)
    across = 10 + (np.arange(211) + 0.5) * 52.7 / 211
    down = 12 + (np.arange(173) + 0.5) * 49.3 / 173

    assert np.allclose(pixels.values[0], 3 + 0.5 * across + 0.25 * down[:, None], atol=1e-9)


@pytest.mark.parametrize("interpolation", SMOOTH)
@pytest.mark.parametrize("ratio", [2, 3, 5])
def test_what_is_finer_than_an_output_pixel_is_averaged_away(interpolation, ratio):
    """A chessboard of single pixels has the mean 100; aliasing would show as stripes."""
    y, x = np.mgrid[:300, :300]
    source = in_memory((200.0 * ((x + y) % 2))[None], TEN_METRES, UTM)
    size = 240 // ratio
    pixels = warped(source, utm(30, 30, 270, 270, (size, size)), interpolation)

    assert np.abs(pixels.values - 100).max() < 3


def test_the_majority_is_the_commonest_value_under_the_pixel():
    data = np.zeros((1, 12, 12), "u1")
    data[0, :4, :4] = [[1, 1, 2, 2], [1, 3, 2, 2], [1, 1, 1, 4], [2, 2, 2, 9]]
    source = in_memory(data, TEN_METRES, UTM)
    pixels = warped(source, utm(0, 0, 12, 12, (3, 3)), Interpolation.MAJORITY)

    assert pixels.values[0, 0, 0] == 2
    assert pixels.values[0, 1, 1] == 0


def test_of_equally_common_values_the_one_at_the_centre_wins():
    data = np.arange(81, dtype="u1").reshape(1, 9, 9)
    pixels = warped(
        in_memory(data, TEN_METRES, UTM), utm(0, 0, 9, 9, (3, 3)), Interpolation.MAJORITY
    )

    assert pixels.values[0].tolist() == [[10, 13, 16], [37, 40, 43], [64, 67, 70]]


@pytest.mark.parametrize("interpolation", EVERY)
@pytest.mark.parametrize(
    ("bounds", "wkid", "size"),
    [
        ((1.6e6, 6.45e6, 1.64e6, 6.49e6), 3857, (230, 190)),
        ((450000, 5573000, 457000, 5580000), 32633, (200, 200)),
        ((449000, 5572000, 452000, 5581000), 32633, (31, 77)),
    ],
)
def test_cutting_into_blocks_cannot_be_seen(interpolation, bounds, wkid, size):
    rng = np.random.default_rng(3)
    data = rng.integers(0, 4000, (2, 500, 500)).astype("u2")
    mask = (rng.random((1, 500, 500)) > 0.1).astype("u1") * 255
    source = in_memory(data, TEN_METRES, UTM, mask=mask)
    target = grid(bounds, wkid, size)
    layer = plan_layer(source, target, (0, 1), interpolation)
    whole = warp(layer, target, target.whole)

    for step in (17, 64, 100):
        for top in range(0, size[1], step):
            for left in range(0, size[0], step):
                rows, columns = (top, min(top + step, size[1])), (left, min(left + step, size[0]))
                part = warp(layer, target, Window(rows=rows, columns=columns))
                assert np.array_equal(part.values, whole.values[:, slice(*rows), slice(*columns)])
                assert np.array_equal(part.valid, whole.valid[:, slice(*rows), slice(*columns)])


def test_a_window_that_needs_too_much_is_halved_unseen(monkeypatch):
    source = in_memory(waves((400, 400), 3), TEN_METRES, UTM)
    target = utm(0, 0, 400, 400, (150, 130))
    layer = plan_layer(source, target, (0, 1, 2), Interpolation.CUBIC)
    whole = warp(layer, target, target.whole)
    monkeypatch.setattr(module, "_MOST_SOURCE_BYTES", 20_000)

    assert np.array_equal(warp(layer, target, target.whole).values, whole.values)


WORLD = Affine(1, 0, -180, 0, -1, 90)


@pytest.mark.parametrize("first", [-180, 0, -90])
@pytest.mark.parametrize("interpolation", EVERY)
def test_the_antimeridian_is_no_seam(first, interpolation):
    """A value that depends on longitude only, and is smooth across 180°, at 0.25°."""
    longitude = np.radians(np.arange(first, first + 360) + 0.5)
    data = np.broadcast_to(100 + 50 * np.cos(longitude), (1, 180, 360)).copy()
    source = in_memory(data, Affine(1, 0, first, 0, -1, 90), crs_from_wkid(4326))
    pixels = warped(source, grid((150, -10, 210, 10), 4326, (240, 80)), interpolation)
    expected = 100 + 50 * np.cos(np.radians(150 + (np.arange(240) + 0.5) / 4))

    assert (pixels.valid == 255).all()
    assert np.abs(pixels.values[0] - expected).max() < (0.03 if interpolation in SMOOTH else 0.5)


def test_every_meridian_meets_at_the_pole():
    latitude = np.radians(90 - (np.arange(180) + 0.5))
    data = np.broadcast_to(100 * np.sin(latitude)[:, None], (1, 180, 360)).copy()
    source = in_memory(data, WORLD, crs_from_wkid(4326))
    pixels = warped(source, grid((-2e6, -2e6, 2e6, 2e6), 3995, (100, 100)), Interpolation.BILINEAR)

    assert (pixels.valid == 255).all()
    assert pixels.values.max() <= 100
    assert np.abs(pixels.values[0] - pixels.values[0].T).max() < 1e-6
    assert pixels.values[0, 50, 50] == pytest.approx(100, abs=0.01)


def test_the_world_map_repeats_beyond_its_edges():
    data = np.broadcast_to(np.arange(360.0), (1, 180, 360)).copy()
    source = in_memory(data, WORLD, crs_from_wkid(4326))
    pixels = warped(source, grid((-540, -90, 540, 90), 4326, (1080, 180)), Interpolation.NEAREST)

    assert np.array_equal(pixels.values[0, 0], np.tile(np.arange(360.0), 3))


@pytest.mark.parametrize("interpolation", EVERY)
def test_a_map_that_lacks_a_meridian_does_not_repeat_across_the_gap(interpolation):
    data = np.zeros((1, 180, 359))
    data[..., -1] = 1000
    source = in_memory(data, WORLD, crs_from_wkid(4326))  # As far as 179 degrees east.
    pixels = warped(source, grid((178, -1, 182, 1), 4326, (16, 8)), interpolation)

    assert pixels.valid[0].tolist() == [[255] * 4 + [0] * 4 + [255] * 8] * 8
    assert (pixels.values[0, :, 3] > 900).all()
    assert (pixels.values[0, :, 8:] == 0).all()


@pytest.mark.parametrize("interpolation", EVERY)
def test_what_is_farther_than_integers_count_is_no_data(interpolation):
    """Compiled code that takes 1e20 for an integer would read outside of its arrays."""
    tiny, far = Affine(1e-6, 0, 0, 0, -1e-6, 0), 1.5 * 2**48
    source = in_memory(waves((40, 50)), tiny, UTM)
    pixels = warped(source, grid((-far, -far, far, far), 32633, (3, 3)), interpolation)

    assert pixels.valid[0].tolist() == [[0, 0, 0], [0, 255, 0], [0, 0, 0]]


def test_what_has_no_place_in_a_projection_is_no_data():
    source = in_memory(waves((180, 360)), WORLD, crs_from_wkid(4326))
    pixels = warped(
        source, grid((-1.8e7, -9e6, 1.8e7, 9e6), 54009, (360, 180)), Interpolation.CUBIC
    )

    assert pixels.valid[0, 0, 0] == pixels.valid[0, -1, -1] == 0
    assert pixels.valid[0, 90, 180] == 255
    # The world is an ellipse with half-axes R·2√2 and R·√2.
    area = math.pi * 2 * 2 * 6378137**2 / (36e6 * 18e6)
    assert (pixels.valid > 0).mean() == pytest.approx(area, abs=0.005)


@pytest.mark.parametrize(
    "affine",
    [
        Affine(10, 0, 450000, 0, 10, 5579600),
        Affine.translation(449877, 5579823) @ Affine.rotation(30) @ Affine.scale(10, -10),
        Affine(-10, 0, 450400, 0, -10, 5580000),
        Affine(10, 3, 450000, 2, -10, 5580000),
    ],
)
def test_turned_and_mirrored_rasters_lie_where_their_affine_says(affine):
    y, x = np.mgrid[:40, :40] + 0.5
    east, north = affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
    source = in_memory((0.001 * east + 0.002 * north)[None], affine, UTM)
    target = grid((450100, 5579700, 450200, 5579800), 32633, (37, 23))
    pixels = warped(source, target, Interpolation.BILINEAR)
    xs = 450100 + (np.arange(37) + 0.5) * 100 / 37
    ys = 5579800 - (np.arange(23) + 0.5) * 100 / 23
    known = pixels.alpha() > 0
    expected = 0.001 * xs + 0.002 * ys[:, None]

    assert known.any()
    assert np.abs(pixels.values[0] - expected)[known].max() < 1e-6


def test_a_raster_of_one_pixel_is_drawn():
    pixels = warped(
        in_memory(np.full((1, 1, 1), 9, "u1"), TEN_METRES, UTM), utm(-1, -1, 2, 2, (30, 30)),
        Interpolation.CUBIC,
    )  # fmt: skip

    assert (pixels.valid > 0).sum() == 100
    assert (pixels.values[pixels.valid > 0] == 9).all()


@pytest.mark.parametrize("interpolation", EVERY)
@pytest.mark.parametrize("left", [0.0, 9.6])
@pytest.mark.parametrize("top", [0.0, 7.6])
def test_a_window_inside_of_an_outermost_pixel_shows_it(interpolation, left, top):
    data = np.arange(80, dtype="float32").reshape(1, 8, 10)
    mask = np.full((1, 8, 10), 255, "u1")
    mask[0, 4, 4] = 0
    source = in_memory(data, TEN_METRES, UTM, mask=mask)
    pixels = warped(source, utm(left, top, left + 0.4, top + 0.4, (20, 20)), interpolation)

    assert (pixels.valid == 255).all()
    assert (pixels.values == data[0, int(top), int(left)]).all()


@pytest.mark.parametrize("interpolation", EVERY)
def test_an_overview_is_placed_as_the_raster_is(interpolation):
    """Levels of odd sizes cover the same ground; a plane tells a shift of a part of a pixel."""
    y, x = np.mgrid[:401, :333] + 0.5
    plane = (2.0 * x + 3.0 * y)[None]
    y2, x2 = (np.mgrid[:201, :167] + 0.5) * np.array([401 / 201, 333 / 167])[:, None, None]
    source = in_memory(plane, TEN_METRES, UTM, overviews=((2.0 * x2 + 3.0 * y2)[None],))
    target = utm(50, 60, 250, 310, (90, 110))
    layer = plan_layer(source, target, (0,), interpolation)
    pixels = warp(layer, target, target.whole)
    across = 50 + (np.arange(90) + 0.5) * 200 / 90
    down = 60 + (np.arange(110) + 0.5) * 250 / 110

    assert layer.level == 1
    off = pixels.values[0] - (2 * across + 3 * down[:, None])
    assert abs(off.mean()) < 0.2
    assert np.abs(off).max() < (1 if interpolation in SMOOTH else 6)


@pytest.mark.parametrize("interpolation", EVERY)
@pytest.mark.parametrize(("row", "valid"), [(89, 255), (91, 0)])
def test_a_stepped_level_ends_where_the_raster_does(interpolation, row, valid):
    """Three rows that stand for 32 each reach six rows beyond the raster's 90."""
    levels = (
        Level(shape_yx=(90, 90), scale_yx=(1.0, 1.0)),
        Level(shape_yx=(3, 3), scale_yx=(32.0, 32.0), step=32),
    )
    source = in_memory(
        np.ones((1, 90, 90)), TEN_METRES, UTM, overviews=(np.ones((1, 3, 3)),), levels=levels
    )
    target = utm(45 - 64, row - 64, 45 + 64, row + 64, (1, 1))
    layer = plan_layer(source, target, (0,), interpolation)

    assert layer.level == 1
    assert warp(layer, target, target.whole).valid[0, 0, 0] == valid


def test_indices_of_a_palette_are_never_averaged():
    data = np.array([[[1, 200], [200, 1]]], "u1")
    source = in_memory(data, TEN_METRES, UTM, palette=((0, 0, 0, 255),) * 256)
    pixels = warped(source, utm(0, 0, 2, 2, (11, 11)), Interpolation.CUBIC)

    assert set(np.unique(pixels.values)) == {1, 200}


def test_alpha_of_the_source_is_kept_between_0_and_255():
    data = np.full((1, 4, 4), 50, "u1")
    mask = np.full((1, 4, 4), 255, "u1")
    mask[0, :, 2:] = 101
    pixels = warped(
        in_memory(data, TEN_METRES, UTM, mask=mask), utm(0, 0, 4, 4, (8, 8)), Interpolation.BILINEAR
    )

    assert (pixels.values == 50).all()
    assert set(pixels.valid[0, 4]) == {255, 217, 140, 101}
