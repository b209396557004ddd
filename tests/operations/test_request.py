"""Requests: from Python values, from a client's text, and the same in both ways."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyproj
import pytest

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.esri.rules import MosaicMethod, MosaicRule, Viewpoint
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS, parse_export
from exportimage_wsgi.operations.request import ExportRequest
from exportimage_wsgi.pixels import Interpolation, NoDataMatch, NoDataRule, PixelType
from tests.rasters import extent

ASKED = {
    "bbox": "-117,34,-116,35",
    "bboxsr": "4326",
    "size": "400,300",
    "imagesr": "102100",
    "format": "PNG32",
    "pixeltype": "U16",
    "nodata": "0,1",
    "nodatainterpretation": "esriNoDataMatchAny",
    "interpolation": "RSP_CubicConvolution",
    "compression": "LZ77",
    "compressionquality": "80",
    "compressiontolerance": "0.5",
    "lercversion": "2",
    "bandids": "2,1",
    "adjustaspectratio": "false",
    "validateextent": "true",
    "time": "1000,null",
    "sliceid": "3",
    "mosaicrule": '{"mosaicMethod":"esriMosaicCenter"}',
    "renderingrule": '{"rasterFunction":"None"}',
}


def test_text_and_values_make_the_same_request() -> None:
    made = ExportRequest(
        bbox=(-117, 34, -116, 35),
        bbox_sr=4326,
        size=(400, 300),
        image_sr=pyproj.CRS(3857),
        format="png32",
        pixel_type="U16",
        no_data=(0, 1),
        no_data_interpretation="any",
        interpolation="cubic",
        compression="deflate",
        compression_quality=80,
        compression_tolerance=0.5,
        lerc_version=2,
        band_ids=[2, 1],
        adjust_aspect_ratio=False,
        validate_extent=True,
        time=(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None),
        slice_id=3,
        mosaic_rule={"mosaicMethod": "center"},
        rendering_rule="None",
    )

    assert parse_export(ASKED) == made
    assert made.pixel_type is PixelType.U16 and made.interpolation is Interpolation.CUBIC
    assert made.no_data == NoDataRule(values=(0, 1), match=NoDataMatch.ANY)
    assert (made.format, made.compression, made.time) == ("png32", "deflate", (1000, None))


def test_a_request_is_a_value() -> None:
    request = parse_export(ASKED)

    assert pickle.loads(pickle.dumps(request)) == request
    assert hash(request) == hash(parse_export(ASKED))
    assert replace(request, size=(10, 20)).size == (10, 20)
    assert replace(request, size=(400, 300)) == request


def test_nothing_said_is_none() -> None:
    request = parse_export({"f": "json", "layers": "show:0", "dpi": "96", "bboxes": "1"})

    assert request == ExportRequest()
    assert request.bbox is None and request.size is None and request.format is None
    assert request.adjust_aspect_ratio and not request.validate_extent


def test_every_parameter_of_the_table_is_read() -> None:
    said = {parameter.name.lower() for parameter in EXPORT_PARAMETERS}

    assert said - set(ASKED) == {"mosaicproperties", "viewpointproperties"}
    for name in ASKED:
        without = {key: text for key, text in ASKED.items() if key != name}
        assert parse_export(without) != parse_export(ASKED)


@pytest.mark.parametrize("parameter", EXPORT_PARAMETERS, ids=lambda parameter: parameter.name)
def test_an_error_names_the_parameter_and_what_came(parameter: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_export({parameter.name.lower(): "<bad"})

    assert caught.value.details[0] == f"'{parameter.name}' parameter is invalid."
    assert caught.value.details[1].startswith(f"{parameter.name}=<bad: ")


def test_an_envelope_brings_its_reference_unless_one_is_said() -> None:
    text = '{"xmin":1,"ymin":2,"xmax":3,"ymax":4,"spatialReference":{"wkid":32633}}'

    assert parse_export({"bbox": text}).bbox_sr == crs_from_wkid(32633)
    assert parse_export({"bbox": text, "bboxsr": "4326"}).bbox_sr == crs_from_wkid(4326)
    assert ExportRequest(bbox=extent(1, 2, 3, 4, 32633)) == parse_export({"bbox": text})


@pytest.mark.parametrize(("values", "match"), [("7", NoDataMatch.ANY), ("7,8", NoDataMatch.ALL)])
def test_one_value_counts_in_any_band_several_in_all(values: str, match: NoDataMatch) -> None:
    rule = parse_export({"nodata": values}).no_data

    assert rule is not None and rule.match is match


def test_the_xml_of_9_3_is_a_mosaic_rule() -> None:
    xml = "<MosaicMethod>Viewpoint</MosaicMethod>"
    request = parse_export({"mosaicproperties": xml, "viewpointproperties": "<X>1</X><Y>2</Y>"})

    assert request.mosaic_rule == MosaicRule(
        method=MosaicMethod.VIEWPOINT, viewpoint=Viewpoint(x=1, y=2)
    )


def test_a_mosaic_rule_goes_before_the_xml_which_must_be_right_all_the_same() -> None:
    rule = '{"mosaicMethod":"esriMosaicCenter"}'
    xml = "<MosaicMethod>Nadir</MosaicMethod>"
    request = parse_export({"mosaicrule": rule, "mosaicproperties": xml})

    assert request.mosaic_rule == MosaicRule(method=MosaicMethod.CENTER)
    with pytest.raises(ParameterError):
        parse_export({"mosaicrule": rule, "mosaicproperties": "<MosaicMethod>"})


def test_a_transformation_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"datumTransformation=1196: .*not supported"):
        parse_export({"datumtransformation": "1196"})


def test_values_may_be_of_numpy_or_the_protocols_text() -> None:
    made = ExportRequest(
        bbox=np.array([1.0, 2, 3, 4]),
        size=np.array([30, 20]),
        no_data=np.float32(7),
        band_ids=np.int64(1),
        adjust_aspect_ratio=np.False_,
        compression_quality=np.int32(5),
    )
    told = ExportRequest(
        bbox="1,2,3,4",
        size="30,20",
        no_data="7",
        band_ids="1",
        adjust_aspect_ratio="false",
        compression_quality="5",
    )

    assert made == told
    assert not made.adjust_aspect_ratio


def test_an_envelope_may_be_a_mapping() -> None:
    envelope = {"xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4, "spatialReference": {"wkid": 32633}}

    assert ExportRequest(bbox=envelope).bbox_sr == crs_from_wkid(32633)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 400}, {"size": {}}, {"format": 3}, {"compression_quality": 2.5},
        {"bbox": object()},
        {"adjust_aspect_ratio": "no"}, {"validate_extent": "x"}, {"no_data": [[1]]},
        {"band_ids": 1.5}, {"time": 1.5}, {"mosaic_rule": 5}, {"rendering_rule": [1]},
        {"bbox_sr": []}, {"mosaic_properties": 5}, {"viewpoint_properties": 5},
    ],
)  # fmt: skip
def test_no_fault_speaks_of_python(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as caught:
        ExportRequest(**wrong)

    assert not re.search(r"object|attribute|iterable|supported between|convert", caught.value.rule)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": (1, 2, 3)}, {"bbox": (1, 2, 3, float("nan"))}, {"bbox": (1, 2, 1, 4)},
        {"bbox": 5}, {"bbox_sr": 999999}, {"bbox_sr": "/etc/passwd"}, {"bbox_sr": 4.5},
        {"size": (0, 5)}, {"size": 400}, {"format": "xyz"}, {"pixel_type": "U7"},
        {"no_data": ()}, {"no_data": "x"}, {"no_data_interpretation": "some"},
        {"interpolation": "lanczos"}, {"compression": "zip"}, {"compression_quality": 101},
        {"compression_tolerance": -1}, {"lerc_version": 3}, {"band_ids": ()}, {"band_ids": -1},
        {"band_ids": "a"}, {"time": (2, 1)}, {"time": (1, 2, 3)}, {"slice_id": -1},
        {"mosaic_rule": "{"}, {"mosaic_rule": {"where": "x"}}, {"rendering_rule": "Slope"},
        {"mosaic_properties": "<x"}, {"viewpoint_properties": "<x"},
    ],
)  # fmt: skip
def test_values_are_checked_as_text_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        ExportRequest(**wrong)


@pytest.mark.parametrize("moment", [date(2022, 1, 1), np.datetime64("2022-01-01"), "2022-01-01"])
def test_what_is_no_moment_is_told_what_one_is(moment: Any) -> None:
    with pytest.raises(ParameterError, match=r"time=2022-01-01: must be .*milliseconds since 1970"):
        ExportRequest(time=moment)


def test_an_interpretation_that_is_said_goes_before_that_of_a_rule() -> None:
    rule = NoDataRule(values=(0.0,), match=NoDataMatch.ANY)

    made = ExportRequest(no_data=rule, no_data_interpretation="all")

    assert made.no_data == replace(rule, match=NoDataMatch.ALL)
    assert ExportRequest(no_data=rule).no_data == rule
