"""query answers as Esri's servers do, about items that are known here by heart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.service import ImageService
from tests.mosaics.items import dates, item_table, mosaic_service
from tests.operations.asking import ask

YEAR = [2001, 2002, 2003, 2004, 2005]
NEW_YEARS = [978307200000 + 86400000 * 365 * i for i in range(5)]


def service(**settings: Any) -> ImageService:
    """Five items of a degree beside each other, from 10° E, 50° N; the last has a hole."""
    shapes = [shapely.box(10 + i, 50, 11 + i, 51) for i in range(5)]
    shapes[4] = shapes[4] - shapely.box(14.4, 50.4, 14.6, 50.6)
    table = item_table(
        shapes,
        min_ps=[0, 0, 1, None, 0],
        max_ps=[0, 10, 5, 10, 2],
        year=YEAR,
        kind=["a", "b", "a", "b", None],
        cloud=[0.5, None, 1.5, 2.5, float("nan")],
        taken=dates(*(np.datetime64(instant, "ms") for instant in NEW_YEARS)),  # type: ignore[arg-type]
    )
    return mosaic_service(table, **{"time": ("taken",)} | settings)


def ids(**arguments: Any) -> list[int]:
    reply = ask(service(), "query", returnIdsOnly="true", f="json", **arguments)
    assert reply["objectIdFieldName"] == "OBJECTID"
    found: list[int] = reply["objectIds"]
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"where": "1=1"}, [1, 2, 3, 4, 5]),
        ({"where": "Year > 2002 AND kind = 'a'"}, [3]),
        ({"objectIds": "4,2,99,4"}, [2, 4]),
        ({"objectIds": "[1,2]", "where": "year=2002"}, [2]),
        ({"geometry": "11.5,50.5"}, [2]),
        ({"geometry": "11.5,50.5", "where": "OBJECTID IN (2, 3)", "objectIds": "3"}, []),
        ({"geometry": '{"x":14.5,"y":50.5}', "geometryType": "esriGeometryPoint"}, []),
        ({"geometry": "1270000,6500000,1280000,6510000", "inSR": "102100"}, [2]),
        ({"geometry": '{"xmin":10.5,"ymin":50.5,"xmax":11.5,"ymax":50.6,'
                      '"spatialReference":{"wkid":4326}}', "inSR": 3857}, [1, 2]),
        ({"geometry": "9,49,12.5,52", "spatialRel": "esriSpatialRelContains"}, [1, 2]),
        ({"time": f"{NEW_YEARS[1]},{NEW_YEARS[2]}"}, [2, 3]),
        ({"time": NEW_YEARS[3]}, [4]),
        ({"pixelSize": "3,3"}, [1, 2, 3, 4]),
        ({"pixelSize": '{"x":0.5,"y":0.5}'}, [1, 2, 4, 5]),
        ({"orderByFields": "kind DESC, year desc"}, [4, 2, 3, 1, 5]),
    ],
)  # fmt: skip
def test_filters_select_items(arguments: Any, expected: list[int]) -> None:
    assert ids(**arguments) == expected


def test_features_are_esris() -> None:
    reply = ask(service(), "query", where="OBJECTID >= 4", outFields="*", f="json")

    assert list(reply) == [
        "objectIdFieldName", "fields", "geometryType", "spatialReference", "features",
    ]  # fmt: skip
    assert reply["fields"][0] == {
        "name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID", "domain": None,
    }  # fmt: skip
    assert [field["name"] for field in reply["fields"]][-4:] == ["year", "kind", "cloud", "taken"]
    assert reply["geometryType"] == "esriGeometryPolygon"
    assert reply["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    fourth, fifth = reply["features"]
    assert fourth["attributes"]["taken"] == NEW_YEARS[3]
    assert fourth["attributes"]["cloud"] == 2.5 and fifth["attributes"]["cloud"] is None
    assert fourth["attributes"]["CenterX"] == 13.5
    assert "secret" not in json.dumps(reply)


def test_outer_rings_are_clockwise_and_holes_the_other_way() -> None:
    (feature,) = ask(service(), "query", objectIds="5", f="json")["features"]
    outer, hole = feature["geometry"]["rings"]

    assert shapely.Polygon(outer).bounds == (14, 50, 15, 51)
    assert not shapely.LinearRing(outer).is_ccw and shapely.LinearRing(hole).is_ccw


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ["OBJECTID"]),
        ("*", ["OBJECTID", "Name", "MinPS", "MaxPS", "LowPS", "CenterX", "CenterY", "year",
               "kind", "cloud", "taken"]),
        ("YEAR, name,Shape,year", ["year", "Name"]),
    ],
)  # fmt: skip
def test_fields_are_those_asked_for(asked: Any, expected: list[str]) -> None:
    arguments = {} if asked is None else {"outFields": asked}
    reply = ask(service(), "query", returnGeometry="false", f="json", **arguments)

    assert [field["name"] for field in reply["fields"]] == expected
    assert list(reply["features"][0]) == ["attributes"]
    assert list(reply["features"][0]["attributes"]) == expected


def test_footprints_come_in_another_reference() -> None:
    (feature,) = ask(service(), "query", objectIds="1", outSR="32633", f="json")["features"]
    ring = shapely.Polygon(feature["geometry"]["rings"][0])
    dense = shapely.segmentize(shapely.box(10, 50, 11, 51), 0.001)
    to_utm = pyproj.Transformer.from_crs(4326, 32633, always_xy=True).transform
    witness = shapely.transform(dense, lambda p: np.column_stack(to_utm(p[:, 0], p[:, 1])))

    assert shapely.hausdorff_distance(ring.exterior, witness.exterior) < 5
    assert ring.symmetric_difference(witness).area < 1e-4 * witness.area


def test_a_box_stays_one_where_its_sides_stay_straight() -> None:
    (feature,) = ask(service(), "query", objectIds="1", outSR="3857", f="json")["features"]

    assert len(feature["geometry"]["rings"][0]) == 5


def test_outlines_are_rounded_and_roughened() -> None:
    circle = shapely.Point(10, 50).buffer(1.0, quad_segs=64)
    one = mosaic_service(item_table([circle]))
    (rough,) = ask(one, "query", maxAllowableOffset="0.1", geometryPrecision="2")["features"]
    ring = rough["geometry"]["rings"][0]

    assert 4 < len(ring) < 30
    assert all(round(c, 2) == c for point in ring for c in point)
    assert shapely.hausdorff_distance(circle.exterior, shapely.LinearRing(ring)) < 0.11


def test_counts_and_extents() -> None:
    one = service()

    assert ask(one, "query", where="kind='b'", returnCountOnly="true") == {"count": 2}
    both = ask(one, "query", where="kind='b'", returnExtentOnly="true", returnCountOnly="true")
    assert both["count"] == 2
    assert [both["extent"][side] for side in ("xmin", "ymin", "xmax", "ymax")] == [11, 50, 14, 51]
    nothing = ask(one, "query", where="1=2", returnExtentOnly="true")["extent"]
    assert np.isnan(nothing["xmin"]) and nothing["spatialReference"]["wkid"] == 4326


def test_pages_follow_each_other() -> None:
    one = service(max_records=2)
    first = ask(one, "query", orderByFields="year DESC", f="json")
    last = ask(one, "query", orderByFields="year DESC", resultOffset=4, resultRecordCount=50)

    assert [f["attributes"]["OBJECTID"] for f in first["features"]] == [5, 4]
    assert first["exceededTransferLimit"] is True
    assert [f["attributes"]["OBJECTID"] for f in last["features"]] == [1]
    assert "exceededTransferLimit" not in last
    assert len(ask(one, "query", returnIdsOnly="true")["objectIds"]) == 5


def test_statistics_of_groups() -> None:
    asked = [
        {"statisticType": "count", "onStatisticField": "OBJECTID", "outStatisticFieldName": "n"},
        {"statisticType": "max", "onStatisticField": "taken", "outStatisticFieldName": "last"},
    ]
    reply = ask(
        service(), "query", outStatistics=json.dumps(asked), groupByFieldsForStatistics="kind",
        orderByFields="n DESC, kind",
    )  # fmt: skip

    assert [feature["attributes"] for feature in reply["features"]] == [
        {"kind": "a", "n": 2, "last": NEW_YEARS[2]},
        {"kind": "b", "n": 2, "last": NEW_YEARS[3]},
        {"kind": None, "n": 1, "last": NEW_YEARS[4]},
    ]
    types = ["esriFieldTypeString", "esriFieldTypeInteger", "esriFieldTypeDate"]
    assert [field["type"] for field in reply["fields"]] == types


def test_values_that_differ() -> None:
    reply = ask(service(), "query", outFields="kind", returnDistinctValues="true")
    count = ask(
        service(), "query", outFields="kind", returnDistinctValues="true", returnCountOnly="true"
    )

    assert [feature["attributes"]["kind"] for feature in reply["features"]] == ["a", "b", None]
    assert count == {"count": 3}


def test_geojson_turns_the_other_way() -> None:
    file = ask(service(), "query", objectIds="5", outFields="year", f="GeoJSON")
    reply = json.loads(file.content)
    (feature,) = reply["features"]

    assert file.media_type == "application/geo+json"
    assert reply["type"] == "FeatureCollection"
    assert (feature["type"], feature["id"], feature["properties"]) == ("Feature", 5, {"year": 2005})
    outer, hole = feature["geometry"]["coordinates"]
    assert shapely.LinearRing(outer).is_ccw and not shapely.LinearRing(hole).is_ccw


def test_geojson_writes_what_is_no_finite_number_as_esri_does() -> None:
    one = mosaic_service(item_table([shapely.box(0, 0, 1, 1)], share=[float("inf")]))
    features = json.loads(ask(one, "query", outFields="share", f="geojson").content)["features"]
    nowhere = ask(one, "query", where="1=0", returnExtentOnly="true", f="geojson").content

    assert features[0]["properties"] == {"share": "Infinity"}
    assert json.loads(nowhere)["extent"]["xmin"] == "NaN"


def test_geojson_is_cut_at_the_antimeridian() -> None:
    box = shapely.box(19_900_000, 0, 20_200_000, 100_000)
    one = mosaic_service(item_table([box], wkid=3857))
    shape = json.loads(ask(one, "query", f="geojson").content)["features"][0]["geometry"]
    parts = sorted(shapely.geometry.shape(shape).geoms, key=lambda part: part.bounds[0])

    assert shape["type"] == "MultiPolygon"
    assert [part.bounds[0] for part in parts] == pytest.approx([-180, 178.7647], abs=1e-4)
    assert [part.bounds[2] for part in parts] == pytest.approx([-178.5403, 180], abs=1e-4)


def test_a_footprint_around_a_pole_takes_it_in() -> None:
    one = mosaic_service(item_table([shapely.box(-1e6, -1e6, 1e6, 1e6)], wkid=3413))
    shape = json.loads(ask(one, "query", f="geojson").content)["features"][0]["geometry"]
    polygon = shapely.geometry.shape(shape)

    assert polygon.is_valid and polygon.contains(shapely.Point(100, 89))
    assert not polygon.contains(shapely.Point(100, 70))
    assert polygon.bounds[::2] == (-180, 180) and polygon.bounds[3] == 90


def test_a_footprint_is_cut_off_where_it_has_no_place() -> None:
    one = mosaic_service(item_table([shapely.box(0, 60, 30, 90)]))
    (feature,) = ask(one, "query", outSR="3857")["features"]

    west, south, east, north = shapely.Polygon(feature["geometry"]["rings"][0]).bounds
    assert (west, east) == pytest.approx((0, 3339584.7))
    assert south == pytest.approx(8399737.9) and 1.5e7 < north < 1e8


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"where": "path = 'x'"}, "where=path = 'x': there is no field path; fields are OBJECTID"),
        ({"where": "year ="}, "where=year =: where is not understood at its end"),
        ({"where": "x" * 100_000}, "at most 10000 characters"),
        ({"outFields": "source"}, "outFields=source: there is no field source"),
        ({"outFields": "a(b)"}, "must be names of fields"),
        ({"orderByFields": "nope"}, "orderByFields=nope: there is no field nope"),
        ({"orderByFields": "year; drop"}, "ASC or DESC"),
        ({"geometry": "1,2,3"}, "geometry=1,2,3: must be"),
        ({"geometry": '{"rings":[]}'}, "must not be empty"),
        ({"geometry": "nan,2"}, "finite"),
        ({"geometry": "1,2", "geometryType": "esriGeometryPolygon"}, "geometryType="),
        ({"geometry": "1,2", "inSR": "123"}, "inSR=123"),
        ({"geometry": "1,2", "spatialRel": "esriSpatialRelRelation"}, "must be one of"),
        ({"geometryType": "circle"}, "geometryType=circle"),
        ({"objectIds": "1;2"}, "objectIds=1;2"),
        ({"objectIds": ",".join(["1"] * 100_001)}, "at most 100000"),
        ({"time": "yesterday"}, "time=yesterday"),
        ({"returnIdsOnly": "yes"}, "returnIdsOnly=yes: must be one of true, false"),
        ({"resultOffset": "-1"}, "resultOffset=-1: must be from 0"),
        ({"geometryPrecision": "16"}, "must be from 0 to 15"),
        ({"maxAllowableOffset": "-1"}, "must be 0 or more"),
        ({"pixelSize": "0,0"}, "must be above 0"),
        ({"groupByFieldsForStatistics": "year"}, "must have outStatistics"),
        ({"outStatistics": '[{"statisticType":"sum","onStatisticField":"kind"}]'}, "no sum"),
        ({"outStatistics": '[{"statisticType":"percentile_disc","onStatisticField":"year"}]'},
         "percentile_disc is not supported"),
        ({"returnDistinctValues": "true", "outFields": "shape"}, "must have outFields"),
        ({"multidimensionalDefinition": "[]"}, "is not supported"),
        ({"rasterQuery": "x=1"}, "is not supported"),
        ({"f": "geojson", "outSR": "3857"}, "GeoJSON is always in WGS 84"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_by_name(arguments: Any, told: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        ask(service(), "query", **arguments)

    assert told in str(refusal.value)
