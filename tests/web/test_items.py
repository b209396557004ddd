"""The catalogue of a mosaic over HTTP: query, items, and the pictures of single items."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile

from exportimage_wsgi import create_app
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.service import ImageService
from tests.clients import Visitor, visitor_of
from tests.mosaics.scenes import row_of_scenes
from tests.rasters import write

BASE = "/rest/services/Folder/scenes/ImageServer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    for number, name in enumerate(("one", "two", "three")):
        box = 10 + number, 50, 11 + number, 51
        write(folder / f"{name}.tif", np.full((1, 20, 20), 50 + number, "u1"), box, "EPSG:4326")
    utm = np.full((1, 50, 50), 99, "u1")
    write(folder / "utm.tif", utm, (500000, 5540000, 550000, 5590000), "EPSG:32633")
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Visitor:
    mosaic = ImageService.open(folder, name="scenes")
    single = ImageService.open(folder / "one.tif", name="one")
    return visitor_of(create_app({"Folder/scenes": mosaic, "one": single}))


@pytest.mark.parametrize("method", ["get", "post"])
def test_query_answers_get_and_post(client: Visitor, method: str) -> None:
    said = {"where": "Name LIKE 't%'", "outFields": "Name", "f": "json"}
    how = {"query_string": said} if method == "get" else {"data": said}
    reply = client.open(f"{BASE}/query", method=method.upper(), **how).get_json()

    assert [f["attributes"]["Name"] for f in reply["features"]] == ["three", "two"]


def test_geojson_has_its_own_media_type(client: Visitor) -> None:
    reply = client.get(f"{BASE}/query?f=geojson&where=1%3D1")

    assert reply.content_type.startswith("application/geo+json")
    assert len(json.loads(reply.data)["features"]) == 4


def test_a_fault_of_a_query_is_esris_error(client: Visitor, folder: Path) -> None:
    reply = client.get(f"{BASE}/query?f=json&where=source%3D1")
    of_geojson = client.get(f"{BASE}/query?f=geojson&where=source%3D1")

    assert reply.status_code == 200 and reply.get_json()["error"]["code"] == 400
    assert of_geojson.status_code == 400 and of_geojson.get_json()["error"]["code"] == 400
    assert str(folder) not in reply.text + of_geojson.text


def test_an_unknown_item_is_esris_error(client: Visitor) -> None:
    error = client.get(f"{BASE}/77?f=json").get_json()["error"]

    assert (error["code"], error["message"]) == (404, "Raster 77 not found")
    assert client.get(f"{BASE}/77").status_code == 404
    assert client.get(f"{BASE}/77/image?f=image").status_code == 404
    assert client.get(f"{BASE}/{'7' * 30}/image?f=image").status_code == 400


@pytest.mark.parametrize("path", ["query", "1", "1/info", "1/image", "1/thumbnail"])
def test_a_service_of_one_raster_has_none_of_it(client: Visitor, path: str) -> None:
    reply = client.get(f"/rest/services/one/ImageServer/{path}?f=json")

    assert reply.status_code == 400
    assert reply.get_json()["error"]["message"] == "Invalid URL"


def pixels(data: bytes) -> Any:
    with MemoryFile(data) as file, file.open() as dataset:
        return dataset.read(), dataset.bounds, dataset.crs.to_epsg()


def test_the_image_of_an_item_shows_it_alone(client: Visitor) -> None:
    said = "bbox=9,50,12,51&size=30,10&format=tiff&adjustAspectRatio=false&f=image"
    reply = client.get(f"{BASE}/1/image?{said}&mosaicRule=%7B%22fids%22%3A%5B2%5D%7D")
    values, bounds, _ = pixels(reply.data)
    name = client.get(f"{BASE}/1?f=json").get_json()["attributes"]["Name"]
    column = {"one": 10, "three": 30, "two": 20}[name]

    assert tuple(bounds) == (9, 50, 12, 51)
    assert (values[0] == 50).sum() == 100 and (values[0][:, column] == 50).all()
    assert "scenes_1" in reply.headers["Content-Disposition"]


def test_the_reference_of_an_items_image_is_the_services(client: Visitor) -> None:
    reply = client.get(f"{BASE}/query?f=json&where=Name%3D'utm'&returnIdsOnly=true").get_json()
    (number,) = reply["objectIds"]
    told = client.get(f"{BASE}/{number}/image?f=json&size=20,20&format=tiff").get_json()
    values, _, code = pixels(client.get(told["href"]).data)
    own = client.get(f"{BASE}/{number}/info?f=json").get_json()["extent"]["spatialReference"]
    by_box = client.get(f"{BASE}/{number}/image?f=json&bbox=15.1,50.1,15.2,50.2&size=9,9")

    assert (own["wkid"], told["extent"]["spatialReference"]["wkid"], code) == (32633, 4326, 4326)
    assert 0.5 < (values == 99).mean() < 0.9
    assert by_box.get_json()["extent"]["xmin"] == pytest.approx(15.1)


def test_an_items_image_answers_head_kmz_and_etags(client: Visitor) -> None:
    address = f"{BASE}/1/image?f=image&size=10,10"
    head, first = client.head(address), client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert (head.status_code, again.status_code) == (200, 304)
    assert client.get(f"{BASE}/1/image?f=kmz").data[:2] == b"PK"


def test_a_thumbnail_is_a_small_png(client: Visitor) -> None:
    reply = client.get(f"{BASE}/1/thumbnail")

    with Image.open(io.BytesIO(reply.data)) as picture:
        assert picture.size == (133, 133)
    assert reply.content_type == "image/png"


def test_the_page_of_the_mosaic_leads_straight_to_the_list(client: Visitor) -> None:
    (link,) = re.findall(r'href="([^"]+)">List the rasters<', client.get(BASE).text)
    path, _, place = html.unescape(link).partition("#")

    assert f'id="{place}"' in client.get(path).text


def test_the_page_of_a_query_lists_items_with_links(client: Visitor) -> None:
    page = client.get(f"{BASE}/query?where=Name%3D'two'&outFields=OBJECTID,Name").text
    number = client.get(f"{BASE}/query?f=json&where=Name%3D'two'&returnIdsOnly=true").get_json()

    assert f'<a href="{BASE}/{number["objectIds"][0]}">' in page
    assert "<td>two</td>" in page and 'name="outStatistics"' in page


def test_the_page_of_a_query_asks_for_all_fields_at_first(client: Visitor) -> None:
    page, told = client.get(f"{BASE}/query").text, client.get(f"{BASE}/query?f=json").get_json()
    asked = client.get(f"{BASE}/query?where=1%3D1").text

    assert 'name="outFields" value="*"' in page and "query?outFields=*&amp;f=json" in page
    assert "<td>two</td>" in page
    assert 'name="outFields" value=""' in asked and "<td>two</td>" not in asked
    assert told["features"][0]["attributes"].keys() == {"OBJECTID"}


def test_the_page_of_an_item_shows_its_picture(client: Visitor, folder: Path) -> None:
    page = client.get(f"{BASE}/1").text

    assert f'src="{BASE}/1/thumbnail"' in page and f'href="{BASE}/1/image"' in page
    assert client.get(f"{BASE}/1/info").status_code == 200
    assert str(folder) not in page


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    folder = row_of_scenes(tmp_path_factory.mktemp("dated"))
    said = MosaicSettings(pattern="_(?P<taken>[0-9]{8})", time=("taken",))
    return visitor_of(create_app(ImageService.open(folder, mosaic=said)))


@pytest.mark.parametrize(
    "path", ["/1", "/query?where=OBJECTID%3D1&outFields=*", "/identify?geometry=500100,5500500"]
)
def test_pages_tell_dates_and_json_milliseconds(dated: Visitor, path: str) -> None:
    page, sign = dated.get(path).text, "&" if "?" in path else "?"
    read, _, json_of_it = page.partition("<summary>JSON</summary>")

    assert "2020-01-01" in read.replace("scene0_20200101", "")
    assert "1577836800000" in json_of_it and "1577836800000" not in read
    assert "1577836800000" in dated.get(f"{path}{sign}f=json").text


def test_the_page_of_a_mosaic_tells_its_time_as_dates(dated: Visitor) -> None:
    assert "2020-01-01, 2020-01-03" in dated.get("/").text


def test_the_page_of_a_place_lists_its_items(dated: Visitor) -> None:
    page = dated.get("/identify?geometry=500600,5500500").text

    assert '<td><a href="/1">1</a></td>' in page and '<td><a href="/2">2</a></td>' in page
    assert "Catalog Item Visibilities" in page and "{&#39;" not in page


def test_the_form_of_an_items_image_offers_its_extent(client: Visitor) -> None:
    reply = client.get(f"{BASE}/4/image")
    drawn = client.get(f"{BASE}/1/image?bbox=10,50,11,51")

    assert reply.status_code == drawn.status_code == 200
    assert 'value="500000,5540000,550000,5590000"' in reply.text and 'value="32633"' in reply.text
    assert "Download the file" in drawn.text


def test_a_mount_of_one_mosaic_has_items_below_it(folder: Path) -> None:
    client = visitor_of(create_app(ImageService.open(folder)))

    assert client.get("/1?f=json").get_json()["attributes"]["OBJECTID"] == 1
    assert client.get("/1/image?f=image").status_code == 200
    assert 'href="/1"' in client.get("/query?objectIds=1").text


def test_the_parent_tells_of_the_catalogue(client: Visitor) -> None:
    said = client.get(f"{BASE}?f=json").get_json()

    assert said["capabilities"] == "Image,Metadata,Catalog"
    assert client.get(BASE).status_code == 200
