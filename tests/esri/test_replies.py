"""Replies have Esri's members, in Esri's order, of the version that is spoken."""

from __future__ import annotations

import json

from exportimage_wsgi.esri import replies
from exportimage_wsgi.geo.crs import crs_from_wkid, crs_from_wkt
from tests.rasters import extent


def test_an_export_is_told_in_esris_order() -> None:
    reply = replies.export_reply("http://x/y.png", 4, 3, extent(1, 2, 3, 4, 3857), 10.91)

    assert list(reply) == ["href", "width", "height", "extent", "scale"]
    assert list(reply["extent"]) == ["xmin", "ymin", "xmax", "ymax", "spatialReference"]
    assert reply["extent"]["spatialReference"] == {"wkid": 102100, "latestWkid": 3857}


def test_9_3_knew_neither_scale_nor_latest_numbers() -> None:
    reply = replies.export_reply("http://x/y.png", 4, 3, extent(1, 2, 3, 4, 4326), 9.3)

    assert "scale" not in reply
    assert reply["extent"]["spatialReference"] == {"wkid": 4326}


def test_a_reference_without_a_number_is_spelled_out() -> None:
    wkt = crs_from_wkid(32633).to_wkt.replace('"central_meridian",15', '"central_meridian",15.5')
    reply = replies.spatial_reference_json(
        crs_from_wkt(wkt[: wkt.rindex(",AUTHORITY")] + "]"), 11.0
    )

    assert list(reply) == ["wkt"] and "15.5" in reply["wkt"]


def test_an_error_is_as_long_as_esris() -> None:
    details = ["'imageSR' parameter is invalid."]
    new, old = (
        replies.error_body(400, "Invalid or missing input parameters.", details, version)
        for version in (10.91, 10.0)
    )

    assert len(json.dumps(new, separators=(",", ":"))) == 144
    assert list(new["error"]) == ["code", "extendedCode", "message", "details"]
    assert list(old["error"]) == ["code", "message", "details"]


def test_the_full_version_is_told() -> None:
    assert replies.info_reply(10.91)["fullVersion"] == "10.9.1"
    assert replies.info_reply(11.2)["fullVersion"] == "11.2.0"
    assert "currentVersion" not in replies.catalog_reply([], [], 9.3)
