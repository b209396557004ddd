from __future__ import annotations

import json

import pytest

from exportimage_wsgi.esri.geometry import GeometryType, geometry, geometry_type


@pytest.mark.parametrize(
    "text",
    [
        '{"x": 220650.5, "y": 2719200}',
        "220650.5,2719200",
        " 220650.5 , 2719200 ",
        "{x: 220650.500000, y: 2719200.000000}",
        '{"x":220650.5,"y":2719200,"z":12,"spatialReference":null}',
    ],
)
def test_a_point_is_read_in_every_spelling(text: str) -> None:
    found = geometry(text.strip())

    assert found.type is GeometryType.POINT
    assert found.vertices.tolist() == [[220650.5, 2719200.0]]
    assert found.crs is None


def test_the_reference_is_that_inside_the_geometry() -> None:
    found = geometry('{"x":1,"y":2,"spatialReference":{"wkid":102100,"latestWkid":3857}}')

    assert found.crs is not None
    assert found.crs.latest_wkid == 3857


def test_rings_are_closed_and_heights_passed_over() -> None:
    found = geometry('{"rings":[[[0,0,9],[0,4,9],[4,4,9]],[[1,1],[2,1],[2,2],[1,1]]],"hasZ":true}')

    assert found.type is GeometryType.POLYGON
    assert [len(part) for part in found.parts] == [4, 4]
    assert found.parts[0][0].tolist() == found.parts[0][-1].tolist()


@pytest.mark.parametrize("text", ["1,2,3,4", "3,4,1,2", '{"xmin":3,"ymin":2,"xmax":1,"ymax":4}'])
def test_an_envelope_is_a_ring_of_sorted_sides(text: str) -> None:
    found = geometry(text)

    assert found.type is GeometryType.ENVELOPE
    assert found.vertices.min(axis=0).tolist() == [1, 2]
    assert found.vertices.max(axis=0).tolist() == [3, 4]


def test_parts_without_extent_are_left_out() -> None:
    found = geometry('{"paths":[[],[[1,1]],[[0,0],[5,5]]]}')

    assert found.type is GeometryType.POLYLINE
    assert [part.tolist() for part in found.parts] == [[[0, 0], [5, 5]]]


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1,2,3", "NaN,1", "1e309,1", "1_0,2", "{}", "{x: NaN, y: 1}", '{"x":"NaN","y":1}',
        '{"x":1}', '{"x":true,"y":1}', '{"x":1e16,"y":1}', '{"rings":[]}', '{"rings":[[]]}',
        '{"rings":[[[0,0],[1,1]]]}', '{"rings":5}', '{"rings":[5]}', '{"rings":[[5]]}',
        '{"rings":[[["0","0"],["1","1"],["2","0"]]]}', '{"rings":[[[0,0],[1,null],[2,0]]]}',
        '{"points":[]}', '{"points":{}}', '{"points":["12","34"]}', '{"paths":[[[0]]]}',
        '{"curveRings":[[[0,0],{"c":[[1,1],[2,0]]}]]}', '{"x":1,"y":2,"spatialReference":{}}',
        '{"xmin":0,"ymin":0,"xmax":"NaN","ymax":1}', "[1,2]", "{x: 1, y: 2", "{" * 50,
    ],
)  # fmt: skip
def test_what_is_no_geometry_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        geometry(text)


def test_a_hundred_thousand_vertices_are_read() -> None:
    ring = [[i % 317, i % 331] for i in range(100_000)]

    found = geometry(json.dumps({"rings": [ring]}, separators=(",", ":")))

    assert len(found.vertices) == 100_001


@pytest.mark.parametrize("text", ["esriGeometryPolygon", "ESRIGEOMETRYPOLYGON", "polygon"])
def test_kinds_are_known_in_any_case(text: str) -> None:
    assert geometry_type(text) is GeometryType.POLYGON


def test_other_kinds_are_refused_by_a_list() -> None:
    with pytest.raises(ValueError, match="esriGeometryEnvelope"):
        geometry_type("esriGeometryBezier3Curve")
