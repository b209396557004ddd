"""Which items a picture needs, told from the table alone: no raster stands behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine

from exportimage_wsgi.esri.rules import mosaic_rule_of
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Grid
from exportimage_wsgi.imagery.sources.source import Level, SourceInfo
from exportimage_wsgi.mosaics.dataset import MosaicDataset
from exportimage_wsgi.mosaics.ordering import order_of
from exportimage_wsgi.mosaics.selecting import boxes_of, ranked_positions, select
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.pixels import PixelType
from tests.mosaics.items import dates, item_table
from tests.rasters import grid


def dataset(table, **settings):
    place = Grid(crs=table.crs, affine=Affine(1, 0, 0, 0, -1, 0), shape_yx=(100, 100))
    info = SourceInfo(
        grid=place,
        pixel_type=PixelType.U8,
        band_names=("Band_1",),
        nodata=(None,),
        masked=True,
        levels=(Level(shape_yx=(100, 100), scale_yx=(1.0, 1.0)),),
        version=table.version,
    )
    return MosaicDataset(table=table, info=info, settings=MosaicSettings(**settings))


def ids(mosaic, place, rule=None, time=None):
    """OBJECTIDs of what is drawn, the topmost first."""
    order = order_of(mosaic.settings, None if rule is None else mosaic_rule_of(rule), time)
    found = ranked_positions(mosaic, place, order)
    return mosaic.table.numbers("objectid")[found].tolist()


def row_of_boxes(count, width=10.0, step=10.0):
    return [shapely.box(i * step, 0, i * step + width, 10) for i in range(count)]


PLACE = grid((0, 0, 100, 10), 3857, (100, 10))


def test_only_items_under_the_picture_are_selected():
    mosaic = dataset(item_table(row_of_boxes(10), 3857))

    assert ids(mosaic, grid((21, 1, 39, 9), 3857, (10, 10))) == [3, 4]
    assert ids(mosaic, grid((500, 0, 600, 9), 3857, (10, 10))) == []


@pytest.mark.parametrize("turns", [-4, -1, 0, 1, 5])
def test_items_are_found_any_number_of_turns_around_the_world(turns):
    mosaic = dataset(item_table([shapely.box(170, 0, 190, 9), shapely.box(0, 0, 9, 9)], 4326))

    for west, found in ((-178, 1), (173, 1), (3, 2)):
        place = grid((west + 360 * turns, 0, west + 360 * turns + 4, 9), 4326, (10, 10))
        assert ids(mosaic, place) == [found]


@pytest.mark.parametrize("method", ["Attribute", "Northwest", "Center", "Nadir", "Viewpoint"])
def test_ties_are_broken_by_id_in_every_order(method):
    boxes = [shapely.box(0, 0, 10, 10)] * 40
    mosaic = dataset(item_table(boxes, 3857, Year=[2000] * 40))
    rule = {
        "mosaicMethod": f"esriMosaic{method}",
        "sortField": "Year",
        "viewpoint": {"x": 3, "y": 4},
    }

    assert ids(mosaic, PLACE, rule) == list(range(1, 41))
    assert ids(mosaic, PLACE, rule | {"ascending": False}) == list(range(40, 0, -1))


def test_what_is_equally_far_but_for_rounding_is_a_tie():
    """Pairs of items, right and left of a middle that is no binary fraction."""
    shifts = [shift for step in range(1, 40) for shift in (step * 0.1, -step * 0.1)]
    boxes = [shapely.box(60.3 + shift - 5, 0, 60.3 + shift + 5, 10) for shift in shifts]
    place = grid((10.3, 0, 110.3, 10), 3857, (100, 10))

    found = ids(dataset(item_table(boxes, 3857)), place, {"mosaicMethod": "esriMosaicCenter"})

    assert found == list(range(1, 79))


def test_many_that_are_tied_in_groups_keep_the_order_of_their_ids():
    boxes = row_of_boxes(3) * 20
    found = ids(dataset(item_table(boxes, 3857)), PLACE, {"mosaicMethod": "esriMosaicNorthwest"})

    assert found == [*range(1, 61, 3), *range(2, 61, 3), *range(3, 61, 3)]


@pytest.mark.parametrize("ascending", [True, False])
def test_items_without_a_value_come_last(ascending):
    mosaic = dataset(item_table(row_of_boxes(4), 3857, Year=[None, 2003, None, 2001]))
    rule = {"mosaicMethod": "esriMosaicAttribute", "sortField": "Year", "ascending": ascending}

    assert ids(mosaic, PLACE, rule)[:2] == ([4, 2] if ascending else [2, 4])


@pytest.mark.parametrize(
    "value",
    [
        *(1577836800000, "1577836800000", "2020-01-01", "2020/01/01", "20200101"),
        *("2020-01-01T00:00:00Z", "2020-01-01 02:00+02:00"),
    ],
)
def test_a_date_is_near_a_date_however_it_is_written(value):
    when = dates("2015-06-01", "2019-12-24", "2020-03-01", None)
    mosaic = dataset(item_table(row_of_boxes(4), 3857, Taken=when))
    rule = {"mosaicMethod": "esriMosaicAttribute", "sortField": "taken", "sortValue": value}

    assert ids(mosaic, PLACE, rule) == [2, 3, 1, 4]


def test_digits_are_milliseconds_though_python_reads_a_date_in_them():
    mosaic = dataset(item_table(row_of_boxes(2), 3857, Taken=dates("1601-01-01", "2020-09-25")))
    value = "1601010100000"
    rule = {"mosaicMethod": "esriMosaicAttribute", "sortField": "taken", "sortValue": value}

    assert ids(mosaic, PLACE, rule) == [2, 1]


@pytest.mark.parametrize("value", [20200131, "20200131", " 20200131 "])
def test_a_number_of_many_digits_is_the_text_of_them(value):
    mosaic = dataset(item_table(row_of_boxes(3), 3857, Day=["2.02001e+07", "20200130", "20200131"]))
    rule = {"mosaicMethod": "esriMosaicAttribute", "sortField": "day", "sortValue": value}

    assert ids(mosaic, PLACE, rule) == [3, 1, 2]


def test_the_nadir_counts_where_it_is_known_and_the_centre_elsewhere():
    table = item_table(row_of_boxes(3), 3857, nadir_x=[99.0, None, 51.0], nadir_y=[5.0, None, 5.0])
    mosaic = dataset(table)

    assert ids(mosaic, PLACE, {"mosaicMethod": "esriMosaicNadir"}) == [3, 2, 1]
    assert ids(mosaic, PLACE, {"mosaicMethod": "esriMosaicCenter"}) == [3, 2, 1]
    seen = {"x": 100, "y": 0}
    assert ids(mosaic, PLACE, {"mosaicMethod": "esriMosaicViewpoint", "viewpoint": seen}) == [
        1, 3, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("west", [179.5, -180.5])
def test_the_nearest_item_may_lie_past_the_antimeridian(west):
    boxes = [shapely.box(170, 0, 180, 1), shapely.box(-180, 0, -170, 1)]
    mosaic = dataset(item_table(boxes, 4326))
    seen = {"mosaicMethod": "esriMosaicViewpoint", "viewpoint": {"x": west + 1, "y": 0}}

    place = grid((west, 0, west + 2, 1), 4326, (10, 5))
    assert ids(mosaic, place, {"mosaicMethod": "esriMosaicCenter"}) == [2, 1]
    assert ids(mosaic, place, {"mosaicMethod": "esriMosaicNadir"}) == [2, 1]
    assert ids(mosaic, place, seen) == [2, 1]


def test_a_viewpoint_may_be_given_in_another_reference():
    mosaic = dataset(item_table(row_of_boxes(3, 1e5, 1e5), 3857))
    place = grid((0, 0, 300000, 10), 3857, (100, 10))
    seen = {"x": 2.6, "y": 0, "spatialReference": {"wkid": 4326}}

    rule = {"mosaicMethod": "esriMosaicViewpoint", "viewpoint": seen}
    assert ids(mosaic, place, rule) == [3, 2, 1]


def test_a_viewpoint_without_a_place_is_refused():
    mosaic = dataset(item_table(row_of_boxes(3), 3857))
    seen = {"x": 0, "y": 1000, "spatialReference": {"wkid": 4326}}

    with pytest.raises(ValueError, match="viewpoint has no place"):
        ids(mosaic, PLACE, {"mosaicMethod": "esriMosaicViewpoint", "viewpoint": seen})


def test_items_are_drawn_at_their_pixel_sizes_only_unless_they_are_locked():
    table = item_table(row_of_boxes(3), 3857, min_ps=[0.0, 2.0, 0.0], max_ps=[2.0, 0.0, 0.0])
    mosaic = dataset(table)
    coarse = grid((0, 0, 100, 100), 3857, (10, 10))

    edge = grid((0, 0, 40, 20), 3857, (20, 10))

    assert ids(mosaic, PLACE) == [1, 3]
    assert ids(mosaic, coarse) == [2, 3]
    assert ids(mosaic, edge) == [1, 2, 3]  # Both ends count.
    rule = {"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [2, 1]}
    assert ids(mosaic, PLACE, rule) == [2, 1]


def test_locked_items_keep_their_order_and_are_drawn_once():
    mosaic = dataset(item_table(row_of_boxes(5), 3857))
    rule = {"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [4, 2, 4, 5]}

    assert ids(mosaic, PLACE, rule) == [4, 2, 5]
    assert ids(mosaic, PLACE, rule | {"where": "OBJECTID > 2"}) == [4, 5]


TAKEN = dates("2020-01-01", "2020-06-01", None, "2021-01-01")
JUNE, NEW_YEAR = 1590969600000, 1609459200000


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ((JUNE, JUNE), [2]),
        ((JUNE, NEW_YEAR), [2, 4]),
        ((None, JUNE), [1, 2]),
        ((JUNE + 1, None), [4]),
        ((None, None), [1, 2, 4]),
        ((1, 2), []),
    ],
)
def test_time_selects_ends_included(time, found):
    mosaic = dataset(item_table(row_of_boxes(4), 3857, Taken=TAKEN), time=("Taken",))

    assert ids(mosaic, PLACE, time=time) == found


def test_an_item_of_some_length_counts_wherever_it_meets_the_range():
    ends = dates("2020-03-01", "2020-07-01", None, "2021-02-01")
    table = item_table(row_of_boxes(4), 3857, Begun=TAKEN, Ended=ends)

    assert ids(dataset(table, time=("Begun", "Ended")), PLACE, time=(JUNE, JUNE)) == [2]
    assert ids(dataset(table, time=("Begun", "Ended")), PLACE, time=(JUNE, NEW_YEAR)) == [2, 4]


def test_time_has_no_effect_without_a_field_of_time():
    mosaic = dataset(item_table(row_of_boxes(4), 3857, Taken=TAKEN))

    assert ids(mosaic, PLACE, time=(1, 2)) == [1, 2, 3, 4]


def test_a_picture_around_the_antimeridian_finds_both_sides():
    shapes = [shapely.box(170, 0, 180, 10), shapely.box(-180, 0, -170, 10), shapely.box(0, 0, 1, 1)]
    mosaic = dataset(item_table(shapes, 4326))

    for west in (175, -185, 535):
        assert ids(mosaic, grid((west, 0, west + 10, 10), 4326, (10, 10))) == [1, 2]


def test_a_picture_wider_than_the_world_finds_all():
    shapes = [shapely.box(x, 0, x + 5, 5) for x in range(-180, 180, 40)]
    mosaic = dataset(item_table(shapes, 4326))

    assert len(ids(mosaic, grid((-400, -90, 400, 90), 4326, (10, 10)))) == len(shapes)


def test_a_picture_whose_edge_has_no_place_in_the_reference_finds_all():
    mosaic = dataset(item_table(row_of_boxes(4), 3857))
    globe = grid((-9e6, -9e6, 9e6, 9e6), 54030, (10, 10))
    globe = replace(globe, affine=Affine(4e6, 0, -2e7, 0, -4e6, 2e7))

    assert ids(mosaic, globe) == [1, 2, 3, 4]
    assert np.isfinite(boxes_of(globe, crs_from_wkid(3857))).all()


def test_more_items_than_allowed_are_cut_off_the_end_of_the_order():
    shapes = row_of_boxes(2000, 100.0, 0.001)
    table = replace(item_table(shapes, 3857), rasters=tuple(range(2000)))
    mosaic = dataset(table, max_images=5)
    order = order_of(mosaic.settings, mosaic_rule_of({"ascending": False}), None)
    selection = select(mosaic, PLACE, order, outlined=False)

    assert [item.object_id for item in selection.items] == [2000, 1999, 1998, 1997, 1996]
    assert selection.is_cut
