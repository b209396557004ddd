"""Operations of the table as clients ask them over HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import Client

from exportimage_wsgi.operations.table import OPERATIONS
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.app import ImageServer
from tests.rasters import waves, write

SERVICE = "/rest/services/Rocky/Scene/ImageServer"
Visit = Callable[..., Client]


def asked(client: Client, path: str, **arguments: Any) -> Any:
    reply = client.get(f"{SERVICE}/{path}", query_string={"f": "json", **arguments})
    assert reply.status_code == 200, reply.text
    return reply.json


def test_esri_leaflet_identifies(client: Client) -> None:
    point = {"x": -117.0, "y": 35.0, "spatialReference": {"wkid": 4326}}

    reply = asked(
        client,
        "identify",
        returnGeometry="false",
        geometry=json.dumps(point),
        geometryType="esriGeometryPoint",
    )

    assert reply["value"] == "30, 90, 150"
    assert reply["location"]["spatialReference"]["wkid"] == 4326


def test_a_script_gets_the_value(client: Client) -> None:
    query = {"f": "json", "callback": "window._EsriLeafletCallbacks.c0", "geometry": "-117,35"}

    reply = client.get(f"{SERVICE}/identify", query_string=query)

    assert reply.text.startswith('window._EsriLeafletCallbacks.c0({"objectId":0')
    assert reply.mimetype == "text/javascript"


def test_the_python_api_posts(client: Client) -> None:
    form = {
        "f": "json",
        "geometry": '{"x":-117,"y":35}',
        "returnGeometry": "false",
        "returnCatalogItems": "true",
        "returnPixelValues": "true",
        "processAsMultidimensional": "false",
    }

    assert client.post(f"{SERVICE}/identify", data=form).json["value"] == "30, 90, 150"
    assert client.post(f"{SERVICE}/getSamples", data=form).json["samples"][0]["value"] == (
        "30 90 150"
    )


def test_a_geometry_as_large_as_a_body_may_be_is_answered(client: Client) -> None:
    ring = [[-119 + i % 300 / 100, 30 + i * 7 % 900 / 100] for i in range(45_000)]
    text = json.dumps({"rings": [[[round(x, 2), round(y, 2)] for x, y in ring]]})
    form = {"f": "json", "geometry": text.replace(" ", "")}

    for path in ("identify", "computeHistograms"):
        assert "error" not in client.post(f"{SERVICE}/{path}", data=form).json


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if "<" not in each.path])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"geometry": "NaN,NaN"},
        {"geometry": "0,0", "inSR": "ESRI:104905"},
        {"geometry": '{"rings":[[[0,0],[9,9],[9,0],[0,9]]]}', "geometryType": "zigzag"},
        {"geometry": "1e300,1", "sampleCount": "9" * 30, "bandIds": "-1", "format": "?"},
    ],
)
def test_nothing_asked_is_a_fault_of_the_server(
    client: Client, operation: Any, arguments: dict[str, str]
) -> None:
    for f in ("json", "html", "image"):
        query = {**arguments, "f": f}

        assert client.get(f"{SERVICE}/{operation.path}", query_string=query).status_code < 500


@pytest.mark.parametrize("path", ["identify", "statistics", "legend", "info/iteminfo"])
def test_people_read_a_page(client: Client, path: str) -> None:
    reply = client.get(f"{SERVICE}/{path}?geometry=-117,35")

    assert reply.status_code == 200
    assert reply.mimetype == "text/html"


def test_a_kmz_is_streamed_with_its_type(client: Client) -> None:
    reply = client.get(f"{SERVICE}/kml/image.kmz?size=60,40")

    assert reply.mimetype == "application/vnd.google-earth.kmz"
    assert "doc.kml" in zipfile.ZipFile(io.BytesIO(reply.data)).namelist()


def test_the_thumbnail_is_a_picture(client: Client) -> None:
    reply = client.get(f"{SERVICE}/info/thumbnail")

    assert reply.mimetype == "image/png"
    assert Image.open(io.BytesIO(reply.data)).size == (200, 100)


def test_metadata_are_xml(client: Client) -> None:
    reply = client.get(f"{SERVICE}/info/metadata")

    assert reply.mimetype == "text/xml"
    assert b"MD_Metadata" in reply.data


@pytest.fixture
def tiled(site: Callable[..., ImageServer], visitor: Visit, tmp_path: Path) -> Client:
    path = write(tmp_path / "t.tif", waves((512, 512), 3, "uint8"), (0, 0, 512, 512), "EPSG:3857")
    return visitor(site({"Rocky/Scene": ImageService.open(path, tiles=True)}))


def test_a_tile_may_be_kept_and_is_known_again(tiled: Client) -> None:
    first = tiled.get(f"{SERVICE}/tile/1/0/0")

    again = tiled.get(f"{SERVICE}/tile/1/0/0", headers={"If-None-Match": first.headers["ETag"]})

    assert first.mimetype in ("image/jpeg", "image/png")
    assert "max-age" in first.headers["Cache-Control"]
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["tile/77/0/0", "tile/1/5/0", "tile/-1/0/0"])
def test_no_such_tile_is_a_true_404(tiled: Client, path: str) -> None:
    assert tiled.get(f"{SERVICE}/{path}").status_code == 404
    assert asked(tiled, path)["error"]["code"] == 404
