"""Mosaic rules in the XML of 9.3."""

from __future__ import annotations

import pytest

from exportimage_wsgi.esri import properties
from exportimage_wsgi.esri.rules import MosaicMethod, MosaicOperation, MosaicRule, Viewpoint


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
    expected = MosaicRule(method=MosaicMethod.ATTRIBUTE, sort_field="Month", sort_value="6")

    assert properties.mosaic_properties(text) == expected


def test_our_further_elements_are_those_of_the_rule() -> None:
    text = (
        "<MosaicMethod>LockRaster</MosaicMethod><LockRasterID>3</LockRasterID>"
        "<LockRasterID>1,2</LockRasterID><Ascending>false</Ascending>"
        "<MosaicOperator>Last</MosaicOperator>"
    )
    rule = properties.mosaic_properties(text)

    assert (rule.locked_ids, rule.ascending) == ((3, 1, 2), False)
    assert rule.operation is MosaicOperation.LAST


@pytest.mark.parametrize(
    "text",
    [
        "Center", "<MosaicMethod>Center</MosaicMethod>, LockRaster",
        "<MosaicMethod>", "<MosaicMethod>Best</MosaicMethod>",
        "<TileOrderField>a b</TileOrderField>",
        "<MosaicMethod>Center</MosaicMethod><MosaicMethod>None</MosaicMethod>",
        "<LockRasterID>x</LockRasterID>", "<MosaicMethod>LockRaster</MosaicMethod>",
    ],
)  # fmt: skip
def test_xml_that_breaks_a_rule_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        properties.mosaic_properties(text)


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
    assert properties.viewpoint_properties(text) == expected


@pytest.mark.parametrize("text", ["1,2", "<X>a</X><Y>1</Y>", "<X>1", "<!DOCTYPE x><X>1</X>"])
def test_a_wrong_viewpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        properties.viewpoint_properties(text)
