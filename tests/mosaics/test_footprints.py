"""Footprints in the service's reference, against PROJ's own points and boxes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rasterio.warp import transform_bounds

from exportimage_wsgi.errors import UnknownCRSError
from exportimage_wsgi.geo.crs import crs_from_wkid, crs_from_wkt
from exportimage_wsgi.mosaics.footprints import projected_outlines, side_by_side

MOON = (
    'GEOGCRS["Moon",DATUM["Moon",ELLIPSOID["Moon",1737400,0]],CS[ellipsoidal,2],'
    'AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]]'
)


def projected(box: tuple[float, float, float, float], source: int, target: int) -> shapely.Polygon:
    outlines = np.array([shapely.box(*box)])
    return projected_outlines(outlines, crs_from_wkid(source), crs_from_wkid(target))[0]


@pytest.mark.parametrize("target", [3857, 4326, 32634, 3035, 3995])
def test_edges_are_densified(target: int) -> None:
    box = (300_000, 5_000_000, 700_000, 6_000_000)

    found = projected(box, 32633, target).bounds

    expected = transform_bounds("EPSG:32633", f"EPSG:{target}", *box, densify_pts=1000)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("target", [4326, 3857])
def test_a_scene_across_the_antimeridian_is_one_piece(target: int) -> None:
    # Zone 60 ends at 180 degrees.
    found = projected((700_000, 8_000_000, 900_000, 8_100_000), 32760, target)

    world = 360 if target == 4326 else 2 * 20037508.342789244
    assert shapely.get_num_geometries(found) == 1
    assert found.bounds[2] - found.bounds[0] < world / 100
    assert found.bounds[0] < world / 2 < found.bounds[2]


def test_what_runs_past_the_antimeridian_stays_in_one_piece() -> None:
    found = projected((178, -20, 183, -15), 4326, 3857)

    assert found.bounds[2] - found.bounds[0] == pytest.approx(5 / 360 * 2 * 20037508.342789244)


def test_a_scene_around_a_pole_holds_the_pole() -> None:
    found = projected((-1_000_000, -1_000_000, 1_000_000, 1_000_000), 3031, 4326)

    assert found.bounds[:2] == (-180, -90)
    assert found.bounds[2] == 180
    assert shapely.contains_xy(found, [0, 90, -90, 179], [-89.9, -85, -85, -85]).all()


def test_a_scene_around_a_pole_is_made_of_areas_where_the_map_has_no_pole() -> None:
    found = projected((-400_000, -400_000, 400_000, 400_000), 3413, 3857)

    assert {each.geom_type for each in shapely.get_parts(found)} == {"Polygon"}
    # Above a corner, at 90 degrees east.
    assert shapely.contains_xy(found, 10018754, 21e6)


def test_what_lies_beyond_the_projection_is_left_out() -> None:
    found = projected((-180, -90, 180, 90), 4326, 3857)

    assert found.bounds[0] == pytest.approx(-20037508.342789244)
    assert found.bounds[3] > 20_000_000


def test_a_world_from_0_to_360_stays_whole() -> None:
    assert projected((0, -90, 360, 90), 4326, 4326).bounds == (0, -90, 360, 90)


def test_footprints_lie_within_half_a_turn() -> None:
    assert projected((355, 0, 365, 10), 4326, 4326).bounds == (-5, 0, 5, 10)


def test_nothing_leads_from_another_planet() -> None:
    with pytest.raises(UnknownCRSError):
        projected_outlines(
            np.array([shapely.box(0, 0, 1, 1)]), crs_from_wkt(MOON), crs_from_wkid(4326)
        )


def _placed(*boxes: tuple[float, float]) -> list[tuple[float, float]]:
    """West and east of footprints in degrees, side by side."""
    polygons = np.array([shapely.box(west, 0, east, 1) for west, east in boxes])
    found = shapely.bounds(side_by_side(polygons, crs_from_wkid(4326)))
    return [(west, east) for west, _, east, _ in found.tolist()]


def test_footprints_on_both_sides_of_the_antimeridian_are_neighbours() -> None:
    assert _placed((177, 178), (-179, -178), (179, 181)) == [(177, 178), (181, 182), (179, 181)]
    assert _placed((177, 178), (-180, -170)) == [(-183, -182), (-180, -170)]


@pytest.mark.parametrize("boxes", [[(-10, 10), (20, 30)], [(-180, -60), (-60, 60), (60, 180)]])
def test_other_footprints_stay_where_they_are(boxes: list[tuple[float, float]]) -> None:
    assert _placed(*boxes) == boxes
