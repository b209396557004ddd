"""The published test vectors of mosaics, row by row, over HTTP; and what must be refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rasterio.io import MemoryFile

EXPORT = "/rest/services/mosaic/ImageServer/exportImage"
BOX = {"bbox": "120,70,130,80", "size": "10,10", "format": "tiff", "f": "image"}
DAY = 86_400_000
Y2001, Y2005, Y2010 = 978307200000, 1104537600000, 1262304000000


def values(reply):
    """The one band of a TIFF, and its mask, by GDAL."""
    assert reply.status_code == 200, reply.text
    with MemoryFile(reply.data) as file, file.open() as dataset:
        return dataset.read(1), dataset.dataset_mask()


def rule(**members):
    return {"mosaicRule": json.dumps(members)}


def method(name, **members):
    return rule(mosaicMethod=f"esriMosaic{name}", **members)


def operation(name):
    return rule(mosaicMethod="esriMosaicNone", mosaicOperation=f"MT_{name}")


BY_ATTRIBUTE = (
    "<MosaicMethod>ByAttribute</MosaicMethod><TileOrderField>Year</TileOrderField>"
    "<TileOrderBase>2009</TileOrderBase>"
)
M = [
    ("M01", {}, 10),
    ("M01 None", method("None"), 10),
    ("M02", method("LockRaster", lockRasterIds=[3]), 30),
    ("M03", method("Attribute", sortField="Year", sortValue=2009), 30),
    ("M04", method("Center"), 30),
    ("M05", method("None", where="Year>2003"), 20),
    ("M06", method("None", fids=[2, 3]), 20),
    ("M07", operation("LAST"), 30),
    ("M08 MIN", operation("MIN"), 10),
    ("M08 MAX", operation("MAX"), 30),
    ("M08 MEAN", operation("MEAN"), 20),
    ("M08 SUM", operation("SUM"), 60),
    ("M09", method("None", ascending=False), 30),
    ("M10", {"mosaicProperties": "<MosaicMethod>Center</MosaicMethod>"}, 30),
    ("M11", {"mosaicProperties": BY_ATTRIBUTE}, 30),
    ("M11 root", {"mosaicProperties": f"<MosaicProperties>{BY_ATTRIBUTE}</MosaicProperties>"}, 30),
    ("M13", method("LockRaster", lockRasterIds=[2, 1]), 20),
    # mosaicRule goes before mosaicProperties.
    ("both", method("None") | {"mosaicProperties": BY_ATTRIBUTE}, 10),
    ("time instant", {"time": str(Y2005)}, 20),
    ("time range", {"time": f"{Y2001 + DAY}, {Y2010}"}, 20),
    ("time open", {"time": f"{Y2005 + DAY},null"}, 30),
    ("time and where", {"time": f"null,{Y2005}"} | rule(where="Year <> 2001"), 20),
    ("where of a date", rule(where="Taken >= DATE '2005-01-01'", ascending=False), 30),
]


@pytest.mark.parametrize(("asked", "value"), [row[1:] for row in M], ids=[row[0] for row in M])
def test_mosaic_rules(mosaic_client, asked, value):
    found, mask = values(mosaic_client.get(EXPORT, query_string=BOX | asked))

    assert (found == value).all() and mask.all()


def test_m12_a_locked_raster_alone_is_no_data_elsewhere(mosaic_client):
    asked = BOX | method("LockRaster", lockRasterIds=[3]) | {"bbox": "10,10,20,20"}
    found, mask = values(mosaic_client.get(EXPORT, query_string=asked))

    assert not mask.any() and not found.any()


def test_the_viewpoint_of_9_3_says_which_lies_on_top(mosaic_client):
    asked = {
        "mosaicProperties": "<MosaicMethod>Viewpoint</MosaicMethod>",
        "viewpointProperties": "<ViewpointProperties><X>290</X><Y>100</Y></ViewpointProperties>",
    }
    found, _ = values(mosaic_client.get(EXPORT, query_string=BOX | asked))

    assert (found == 20).all()


def test_neighbouring_pictures_agree_under_every_rule_but_that_of_their_centres(mosaic_client):
    asked = method("Northwest", mosaicOperation="MT_BLEND") | {"pixelType": "F32"}
    whole, _ = values(
        mosaic_client.get(
            EXPORT, query_string=BOX | asked | {"bbox": "90,60,110,80", "size": "20,20"}
        )
    )
    parts = [
        values(mosaic_client.get(EXPORT, query_string=BOX | asked | {"bbox": box}))[0]
        for box in ("90,70,100,80", "100,70,110,80")
    ]

    assert np.array_equal(np.hstack(parts), whole[:10])


LAUGHS = (
    '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<MosaicMethod>&b;</MosaicMethod>"
)
BAD = {
    "malformed XML": ({"mosaicProperties": "<MosaicMethod>"}, "mosaicProperties"),
    "entities": ({"mosaicProperties": LAUGHS}, "mosaicProperties"),
    "deep XML": ({"mosaicProperties": "<a>" * 60 + "</a>" * 60}, "mosaicProperties"),
    "unknown field of 9.3": (
        {"mosaicProperties": BY_ATTRIBUTE.replace("Year", "Moon")}, "mosaicProperties",
    ),
    "entities of a viewpoint": ({"viewpointProperties": LAUGHS}, "viewpointProperties"),
    "malformed JSON": ({"mosaicRule": "{bad"}, "mosaicRule"),
    "unknown method": (method("Best"), "mosaicRule"),
    "unknown field": (method("Attribute", sortField="Moon"), "mosaicRule"),
    "unknown field in where": (rule(where="Moon = 1"), "mosaicRule"),
    "path of a file": (rule(where="source LIKE '/%'"), "mosaicRule"),
    "unbalanced where": (rule(where="(Year > 1"), "mosaicRule"),
    "statement": (rule(where="1=1; DROP TABLE items"), "mosaicRule"),
    "long where": (rule(where="Year > 1 OR " * 9000 + "Year > 1"), "mosaicRule"),
    "many ids": (rule(fids=[1] * 110_000), "mosaicRule"),
    "missing item": (method("LockRaster", lockRasterIds=[1, 77]), "mosaicRule"),
    "no items": (method("LockRaster"), "mosaicRule"),
    "no seamlines": (method("Seamline"), "mosaicRule"),
    "no viewpoint": (method("Viewpoint"), "mosaicRule"),
    "function": (rule(itemRenderingRule={"rasterFunction": "Slope"}), "mosaicRule"),
    "backward time": ({"time": "2,1"}, "time"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "parameter"), BAD.values(), ids=BAD)
def test_what_cannot_be_is_refused_by_name(mosaic_client, asked, parameter):
    reply = mosaic_client.post(EXPORT, data=BOX | asked | {"f": "json"})
    error = reply.get_json()["error"]

    assert error["code"] == 400
    assert error["details"][0] == f"'{parameter}' parameter is invalid."


def test_a_million_ids_are_more_than_is_read(mosaic_client):
    reply = mosaic_client.post(EXPORT, data=BOX | rule(fids=list(range(1_000_000))))

    assert reply.status_code in (400, 413)


def test_a_rule_that_selects_nothing_is_no_error(mosaic_client):
    _, mask = values(mosaic_client.get(EXPORT, query_string=BOX | rule(where="Year > 3000")))

    assert not mask.any()
