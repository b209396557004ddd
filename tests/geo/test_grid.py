"""Grids and windows."""

from __future__ import annotations

import pickle

from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.extent import Extent
from exportimage_wsgi.geo.grid import Grid, Window

UTM = crs_from_wkid(32633)


def test_a_grid_fills_its_extent():
    box = Extent(xmin=100, ymin=200, xmax=500, ymax=400, crs=UTM)
    grid = Grid.over(box, (40, 10))

    assert grid.affine == Affine(10, 0, 100, 0, -20, 400)
    assert (grid.shape_yx, grid.extent) == ((10, 40), box)


def test_the_extent_of_a_turned_grid_holds_its_corners():
    grid = Grid(crs=UTM, affine=Affine(3, -4, 0, 4, 3, 0), shape_yx=(10, 20))

    assert grid.extent.bounds == (-40, 0, 60, 110)
    assert grid.pixel_size_xy == (5, 5)


def test_a_window_of_a_grid_is_aligned_with_it():
    grid = Grid(crs=UTM, affine=Affine(10, 0, 100, 0, -20, 400), shape_yx=(10, 40))
    part = grid.window(slice(2, 5), slice(7, 11))

    assert part.affine @ (0, 0) == grid.affine @ (7, 2)
    assert part.shape_yx == (3, 4)


def test_values_survive_pickle_and_stay_equal():
    grid = Grid(crs=UTM, affine=Affine(10, 0, 100, 0, -20, 400), shape_yx=(10, 40))
    window = Window(rows=(1, 2), columns=(3, 5))

    assert pickle.loads(pickle.dumps((grid, window))) == (grid, window)
    assert hash(pickle.loads(pickle.dumps(grid))) == hash(grid)
