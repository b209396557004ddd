"""What clients rely on, asked by plain HTTP of the server that they draw from."""

from __future__ import annotations

import io
import json
import re
from urllib.parse import urlencode

import pytest
from PIL import Image

from tests.real_clients.asking import boxed, fetched, told
from tests.real_clients.conftest import Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white

SIZE = (512, 384)


@pytest.fixture
def mercator(site: Site) -> str:
    return f"{site.url('mercator')}/exportImage"


def test_everything_may_be_posted(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["utm"]
    reference = json.dumps({"wkid": 32613, "latestWkid": 32613})
    asked = {"size": "512,384", "bbox": boxed(scene), "bboxSR": reference, "format": "png32"}
    reply = told(f"{site.url('utm', secure=True)}/exportImage", urlencode(asked | {"f": "json"}))

    assert told(site.url("utm"), "f=json")["bandCount"] == 3
    assert (reply["width"], reply["height"]) == SIZE
    seen = colours(Image.open(io.BytesIO(fetched(reply["href"])[2])))
    assert_alike(seen, on_white(scene.file, scene.box(), 32613, SIZE))


def test_an_address_may_end_with_a_slash(site: Site) -> None:
    assert told(f"{site.url('utm')}/?f=json") == told(f"{site.url('utm')}?f=json")


@pytest.mark.parametrize("reference", ["3857", "102100", '{"wkid": 102100, "latestWkid": 3857}'])
def test_a_reference_is_a_number_or_json(
    site: Site, scenes: dict[str, Scene], reference: str
) -> None:
    scene = scenes["mercator"]
    references = {"bboxSR": reference, "imageSR": reference}
    asked = urlencode({"bbox": boxed(scene), "size": "512,384", "f": "image"} | references)
    _, _, content = fetched(f"{site.url('mercator')}/exportImage?{asked}")

    seen = colours(Image.open(io.BytesIO(content)))
    assert_alike(seen, on_white(scene.file, scene.box(), 3857, SIZE))


def test_the_box_is_widened_to_square_pixels(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["utm"]
    asked = "bbox=430000,4450000,450000,4460000&size=200,200"
    told_box = told(f"{site.url('utm')}/exportImage?{asked}&f=json")["extent"]
    _, _, content = fetched(f"{site.url('utm')}/exportImage?{asked}&f=image&format=png32")

    box = tuple(told_box[side] for side in ("xmin", "ymin", "xmax", "ymax"))
    assert box == (430000, 4445000, 450000, 4465000)
    seen = colours(Image.open(io.BytesIO(content)))
    assert_alike(seen, on_white(scene.file, box, 32613, (200, 200)), 4)


@pytest.mark.parametrize(
    "path", ["?f=json", "/exportImage?f=image", "/exportImage?f=image&size=0,0", "/nothing?f=json"]
)
def test_every_reply_may_be_read_from_another_origin(site: Site, path: str) -> None:
    for secure in (False, True):
        _, headers, _ = fetched(site.url("utm", secure) + path, Origin="http://elsewhere.test")

        assert headers["Access-Control-Allow-Origin"] in ("*", "http://elsewhere.test")


def test_off_the_raster_all_is_transparent(site: Site) -> None:
    asked = "bbox=0,0,256000,256000&size=256,256&format=png32&f=image"
    status, _, content = fetched(f"{site.url('utm')}/exportImage?{asked}")

    assert status == 200
    assert Image.open(io.BytesIO(content)).convert("RGBA").getextrema()[3] == (0, 0)


@pytest.mark.parametrize("service", ["utm", "mercator", "Rocky/elevation"])
def test_a_service_says_what_clients_need(site: Site, service: str) -> None:
    said = told(f"{site.url(service)}?f=json")

    assert said["maxImageWidth"] >= 2000 and said["maxImageHeight"] >= 2000
    rgb = said["pixelType"] == "U8"
    kind = "RGB" if rgb else "Generic"
    assert said["serviceDataType"] == f"esriImageServiceDataType{kind}"
    lengths = {len(said[f"{name}Values"]) for name in ("min", "max", "mean", "stdv")}
    assert lengths == {said["bandCount"]}
    assert said["extent"]["spatialReference"]["latestWkid"] in (32613, 3857)
    assert "Image" in said["capabilities"]


@pytest.mark.parametrize("compression", ["None", "LZ77"])
def test_a_tiff_is_as_the_sdk_reads_it(mercator: str, compression: str) -> None:
    asked = f"bbox=0,0,1e6,1e6&size=300,300&format=tiff&compression={compression}&f=image"
    tags = Image.open(io.BytesIO(fetched(f"{mercator}?{asked}")[2])).tag_v2

    assert tags.get(284) == 1 and tags.get(317, 1) == 1
    assert tags[259] in (1, 8, 32946)
    assert 33550 in tags and 33922 in tags and 34735 in tags


def test_lerc_is_one_blob_a_band(mercator: str) -> None:
    asked = "bbox=0,4e6,3e6,7e6&size=300,300&format=lerc&lercVersion=2&f=image"
    _, _, content = fetched(f"{mercator}?{asked}")
    starts = [found.start() for found in re.finditer(rb"Lerc2 ", content)]

    assert len(starts) == 3 and starts[0] == 0
    for start in starts:
        assert 2 <= int.from_bytes(content[start + 6 : start + 10], "little") <= 4


def test_an_error_is_json_as_clients_expect_it(mercator: str) -> None:
    status, _, content = fetched(f"{mercator}?size=0,0&f=json")
    as_image, headers, same = fetched(f"{mercator}?size=0,0&f=image")

    assert status == 200 and set(json.loads(content)["error"]) >= {"code", "message", "details"}
    assert as_image == 400 and headers.get_content_type() == "application/json"
    assert json.loads(same)["error"]["code"] not in (498, 499)


def test_pictures_say_how_long_they_may_be_kept(mercator: str) -> None:
    _, headers, _ = fetched(f"{mercator}?f=image")

    assert headers["Cache-Control"] and headers["ETag"]
