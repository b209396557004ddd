"""The mesh; PROJ and GDAL are the witnesses of where a pixel lies."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.transform import GCPTransformer

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.geo.placement import Placement
from exportimage_wsgi.geo.survey import typical_steps
from tests.geo.grids import UTM, WORLD, grid_over, mesh_over

GRIDS = {
    "mercator": (UTM, grid_over((1.6e6, 6.45e6, 1.63e6, 6.48e6), 3857, (500, 500))),
    "laea": (UTM, grid_over((4.6e6, 2.99e6, 4.63e6, 3.02e6), 3035, (410, 333))),
    "world": (WORLD, grid_over((-2e7, -2e7, 2e7, 2e7), 3857, (300, 300))),
    "mollweide": (WORLD, grid_over((-1.8e7, -9e6, 1.8e7, 9e6), 54009, (360, 180))),
    "pole": (WORLD, grid_over((-4e6, -4e6, 4e6, 4e6), 3995, (250, 250))),
    "antimeridian": (WORLD, grid_over((170, -10, 190, 10), 4326, (400, 400))),
}


def exact(grid, placement):
    """Columns and rows of all pixel centres, each projected by PROJ."""
    height, width = grid.shape_yx
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = grid.affine.a * columns + grid.affine.c, grid.affine.e * rows + grid.affine.f
    transformer = pyproj.Transformer.from_crs(grid.crs.proj, placement.crs.proj, always_xy=True)
    x, y = transformer.transform(x, y)
    back = ~placement.affine
    return back.a * x + back.c, back.e * y + back.f


@pytest.mark.parametrize("name", GRIDS)
def test_interpolated_positions_are_within_a_hundredth_of_a_pixel(name):
    placement, grid = GRIDS[name]
    found = mesh_over(grid, placement)
    columns, rows = exact(grid, placement)
    off = found.columns - columns
    if placement.period:
        off -= placement.period * np.round(off / placement.period)
    known = np.isfinite(columns) & np.isfinite(rows)

    assert np.array_equal(np.isfinite(found.columns), known)
    assert np.abs(off[known]).max() < 0.01
    assert np.abs((found.rows - rows)[known]).max() < 0.01


@pytest.mark.parametrize("name", GRIDS)
def test_a_window_sees_the_same_positions_as_the_whole(name):
    placement, grid = GRIDS[name]
    whole = mesh_over(grid, placement)
    part = mesh_over(grid, placement, Window(rows=(37, 101), columns=(83, 150)))

    assert np.array_equal(part.columns, whole.columns[37:101, 83:150], equal_nan=True)
    assert np.array_equal(part.rows, whole.rows[37:101, 83:150], equal_nan=True)


def test_columns_of_a_raster_around_the_world_lie_on_it():
    placement, grid = GRIDS["antimeridian"]
    columns = mesh_over(grid, placement).columns

    assert columns.min() >= 0
    assert columns.max() < 1440


@pytest.mark.parametrize("width", [4, 10, 20, 31, 40])
def test_a_thumbnail_of_the_world_runs_eastward(width):
    grid = grid_over((-180, -90, 180, 90), 4326, (width, width // 2))
    columns = mesh_over(grid, WORLD, steps=typical_steps(grid, WORLD)).columns

    assert columns[0] == pytest.approx((np.arange(width) + 0.5) * 1440 / width)


def test_longitudes_from_0_to_360_hold_the_western_half():
    placement = Placement(
        crs=crs_from_wkid(4326), affine=Affine(1, 0, 0, 0, -1, 90), shape_yx=(180, 360)
    )
    grid = grid_over((-100, 0, -90, 10), 4326, (10, 10))

    assert mesh_over(grid, placement).columns[0, 0] == pytest.approx(260.5)


def test_ground_points_place_a_raster_as_gdal_does():
    points = ((0, 0, 10.0, 50.0), (100, 0, 11.0, 50.2), (0, 100, 9.9, 49.0), (100, 100, 11.1, 49.1))
    placement = Placement(
        crs=crs_from_wkid(4326), affine=Affine.identity(), shape_yx=(100, 100), ground_points=points
    )
    grid = grid_over((10.2, 49.3, 10.8, 49.9), 4326, (60, 60))
    found = mesh_over(grid, placement)
    witness = GCPTransformer([GroundControlPoint(col=c, row=r, x=x, y=y) for c, r, x, y in points])
    rows, columns = witness.rowcol([10.205], [49.895], op=float)

    assert (found.columns[0, 0], found.rows[0, 0]) == pytest.approx((columns[0], rows[0]), abs=0.01)
