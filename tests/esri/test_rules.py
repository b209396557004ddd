"""Mosaic rules, and their forms of 9.3."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from exportimage_wsgi.esri import rules
from exportimage_wsgi.esri.rules import MosaicMethod, MosaicOperation, MosaicRule, Viewpoint

FULL = {
    "mosaicMethod": "esriMosaicAttribute",
    "where": "Year>2000",
    "sortField": "Year",
    "sortValue": 2010,
    "ascending": False,
    "mosaicOperation": "MT_MEAN",
    "viewpoint": {"x": 1, "y": 2, "spatialReference": {"wkid": 102100}},
    "fids": [1, 2],
    "multidimensionalDefinition": [
        {"variableName": "t", "dimensionName": "StdTime", "values": [1, [2, 3]], "isSlice": True}
    ],
    "somethingNew": {"a": 1},
}


def test_a_full_rule_is_read() -> None:
    rule = rules.mosaic_rule(json.dumps(FULL))

    assert (rule.method, rule.operation) == (MosaicMethod.ATTRIBUTE, MosaicOperation.MEAN)
    assert (rule.sort_field, rule.sort_value, rule.ascending) == ("Year", 2010, False)
    assert rule.viewpoint is not None and rule.viewpoint.crs is not None
    assert (rule.viewpoint.x, rule.viewpoint.y, rule.viewpoint.crs.wkid) == (1, 2, 102100)
    assert rule.dimensions[0].values == ((1, 1), (2, 3))
    assert pickle.loads(pickle.dumps(rule)) == rule and hash(rule)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("esriMosaicNorthwest", MosaicMethod.NORTHWEST),
        ("ESRIMOSAICCENTER", MosaicMethod.CENTER),
        ("NorthWest", MosaicMethod.NORTHWEST),
        ("ByAttribute", MosaicMethod.ATTRIBUTE),
        ("", None),
    ],
)
def test_methods_have_several_spellings(name: str, method: MosaicMethod | None) -> None:
    assert rules.mosaic_rule_of({"mosaicmethod": name}).method is method


@pytest.mark.parametrize(
    "wrong",
    [
        {"mosaicMethod": "esriMosaicBest"}, {"mosaicMethod": 4}, {"mosaicOperation": "MT_XOR"},
        {"where": "Year >"}, {"where": 5}, {"sortField": "a b"}, {"sortField": "1; drop"},
        {"sortValue": [1]}, {"ascending": "maybe"}, {"lockRasterIds": "a"},
        {"lockRasterIds": [1.5]}, {"fids": {"a": 1}}, {"viewpoint": {"x": 1}}, {"viewpoint": 3},
        {"viewpoint": {"x": 1, "y": 2, "spatialReference": {"wkid": 999999}}},
        {"mosaicMethod": "esriMosaicLockRaster"},
        {"itemRenderingRule": {"rasterFunction": "Hillshade"}},
        {"multidimensionalDefinition": 5}, {"multidimensionalDefinition": [{"values": ["a"]}]},
        {"multidimensionalDefinition": [{"values": [[1, 2, 3]]}]},
        {"multidimensionalDefinition": [{"variableName": 5}]}, [], "x", 5, None,
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError):
        rules.mosaic_rule_of(wrong)


@pytest.mark.parametrize(
    ("said", "selected"),
    [
        ({}, True),
        ({"where": "1=1"}, True),
        ({"where": "1=2"}, False),
        ({"where": "OBJECTID = 1"}, True),
        ({"where": "OBJECTID > 1"}, False),
        ({"where": "Year > 2000"}, True),
        ({"where": "Year > 2000 AND OBJECTID = 5"}, False),
        ({"fids": [1, 5]}, True),
        ({"fids": [5]}, False),
        ({"fids": []}, False),
        ({"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [3]}, False),
        ({"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [3, 1]}, True),
        ({"mosaicMethod": "esriMosaicCenter", "lockRasterIds": [3]}, True),
    ],
)
def test_a_rule_selects_by_what_is_known_of_a_raster(said: dict[str, Any], selected: bool) -> None:
    assert rules.mosaic_rule_of(said).selects({"objectid": 1.0}) is selected


@pytest.mark.parametrize(
    "text",
    [
        "<MosaicMethod>ByAttribute</MosaicMethod><TileOrderField>Month</TileOrderField>"
        "<TileOrderBase>6</TileOrderBase>",
        "<MosaicProperties><mosaicmethod> byattribute </mosaicmethod><Other><Deep/></Other>"
        "<TileOrderField>Month</TileOrderField><TileOrderBase>6</TileOrderBase></MosaicProperties>",
        "<p:MosaicProperties xmlns:p='urn:x'><p:MosaicMethod>ByAttribute</p:MosaicMethod>"
        "<p:TileOrderField>Month</p:TileOrderField><p:TileOrderBase>6</p:TileOrderBase>"
        "</p:MosaicProperties>",
    ],
)
def test_the_xml_of_9_3_says_the_same(text: str) -> None:
    expected = MosaicRule(method=MosaicMethod.ATTRIBUTE, sort_field="Month", sort_value=6.0)

    assert rules.mosaic_properties(text) == expected


def test_our_further_elements_are_those_of_the_rule() -> None:
    text = (
        "<MosaicMethod>LockRaster</MosaicMethod><LockRasterID>3</LockRasterID>"
        "<LockRasterID>1,2</LockRasterID><Ascending>false</Ascending>"
        "<MosaicOperator>Last</MosaicOperator>"
    )
    rule = rules.mosaic_properties(text)

    assert (rule.locked_ids, rule.ascending) == ((3, 1, 2), False)
    assert rule.operation is MosaicOperation.LAST


@pytest.mark.parametrize(
    "text",
    [
        "<MosaicMethod>", "<MosaicMethod>Best</MosaicMethod>",
        "<TileOrderField>a b</TileOrderField>",
        "<MosaicMethod>Center</MosaicMethod><MosaicMethod>None</MosaicMethod>",
        "<LockRasterID>x</LockRasterID>", "<MosaicMethod>LockRaster</MosaicMethod>",
    ],
)  # fmt: skip
def test_xml_that_breaks_a_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rules.mosaic_properties(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<X>1</X><Y>2.5</Y>", Viewpoint(x=1, y=2.5)),
        ("<Viewpoint><X>1</X><Y>2</Y></Viewpoint>", Viewpoint(x=1, y=2)),
        ("<ViewpointProperties><OffsetX>1</OffsetX><OffsetY>2</OffsetY></ViewpointProperties>",
         Viewpoint(x=1, y=2)),
        ("<Angle>30</Angle>", None),
        ("<X>1</X>", None),
    ],
)  # fmt: skip
def test_a_viewpoint_is_the_first_pair(text: str, expected: Viewpoint | None) -> None:
    assert rules.viewpoint_properties(text) == expected


@pytest.mark.parametrize("text", ["<X>a</X><Y>1</Y>", "<X>1", "<!DOCTYPE x><X>1</X>"])
def test_a_wrong_viewpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rules.viewpoint_properties(text)
