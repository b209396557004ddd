"""Mosaic rules in JSON."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from exportimage_wsgi.esri import rules
from exportimage_wsgi.esri.rules import MosaicMethod, MosaicOperation

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
