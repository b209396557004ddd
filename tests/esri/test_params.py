"""The grammar of each parameter: what is understood, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pyproj
import pytest

from exportimage_wsgi.esri import names, params
from exportimage_wsgi.pixels import Interpolation, PixelType


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("-117,34,-116,35", (-117, 34, -116, 35)),
        (" -117, 34 , -116,35 ", (-117, 34, -116, 35)),
        ("-1.17e2,+3.4E1,-116.,35", (-117, 34, -116, 35)),
        ("-117,35,-116,34", (-117, 34, -116, 35)),
        ("-116,35,-117,34", (-117, 34, -116, 35)),
        (".5,0,1,1", (0.5, 0, 1, 1)),
        ('{"xmin":-117,"ymin":34,"xmax":-116,"ymax":35}', (-117, 34, -116, 35)),
        ('{"XMin":"-117","ymin":35,"xmax":-116,"ymax":34.0}', (-117, 34, -116, 35)),
    ],
)
def test_boxes_are_read_and_sorted(text: str, box: tuple[float, ...]) -> None:
    assert params.bbox(text) == (box, None)


def test_an_envelope_may_carry_its_reference() -> None:
    text = '{"xmin":1,"ymin":2,"xmax":3,"ymax":4,"spatialReference":{"wkid":102100}}'
    _, crs = params.bbox(text)

    assert crs is not None and crs.definition == "EPSG:3857"


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,", "nan,1,2,3", "1,2,inf,3", "1e309,1,2,3",
        "1_0,1,2,3", "0x1,1,2,3", "١,2,3,4", "1,2,1,4", "1,2,3,2", "1;2;3;4", "{", "{}", "[1,2]",
        '{"xmin":1}', '{"xmin":NaN,"ymin":2,"xmax":3,"ymax":4}', "1," * 9999,
        '{"xmin":true,"ymin":2,"xmax":3,"ymax":4}', "1e-400,1,1e-399,2",
    ],
)  # fmt: skip
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        params.bbox(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("400,300", (400, 300)), ("400.0000,299.6", (400, 300)), (" 1 , 1 ", (1, 1)),
     ("0.5,1.49", (1, 1))],
)  # fmt: skip
def test_sizes_are_rounded_to_pixels(text: str, size: tuple[int, int]) -> None:
    assert params.size(text) == size


@pytest.mark.parametrize(
    "text", ["400", "0,0", "-1,5", "abc", "1,2,3", "0.4,9", "1e99,1", "nan,1", "1,", ","]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        params.size(text)


@pytest.mark.parametrize(
    ("text", "definition", "wkid", "latest"),
    [
        ("4326", "EPSG:4326", 4326, 4326),
        ("EPSG:4326", "EPSG:4326", 4326, 4326),
        ("epsg:32618", "EPSG:32618", 32618, 32618),
        ("102003", "ESRI:102003", 102003, 102003),
        ("ESRI:102003", "ESRI:102003", 102003, 102003),
        ("3857", "EPSG:3857", 102100, 3857),
        ("102113", "EPSG:3857", 102113, 3785),
        ('{"wkid":102100,"latestWkid":3857}', "EPSG:3857", 102100, 3857),
        ('{"latestWkid":3857}', "EPSG:3857", 102100, 3857),
        ('{"wkid":999999,"latestWkid":4326}', "EPSG:4326", 4326, 4326),
        ('{"wkid":4326,"vcsWkid":5703}', "EPSG:4326", 4326, 4326),
        ('{"WKID":"4326"}', "EPSG:4326", 4326, 4326),
    ],
)
def test_references_come_by_number(text: str, definition: str, wkid: int, latest: int) -> None:
    crs = params.spatial_reference(text)

    assert (crs.definition, crs.wkid, crs.latest_wkid) == (definition, wkid, latest)


WGS84 = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)


METHOD = (
    'PROJCRS["x",BASEGEOGCRS["y",DATUM["z",ELLIPSOID["e",6378137,298]]],CONVERSION["c",METHOD["{}"]],'
    'CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
)


@pytest.mark.parametrize(
    "wkt",
    [
        WGS84.replace('298.257223563]', '298.257223563],EXTENSION["PROJ4_GRIDS","/etc/passwd"]'),
        WGS84.replace('298.257223563]', '298.257223563],extension (“PROJ4”,“+init=/etc/x:1”)'),
        WGS84[:-1] + ',EXTENSION["PROJ4","+proj=merc +nadgrids=/etc/passwd +no_defs"]]',
        'BOUNDCRS[ABRIDGEDTRANSFORMATION["t",METHOD["NTv2"],PARAMETERFILE["f","/etc/passwd"]]]',
        METHOD.format("PROJ hgridshift grids=/etc/passwd"),
        METHOD.format(" proj-based operation method: +proj=hgridshift +grids=/etc/passwd"),
        METHOD.format("PROJ hgridshift grids=/etc/passwd").replace('"', "“"),
    ],
)  # fmt: skip
def test_wkt_never_names_a_file(wkt: str) -> None:
    with pytest.raises(ValueError, match="must not extend PROJ or name a file"):
        params.crs_of({"wkt": wkt})


@pytest.mark.parametrize("version", ["WKT1_GDAL", "WKT1_ESRI", "WKT2_2019"])
def test_web_mercator_comes_by_any_wkt(version: str) -> None:
    wkt = pyproj.CRS.from_epsg(3857).to_wkt(version)

    assert params.crs_of({"wkt": wkt}) == params.spatial_reference("3857")


@pytest.mark.parametrize("wkid", ["0", "54070"])
def test_wkt_counts_where_its_number_is_unknown(wkid: str) -> None:
    said = json.dumps({"wkid": int(wkid), "wkt": WGS84})

    assert params.spatial_reference(said) == params.spatial_reference("4326")


def test_a_reference_comes_by_wkt() -> None:
    crs = params.crs_of({"wkt": WGS84})

    assert crs.wkid == 4326


@pytest.mark.parametrize(
    "text",
    [
        "999999", "54070", "0:123", "abc", "/etc/passwd", "http://x/y", "+proj=longlat", "{", "{}",
        '{"wkt":"/etc/passwd"}', '{"wkt":5}', '{"wkid":null}', '{"wkid":4.5}', "-1", "EPSG:",
        "urn:ogc:def:crs:EPSG::4326", "5703", "4978", "9" * 30, '{"wkid":1e400}',
    ],
)  # fmt: skip
def test_what_names_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        params.spatial_reference(text)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (params.no_data, "0", (0.0,)),
        (params.no_data, "1, -2.5,3e2", (1.0, -2.5, 300.0)),
        (params.band_ids, "2, 1,0,0", (2, 1, 0, 0)),
        (params.quality, "0", 0),
        (params.tolerance, "0.01", 0.01),
        (params.lerc_version, "2", 2),
        (params.slice_id, "7", 7),
        (params.time, "1199145600000", (1199145600000, 1199145600000)),
        (params.time, "1199145600000, null", (1199145600000, None)),
        (params.time, "NULL,-5", (None, -5)),
    ],
)
def test_values_are_read(read: Any, text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (params.no_data, "x"), (params.no_data, "1,,2"), (params.no_data, "nan"),
        (params.no_data, "1," * 600), (params.band_ids, "-1"), (params.band_ids, "a"),
        (params.band_ids, "1.0"), (params.band_ids, "0," * 600 + "0"), (params.quality, "101"),
        (params.quality, "-1"), (params.quality, "7.5"), (params.tolerance, "-0.1"),
        (params.tolerance, "inf"), (params.lerc_version, "3"), (params.slice_id, "-1"),
        (params.time, "yesterday"), (params.time, "2,1"), (params.time, "1,2,3"),
        (params.time, "9" * 18),
    ],
)  # fmt: skip
def test_values_that_break_their_rule_are_refused(read: Any, text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("PNG32", "png32"), ("jpeg", "jpg"), ("TIF", "tiff"), ("jpgpng", "jpgpng"), ("Lerc", "lerc")],
)
def test_formats_have_no_case_and_a_few_spellings(text: str, name: str) -> None:
    assert names.format_name(text) == name


def test_every_pixel_type_has_its_code() -> None:
    codes = [pixel_type.name for pixel_type in PixelType]

    assert len(codes) == 13
    assert [names.pixel_type(code.lower()) for code in codes] == [PixelType[c] for c in codes]
    assert names.pixel_type("unknown") is None


@pytest.mark.parametrize(
    ("text", "kernel"),
    [
        ("RSP_NearestNeighbor", Interpolation.NEAREST),
        ("rsp_bilinearinterpolation", Interpolation.BILINEAR),
        ("+RSP_CubicConvolution", Interpolation.CUBIC),
        ("RSP_Majority", Interpolation.MAJORITY),
        ("RSP_Bilinear", Interpolation.BILINEAR),
    ],
)
def test_kernels_have_esris_names(text: str, kernel: Interpolation) -> None:
    assert names.interpolation(text) is kernel


@pytest.mark.parametrize(
    ("read", "text"),
    [(names.format_name, "xyz"), (names.format_name, "ﬁ"), (names.pixel_type, "U7"),
     (names.interpolation, "bilinear"), (names.compression, "zip"), (names.boolean, "1"),
     (names.no_data_match, "any"), (names.format_name, "K")],
)  # fmt: skip
def test_an_unknown_name_lists_the_known(read: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"must be one of .+, .+"):
        read(text)
