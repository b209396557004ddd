"""Views and their cubes."""

from __future__ import annotations

import dask
import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery import view as module
from exportimage_wsgi.imagery.layer import plan_layer
from exportimage_wsgi.imagery.view import View, cube, read
from exportimage_wsgi.pixels import Interpolation, PixelType
from tests.rasters import grid, in_memory, waves

UTM = crs_from_wkid(32633)
TEN_METRES = Affine(10, 0, 450000, 0, -10, 5580000)


def view(source, target, **changes):
    layer = plan_layer(source, target, (0,), Interpolation.BILINEAR)
    return View(grid=target, layer=layer, pixel_type=PixelType.F32, **changes)


@pytest.fixture
def scene():
    return in_memory(waves((300, 300)), TEN_METRES, UTM)


@pytest.fixture
def target():
    return grid((451000, 5577500, 453100, 5579000), 32633, (210, 150))


def test_a_cube_is_lazy_and_labelled(scene, target):
    array = cube(view(scene, target), "scene", "token")

    assert dask.is_dask_collection(array)
    assert array.dims == ("band", "y", "x")
    assert array.rio.crs.to_epsg() == 32633
    assert tuple(array.rio.transform())[:6] == (10, 0, 451000, 0, -10, 5579000)
    assert (array.x[0], array.y[0]) == (451005, 5578995)


def test_a_cube_holds_the_pixels_that_are_read(scene, target):
    seen = view(scene, target)

    assert np.array_equal(cube(seen, "scene", "t").values, read(seen, target.whole).values)


def test_no_data_is_filled_and_declared(scene):
    wide = grid((449000, 5578000, 451000, 5580000), 32633, (20, 20))
    array = cube(view(scene, wide, fill=(-1.0,)), "scene", "t")

    assert array.rio.nodata == -1
    assert (array.values[0, :, :10] == -1).all()
    assert array.valid.values[:, 10:].all()
    assert not array.valid.values[:, :10].any()


def test_blocks_of_any_size_give_the_same_pixels(scene, target, monkeypatch):
    seen = view(scene, target)
    whole = read(seen, target.whole)
    monkeypatch.setattr(module, "BLOCK", 37)

    assert np.array_equal(read(seen, target.whole).values, whole.values)
    assert np.array_equal(cube(seen, "scene", "t").values, whole.values)


def test_a_part_of_a_cube_is_read_alone(scene, target):
    part = cube(view(scene, target), "scene", "t")[:, 20:30, 5:60]
    window = Window(rows=(20, 30), columns=(5, 60))

    assert np.array_equal(part.values, read(view(scene, target), window).values)


def test_nothing_selected_is_no_data(scene, target):
    pixels = read(view(scene, target, blank=True), target.whole)

    assert not pixels.valid.any()
