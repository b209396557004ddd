"""Geometries meet footprints as they lie on the earth, whatever reference they are given in."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from exportimage_wsgi.esri.geometry import geometry
from exportimage_wsgi.esri.queries import SpatialRelation, spatial_relation
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.mosaics.meeting import meeting, placed, shape_of
from exportimage_wsgi.mosaics.table import ItemTable
from tests.mosaics.items import item_table


def squares() -> ItemTable:
    """Ten by ten squares of a degree, from 0, 0; the first row is the southernmost."""
    return item_table([shapely.box(x, y, x + 1, y + 1) for y in range(10) for x in range(10)])


def met(items: ItemTable, text: Any, wkid: int = 4326, relation: str = "Intersects") -> list[int]:
    shape = shape_of(geometry(text if isinstance(text, str) else json.dumps(text)))
    shapes = placed(items, shape, crs_from_wkid(wkid))
    return meeting(items, shapes, spatial_relation(relation), items.everywhere).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5,0.5", [0]),
        ("0.5,0.5,1.5,0.6", [0, 1]),
        ('{"points":[[0.5,0.5],[9.5,9.5]]}', [0, 99]),
        ('{"paths":[[[0.5,0.5],[0.5,2.5]]]}', [0, 10, 20]),
        ('{"rings":[[[0.1,0.1],[0.1,0.9],[1.9,0.1],[0.1,0.1]]]}', [0, 1]),
        ("20,20,21,21", []),
        ("0.5,0.5,0.5,1.5", [0, 10]),
        ("0.5,0.5,0.5,0.5", [0]),
    ],
)
def test_every_kind_of_geometry_meets_what_it_lies_on(text: str, expected: list[int]) -> None:
    assert met(squares(), text) == expected


def test_rings_in_rings_are_holes_whichever_way_they_turn() -> None:
    def ring(low: float, high: float) -> list[list[float]]:
        return [[low, low], [high, low], [high, high], [low, high], [low, low]]

    text = {"rings": [ring(3.2, 6.8), ring(0.5, 9.5)[::-1], ring(4.4, 4.6)]}
    expected = shapely.box(0.5, 0.5, 9.5, 9.5) - shapely.box(3.2, 3.2, 6.8, 6.8)
    expected = expected | shapely.box(4.4, 4.4, 4.6, 4.6)

    assert shape_of(geometry(json.dumps(text))).equals(expected)
    assert 55 not in met(squares(), text)
    assert {0, 99, 44} <= set(met(squares(), text))


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("esriSpatialRelContains", {11}),
        ("esriSpatialRelEnvelopeIntersects", {0, 1, 2, 10, 11, 12, 20, 21, 22}),
        ("esriSpatialRelIndexIntersects", {0, 1, 2, 10, 11, 12, 20, 21, 22}),
        ("overlaps", {0, 1, 2, 10, 12, 20, 21, 22}),
        ("within", set()),
        ("touches", set()),
    ],
)
def test_relations_are_those_of_the_geometry_to_footprints(relation: str, expected: Any) -> None:
    assert set(met(squares(), "0.5,0.5,2.5,2.5", relation=relation)) == expected


def test_more_relations() -> None:
    items = squares()

    assert met(items, "0.2,0.2,0.8,0.8", relation="within") == [0]
    assert met(items, "-1,-1,0,0", relation="touches") == [0]
    assert met(items, '{"paths":[[[0.5,0.5],[0.5,1.5]]]}', relation="crosses") == [0, 10]
    triangle = {"rings": [[[0, 0], [0, 2], [2, 0], [0, 0]]]}
    assert 11 in met(items, triangle)
    assert met(items, {"rings": [[[0, 0], [0, 1.5], [1.5, 0], [0, 0]]]}) == [0, 1, 10]


def test_a_geometry_in_another_reference_is_bent() -> None:
    """The northern edge between two places of 60° N is an arc in a polar map."""
    items = item_table([shapely.box(x, y, x + 1, y + 1) for y in range(55, 75) for x in range(90)])
    to_polar = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform
    corners = [
        to_polar(*corner)
        for corner in ((5.3, 60.2), (85.3, 60.2), (85.3, 74), (5.3, 74), (5.3, 60.2))
    ]
    dense = shapely.segmentize(shapely.Polygon(corners), 10_000)
    back = pyproj.Transformer.from_crs(3413, 4326, always_xy=True).transform
    witness = shapely.transform(dense, lambda p: np.column_stack(back(p[:, 0], p[:, 1])))
    expected = shapely.intersects(witness, items.footprints(items.everywhere))

    found = met(items, {"rings": [[list(corner) for corner in corners]]}, wkid=3413)
    assert len(set(found) ^ set(np.flatnonzero(expected))) <= 2
    assert len(found) > 800


def test_a_box_of_the_whole_world_meets_all_items_of_a_local_reference() -> None:
    items = item_table([shapely.box(5e5, 5e6, 5.1e5, 5.01e6)], wkid=32633)

    assert met(items, "-180,-90,180,90") == [0]
    assert met(items, "-2.1e7,-2.1e7,2.1e7,2.1e7", wkid=3857) == [0]


@pytest.mark.parametrize("box", ["179.2,0.2,180.8,0.8", "-180.8,0.2,-179.2,0.8"])
@pytest.mark.parametrize("wkid", [4326, 3857])
def test_boxes_reach_over_the_antimeridian(box: str, wkid: int) -> None:
    shapes = [shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1), shapely.box(0, 0, 1, 1)]
    items = item_table(shapes)
    if wkid == 3857:
        sides = [float(side) * 20037508.342789244 / 180 for side in box.split(",")]
        box = ",".join(map(str, sides))

    assert met(items, box, wkid) == [0, 1]


def test_a_polygon_that_crosses_itself_is_mended() -> None:
    bow = {"rings": [[[0.5, 0.5], [2.5, 2.5], [2.5, 0.5], [0.5, 2.5], [0.5, 0.5]]]}

    assert shape_of(geometry(json.dumps(bow))).is_valid
    assert {0, 2, 11} <= set(met(squares(), bow))


def star(corners: int) -> dict[str, Any]:
    step = (corners // 2) * 2 * math.pi / corners
    xs = [round(5 + 5 * math.cos(i * step), 5) for i in range(corners)]
    ring = [[x, round(5 + 5 * math.sin(i * step), 5)] for i, x in enumerate(xs)]
    return {"rings": [[*ring, ring[0]]]}


def test_many_crossings_are_refused() -> None:
    with pytest.raises(ValueError, match="must not cross itself"):
        shape_of(geometry(json.dumps(star(30_001))))


def circle(vertices: int, radius: float) -> dict[str, Any]:
    angles = np.linspace(0, 2 * np.pi, vertices)
    points = np.column_stack([5 + radius * np.cos(angles), 5 + radius * np.sin(angles)])
    return {"rings": [points.round(6).tolist()]}


def test_a_large_polygon_is_met() -> None:
    expected = shapely.intersects(
        shapely.Point(5, 5).buffer(3), squares().footprints(np.arange(100))
    )

    assert len(met(squares(), circle(40_000, 3))) == expected.sum()


def test_too_much_to_relate_is_refused() -> None:
    items = item_table([shapely.box(x % 10, x / 500, x % 10 + 1, 20) for x in range(1000)])

    with pytest.raises(ValueError, match="too many vertices"):
        met(items, circle(40_000, 5), relation="overlaps")


def test_no_items_meet_nothing() -> None:
    assert met(item_table([]), "0,0,1,1", wkid=3857) == []


def test_only_the_rows_in_question_are_looked_at() -> None:
    items = squares()
    shapes = placed(items, shapely.box(0, 0, 9, 9), items.crs)
    rows = np.array([98, 5, 3, 0])

    assert meeting(items, shapes, SpatialRelation.INTERSECTS, rows).tolist() == [98, 5, 3, 0]
