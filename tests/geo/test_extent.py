"""Extents; pyproj's own bounds and the published captures are the witnesses."""

from __future__ import annotations

import pyproj
import pytest

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.extent import Extent, projected


def extent(bounds, wkid):
    xmin, ymin, xmax, ymax = bounds
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs_from_wkid(wkid))


@pytest.mark.parametrize(
    ("size", "bounds"),
    [
        ((400, 400), (-117, 34, -116, 35)),
        ((800, 400), (-117.5, 34, -115.5, 35)),
        ((200, 600), (-117, 33, -116, 36)),
    ],
)
def test_only_the_short_side_grows_about_the_centre(size, bounds):
    assert extent((-117, 34, -116, 35), 4326).widened(*size).bounds == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("bounds", "source", "target"),
    [
        ((14.3, 50.1, 14.6, 50.3), 4326, 32633),
        ((-117, 34, -116, 35), 4326, 3857),
        ((-100, 35, -92, 40), 4326, 102003),
        ((14, 50, 15, 51), 4326, 3035),
        ((460000, 5560000, 461000, 5561000), 32633, 3857),
    ],
)
def test_a_box_becomes_the_envelope_of_its_densified_edges(bounds, source, target):
    first, second = crs_from_wkid(source), crs_from_wkid(target)
    witness = pyproj.Transformer.from_crs(first.proj, second.proj, always_xy=True)

    assert projected(extent(bounds, source), second).bounds == pytest.approx(
        witness.transform_bounds(*bounds, densify_pts=21), abs=1e-6
    )


def test_x_runs_on_past_the_antimeridian():
    box = projected(extent((170, -10, 190, 10), 4326), crs_from_wkid(3857))
    metres = 6378137 * 3.141592653589793 / 180

    assert (box.xmin, box.xmax) == pytest.approx((170 * metres, 190 * metres))


def test_a_box_around_a_pole_takes_in_the_pole():
    box = projected(extent((-1e6, -1e6, 1e6, 1e6), 3995), crs_from_wkid(4326))

    assert (box.xmin, box.xmax, box.ymax) == (-180, 180, 90)
    assert 75 < box.ymin < 82


@pytest.mark.parametrize(
    ("wkid", "pole"),
    [(4087, 10018754.17), (54003, 14675057.85), (6933, 7342230.13), (3857, 20037508.34)],
)
def test_a_box_around_a_pole_reaches_to_where_a_map_has_it(wkid, pole):
    """The last map is Mercator's, on which it would be infinitely far."""
    found = projected(extent((-2e6, -2e6, 2e6, 2e6), 3995), crs_from_wkid(wkid))

    assert found.ymax == pytest.approx(pole, abs=0.1)
    south = projected(extent((-2e6, -2e6, 2e6, 2e6), 3031), crs_from_wkid(wkid))
    assert south.ymin == pytest.approx(-pole, abs=0.1)


def test_a_cap_in_degrees_is_wide_enough_in_polar_metres():
    """The parallel of 60° is a circle: its radius, from PROJ, must fit into the box."""
    polar = crs_from_wkid(3995)
    box = projected(extent((-180, 60, 180, 90), 4326), polar)
    x, _ = pyproj.Transformer.from_crs(4326, polar.proj, always_xy=True).transform(90, 60)

    assert box.xmax == pytest.approx(x, rel=2e-3)


@pytest.mark.parametrize(
    "bounds", [(-180, -90, 180, 90), (-13024380, 4028802, -12913060, 4163881), (0, 80, 1, 95)]
)
def test_a_box_without_a_place_in_the_target_is_none(bounds):
    assert projected(extent(bounds, 4326), crs_from_wkid(3857)) is None


def test_containing_allows_for_rounding_only():
    box = extent((0, 0, 10, 10), 3857)

    assert box.contains(extent((0, 0, 10, 10 + 1e-9), 3857))
    assert not box.contains(extent((0, 0, 10, 10.001), 3857))
