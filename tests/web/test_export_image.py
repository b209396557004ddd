"""exportImage on the wire: pictures, their heads, their ranges, and what is told of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import Client, create_environ, run_wsgi_app

from exportimage_wsgi import create_app
from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.errors import ItemError, SourceError
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.app import ImageServer
from exportimage_wsgi.web.exporting import in_a_header
from tests.clients import visitor_of
from tests.operations.scenes import constant_scenes, mosaic

EXPORT = "/rest/services/Rocky/Scene/ImageServer/exportImage"
BOX = {"bbox": "-117,34,-116,35", "bboxSR": "4326", "size": "300,200"}
DATA = Path(__file__).parents[2] / "examples" / "data"
DRAWN = [-117.25, 34.0, -115.75, 35.0]


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_the_picture_is_what_the_body_is(client: Client) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "image"})

    assert (reply.status_code, reply.content_type) == (200, "image/png")
    assert picture(reply.data).size == (300, 200)


def test_headers_say_what_was_drawn(client: Client) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "image"})

    assert [float(side) for side in reply.headers["Content-Bbox"].split(",")] == DRAWN
    assert reply.headers["Content-Crs"] == "EPSG:4326"
    exposed = reply.headers["Access-Control-Expose-Headers"]
    assert "Content-Bbox" in exposed and "Content-Crs" in exposed


@pytest.mark.parametrize(("sr", "told"), [("102100", "EPSG:3857"), ("102003", "ESRI:102003")])
def test_the_reference_is_told_with_its_authority(client: Client, sr: str, told: str) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "image", "imageSR": sr})

    assert reply.headers["Content-Crs"] == told


def test_json_tells_where_the_same_bytes_are(client: Client) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "json"})
    said = reply.get_json()
    file = client.get(said["href"])

    assert reply.headers["Cache-Control"] == "no-store"
    assert list(said)[:4] == ["href", "width", "height", "extent"]
    assert (said["width"], said["height"], said["scale"]) == (300, 200, 0)
    assert [said["extent"][side] for side in ("xmin", "ymin", "xmax", "ymax")] == DRAWN
    assert file.data == client.get(EXPORT, query_string=BOX | {"f": "image"}).data
    assert (file.content_type, said["href"][-4:]) == ("image/png", ".png")
    assert file.headers["Access-Control-Allow-Origin"] == "*"


def test_the_same_request_is_made_once(client: Client, reads: Any) -> None:
    first = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]
    count = reads.count
    second = client.post(EXPORT, data={**BOX, "F": "json"}).get_json()["href"]

    assert (first, count) == (second, reads.count)


def test_a_jpgpng_that_is_kept_is_found_again_without_reading(client: Client, reads: Any) -> None:
    query = BOX | {"f": "json", "format": "jpgpng"}
    first = client.get(EXPORT, query_string=query).get_json()["href"]
    count = reads.count

    assert client.get(EXPORT, query_string=query).get_json()["href"] == first
    assert reads.count == count


@pytest.mark.parametrize(
    ("box", "media_type"), [("-117,34,-116,35", "image/jpeg"), ("-121,34,-120,35", "image/png")]
)
def test_jpgpng_says_which_it_became(client: Client, box: str, media_type: str) -> None:
    query = {"bbox": box, "format": "jpgpng", "f": "image"}
    reply = client.get(EXPORT, query_string=query)

    assert reply.content_type == media_type
    assert picture(reply.data).get_format_mimetype() == media_type
    head = client.head(EXPORT, query_string=query)
    assert (head.content_type, head.headers["Content-Disposition"]) == (
        media_type,
        reply.headers["Content-Disposition"],
    )


def test_without_a_box_the_whole_service_is_drawn(client: Client) -> None:
    said = client.get(EXPORT, query_string={"f": "json", "size": "400,200"}).get_json()

    assert said["extent"]["xmin"] == pytest.approx(-120)
    assert said["extent"]["ymax"] == pytest.approx(40)


def test_kmz_is_an_archive_of_a_picture(client: Client) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "kmz"})

    assert reply.content_type == "application/vnd.google-earth.kmz"
    assert "doc.kml" in zipfile.ZipFile(io.BytesIO(reply.data)).namelist()


def test_who_holds_the_picture_is_told_so_before_a_pixel_is_read(
    client: Client, reads: Any
) -> None:
    query = BOX | {"f": "image"}
    tag = client.get(EXPORT, query_string=query).headers["ETag"]
    reads.count = 0

    replies = [
        client.open(EXPORT, method=method, query_string=query, headers={"If-None-Match": value})
        for method in ("GET", "HEAD")
        for value in (tag, f"W/{tag}", f'"other", {tag}', "*")
    ]

    assert {reply.status_code for reply in replies} == {304}
    assert {reply.headers["ETag"] for reply in replies} == {tag}
    assert all(reply.data == b"" and "Content-Type" not in reply.headers for reply in replies)
    assert reads.count == 0


def test_who_posts_is_sent_the_picture_whatever_he_holds(client: Client) -> None:
    tag = client.get(EXPORT, query_string=BOX | {"f": "image"}).headers["ETag"]

    reply = client.post(EXPORT, data=BOX | {"f": "image"}, headers={"If-None-Match": tag})

    assert (reply.status_code, reply.content_type) == (200, "image/png")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Rocky/Scene", 'inline; filename="Scene.png"'),
        ("Höhe 2", "inline; filename=\"H-he-2.png\"; filename*=UTF-8''H%C3%B6he%202.png"),
        ("面積", "inline; filename=\"image.png\"; filename*=UTF-8''%E9%9D%A2%E7%A9%8D.png"),
    ],
)
def test_a_picture_is_saved_under_the_name_of_its_service(
    site: Callable[..., ImageServer],
    service: ImageService,
    visitor: Callable[..., Client],
    name: str,
    told: str,
) -> None:
    client = visitor(site({name: ImageService(name=name, source=service.source)}))

    reply = client.get(EXPORT.replace("Rocky/Scene", name), query_string=BOX | {"f": "image"})

    assert reply.headers["Content-Disposition"] == told


def test_what_a_header_tells_is_short_and_of_printable_ascii() -> None:
    told = in_a_header("a\r\nb\x00 Höhe " * 1000)

    assert told.startswith("a??b? H?he a??b?") and len(told) == 1000


def test_another_picture_has_another_tag(client: Client) -> None:
    tags = {
        client.get(EXPORT, query_string=BOX | {"f": "image"} | other).headers["ETag"]
        for other in ({}, {"format": "jpg"}, {"size": "299,200"}, {"bandIds": "0"}, {"f": "kmz"})
    }

    assert len(tags) == 5


def test_a_known_length_is_told_and_a_head_reads_no_pixel(client: Client, reads: Any) -> None:
    query = BOX | {"f": "image", "format": "tiff"}
    head = client.head(EXPORT, query_string=query)

    assert reads.count == 0
    whole = client.get(EXPORT, query_string=query)
    assert int(head.headers["Content-Length"]) == len(whole.data)
    assert (head.content_type, head.headers["ETag"]) == ("image/tiff", whole.headers["ETag"])


def test_a_head_of_unknown_length_comes_from_the_store(client: Client) -> None:
    query = BOX | {"f": "image"}
    head, whole = (client.open(EXPORT, method=m, query_string=query) for m in ("HEAD", "GET"))

    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(whole.data)
    told = ("Content-Type", "ETag", "Content-Bbox", "Content-Crs", "Content-Disposition")
    assert all(head.headers[name] == whole.headers[name] for name in told)


@pytest.mark.parametrize("f", ["json", "image"])
@pytest.mark.parametrize(
    ("asked", "part", "told"),
    [
        ("bytes=0-15", slice(0, 16), "bytes 0-15/{}"),
        ("bytes=10-", slice(10, None), "bytes 10-{last}/{}"),
        ("bytes=-7", slice(-7, None), "bytes {-7}-{last}/{}"),
        ("bytes=5-99999999", slice(5, None), "bytes 5-{last}/{}"),
    ],
)
def test_a_range_is_answered_by_that_part(
    client: Client, f: str, asked: str, part: slice, told: str
) -> None:
    query = BOX | {"f": "image"}
    whole = client.get(EXPORT, query_string=query).data
    url = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]

    if f == "image":
        reply = client.get(EXPORT, query_string=query, headers={"Range": asked})
    else:
        reply = client.get(url, headers={"Range": asked})

    size = len(whole)
    told = told.replace("{last}", str(size - 1)).replace("{-7}", str(size - 7))
    assert (reply.status_code, reply.data) == (206, whole[part])
    assert reply.headers["Content-Range"] == told.format(size)
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert int(reply.headers["Content-Length"]) == len(reply.data)


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_of_a_file_is_of_the_kind_of_the_whole(client: Client, name: str) -> None:
    query = BOX | {"f": "image", "format": name}
    kinds = [
        client.get(EXPORT, query_string=query, headers=headers).content_type
        for headers in ({}, {"Range": "bytes=0-3"}, {"Range": "bytes=4-7"})
    ]

    assert len(set(kinds)) == 1


def test_a_range_beyond_the_end_cannot_be_satisfied(client: Client) -> None:
    headers = {"Range": "bytes=99999999-"}
    reply = client.get(EXPORT, query_string=BOX | {"f": "image"}, headers=headers)
    size = len(client.get(EXPORT, query_string=BOX | {"f": "image"}).data)

    assert (reply.status_code, reply.data) == (416, b"")
    assert reply.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=b-a", "bytes=9-3", "x"])
def test_what_is_no_single_range_is_answered_whole(client: Client, asked: str) -> None:
    reply = client.get(EXPORT, query_string=BOX | {"f": "image"}, headers={"Range": asked})

    assert reply.status_code == 200
    assert picture(reply.data).size == (300, 200)


def test_a_range_of_another_version_is_answered_whole(client: Client) -> None:
    query = BOX | {"f": "image"}
    tag = client.get(EXPORT, query_string=query).headers["ETag"]

    statuses = [
        client.get(
            EXPORT, query_string=query, headers={"Range": "bytes=0-9", "If-Range": condition}
        ).status_code
        for condition in (tag, '"other"', f"W/{tag}")
    ]

    assert statuses == [206, 200, 200]


def test_a_picture_is_made_while_it_is_read(site: Callable[..., ImageServer], reads: Any) -> None:
    environ = create_environ(EXPORT, query_string={"f": "image", "size": "3000,3000"})
    body, status, _ = run_wsgi_app(site(), environ)
    next(iter(body))

    assert status == "200 OK"
    body.close()  # type: ignore[attr-defined]
    count = reads.count
    assert count < 10
    assert reads.count == count


def test_an_error_after_the_first_bytes_breaks_the_body_and_is_logged(
    site: Callable[..., ImageServer], reads: Any, caplog: pytest.LogCaptureFixture
) -> None:
    reads.fails_from = 150
    query = {"f": "image", "size": "2000,4000", "bbox": "-120,20,-110,40"}
    body, status, _ = run_wsgi_app(site(), create_environ(EXPORT, query_string=query))

    assert status == "200 OK"
    with pytest.raises(SourceError):
        list(body)
    body.close()  # type: ignore[attr-defined]
    assert "a block cannot be read" in caplog.text


def test_what_a_mosaics_picture_broke_off_at_is_left_out_of_the_next(tmp_path: Path) -> None:
    scenes = {"north_2001": (10, (0, 2000, 1000, 4000)), "south_2002": (20, (0, 0, 1000, 2000))}
    app = create_app(
        mosaic(constant_scenes(tmp_path, scenes, compress="deflate"), on_failure="skip")
    )
    broken = tmp_path / "south_2002.tif"
    broken.write_bytes(broken.read_bytes()[:-20] + bytes(20))
    query = {"f": "image", "format": "tiff", "bbox": "0,0,1000,4000", "size": "1000,4000"}
    body, status, _ = run_wsgi_app(app, create_environ("/exportImage", query_string=query))

    assert status == "200 OK"
    with pytest.raises(ItemError, match="item 2"):
        list(body)
    reply = visitor_of(app).get("/exportImage", query_string=query)
    assert reply.status_code == 200 and len(reply.data) > 4_000_000
    assert "item 2 is left out" in reply.headers["Content-Notes"]


def test_a_full_store_is_a_clear_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/where/it/is")

    monkeypatch.setattr("exportimage_wsgi.outputs._write_all", full)
    reply = client.get(EXPORT, query_string=BOX | {"f": "json"})

    assert reply.get_json()["error"]["code"] == 503
    assert "the disk is full" in reply.text and "/where" not in reply.text


def test_an_expired_file_is_not_found(
    client: Client, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    href = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]
    life = client.get(href).headers["Cache-Control"]
    monkeypatch.setattr(store, "max_age", -1.0)

    reply = client.get(href)

    assert 500 < int(life.removeprefix("max-age=")) <= 600
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (404, "*")


@pytest.mark.parametrize(
    "name", ["", ".secret", "..%2Fx", "Scene_00000000000000000000000000000000.png", "a/b"]
)
def test_there_is_no_listing_and_no_way_out_of_the_folder(client: Client, name: str) -> None:
    client.get(EXPORT, query_string=BOX | {"f": "json"})

    assert client.get(f"/rest/directories/output/{name}").status_code == 404


def test_a_file_has_a_head_and_a_tag(client: Client) -> None:
    href = client.get(EXPORT, query_string=BOX | {"f": "json"}).get_json()["href"]
    whole, head = client.get(href), client.head(href)

    assert head.headers["Content-Length"] == str(len(whole.data))
    headers = {"If-None-Match": head.headers["ETag"]}
    assert client.get(href, headers=headers).status_code == 304
    assert client.post(href).status_code == 405


def test_the_form_without_a_box_reads_nothing(client: Client, reads: Any) -> None:
    page = client.get(EXPORT)

    assert (page.status_code, reads.count) == (200, 0)
    assert 'name="bbox"' in page.text and 'id="picture"' not in page.text


def test_the_form_without_a_box_offers_the_whole_extent(client: Client) -> None:
    page = client.get(EXPORT).text
    box = page.split('name="bbox" value="')[1].split('"')[0]

    assert [float(side) for side in box.split(",")] == pytest.approx([-120, 20, -80, 40])
    assert 'id="picture"' in client.get(EXPORT, query_string={"bbox": box}).text


def test_the_form_shows_the_picture_and_its_facts(client: Client) -> None:
    page = client.post(EXPORT, data=BOX).text
    source = page.split('id="picture" src="')[1].split('"')[0]

    assert picture(client.get(source).data).size == (300, 200)
    assert 'value="-117,34,-116,35"' in page
    for fact in ("Width", "300", "Height", "200", "XMin", "-117.25", "Spatial Reference", "4326"):
        assert fact in page


def test_the_form_shows_a_preview_of_what_browsers_cannot_show(client: Client) -> None:
    page = client.get(EXPORT, query_string=BOX | {"format": "tiff"}).text
    preview = page.split('id="picture" src="')[1].split('"')[0].replace("&amp;", "&")

    assert "A preview" in page
    assert picture(client.get(preview).data).format == "PNG"
    file = page.split('class="button" href="')[1].split('"')[0]
    assert picture(client.get(file).data).format == "TIFF"


def test_a_file_that_never_finds_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    service = f'[services.world]\nsource = "{DATA / "world.tif"}"'
    file.write_text(f'[limits]\ngathered_bytes = "1 MiB"\n{service}')
    client = visitor_of(create_app(file))

    replies = [
        client.get(
            "/rest/services/world/ImageServer/exportImage",
            query_string={"f": "image", "format": format, "size": "1500,1500"},
        )
        for format in ("gif", "png")
    ]

    assert [reply.status_code for reply in replies] == [400, 200]
    assert "gif needs" in replies[0].text and "MiB of memory" in replies[0].text
