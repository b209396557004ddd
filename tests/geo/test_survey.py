"""Surveys of a whole grid."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.placement import Placement, positions
from exportimage_wsgi.geo.survey import surely_inside, typical_steps
from tests.geo.grids import UTM, grid_over, mesh_over


def test_steps_are_source_pixels_per_output_pixel():
    grid = grid_over((460000, 5560000, 470000, 5570000), 32633, (250, 500))

    assert typical_steps(grid, UTM) == pytest.approx((4.0, 2.0))
    assert mesh_over(grid, UTM, steps=(9.0, 9.0)).steps[0, 0] == pytest.approx((4.0, 2.0))


def test_a_grid_without_a_place_on_the_raster_has_no_steps():
    grid = grid_over((-1.9e7, 9.5e6, -1.8e7, 1e7), 54009, (10, 10))

    assert typical_steps(grid, UTM) is None


@pytest.mark.parametrize(
    ("bounds", "inside"),
    [
        ((460000, 5560000, 470000, 5570000), True),
        ((450000, 5550000, 480000, 5580000), True),
        ((449900, 5550000, 480000, 5580000), False),
        ((479000, 5579000, 481000, 5581000), False),
    ],
)
def test_it_is_known_whether_all_pixels_lie_on_the_raster(bounds, inside):
    assert surely_inside(grid_over(bounds, 32633, (300, 300)), UTM) is inside


def test_a_picture_that_bulges_out_of_the_raster_between_two_looks_is_not_inside():
    """A parallel is lowest at ten degrees east, where no column of the lattice lies."""
    raster = Placement(
        crs=crs_from_wkid(3035), affine=Affine(100, 0, 3500000, 0, -100, 3600000),
        shape_yx=(11623, 20000),
    )  # fmt: skip
    grid = grid_over((5, 45, 16, 50), 4326, (110, 50))
    columns = np.array([44.1, 50.0, 55.0])
    lowest = positions(grid, raster, columns, np.full(3, 49.5))[1]

    assert max(lowest[0], lowest[2]) < 11623 < lowest[1]
    assert surely_inside(grid, raster) is False


def test_a_picture_wider_than_the_world_is_not_inside_a_raster_of_a_part_of_it():
    """Here all columns of the lattice lie on the same meridian, in the middle of the raster."""
    part = Placement(
        crs=crs_from_wkid(4326), affine=Affine(0.1, 0, 170, 0, -0.1, 10), shape_yx=(200, 200)
    )
    half = 401 * 18 / 2
    grid = grid_over((180 - half, -1, 180 + half, 1), 4326, (401, 10))

    assert surely_inside(grid, part) is False
