"""The pages: complete, safe under their policy, and readable without scripts."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from werkzeug.test import Client

from exportimage_wsgi import create_app
from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.settings import ServiceSettings
from exportimage_wsgi.web.app import ImageServer
from exportimage_wsgi.web.facts import facts, label_of

SCENE = "/rest/services/Rocky/Scene/ImageServer"
PAGES = [
    "/rest/services",
    "/rest/services/Rocky",
    "/rest/info",
    SCENE,
    SCENE + "/exportImage",
    SCENE + "/exportImage?bbox=-117,34,-116,35",
    SCENE + "/exportImage?bbox=1,2,3",
    "/nothing",
]


class Reader(HTMLParser):
    """Collects a page's elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "option" or tag == "li" or tag in self.open:
            assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
            self.open.pop()

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_closed_and_takes_nothing_from_elsewhere(client: Client, path: str) -> None:
    page = Reader(client.get(path).text)

    fetched = [a.get("src", "") for _, a in page.elements] + [a["href"] for a in page.all("link")]

    assert page.open == []
    assert all(link[:1] in ("", "/") or link.startswith("data:image/svg") for link in fetched)
    assert not any(name.startswith("on") for _, a in page.elements for name in a)


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_admits_the_style_and_nothing_else(client: Client, path: str) -> None:
    reply = client.get(path)
    policy = reply.headers["Content-Security-Policy"]
    style = reply.text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert policy.startswith("default-src 'none'")
    assert f"'sha256-{digest}'" in policy and "unsafe" not in policy
    assert "script-src 'nonce-" in policy
    assert " style=" not in reply.text


@pytest.mark.parametrize("path", PAGES)
def test_scripts_are_let_in_by_a_word_of_one_page(client: Client, path: str) -> None:
    """Not by their place: with `callback` this server answers scripts of a client's making."""
    replies = [client.get(path) for _ in range(2)]
    nonces = [
        re.findall(r"'nonce-([\w-]+)'", r.headers["Content-Security-Policy"]) for r in replies
    ]
    scripts = Reader(replies[0].text).all("script")

    assert {script["nonce"] for script in scripts} <= {nonces[0][0]}
    assert nonces[0] != nonces[1]


def test_what_pages_fetch_is_there_and_never_changes(client: Client) -> None:
    page = Reader(client.get(SCENE + "/exportImage").text)
    addresses = [a["src"] for a in page.all("script")]
    addresses += [a["href"] for a in page.all("link") if a["rel"] == "stylesheet"]

    replies = [client.get(address) for address in addresses]

    assert len(replies) == 5
    assert {reply.mimetype for reply in replies} == {"text/javascript", "text/css"}
    assert all(reply.headers["Cache-Control"] == "max-age=31536000" for reply in replies)


@pytest.mark.parametrize("name", ["nothing.js", "LICENSE", "..%2fstyle.css", "leaflet"])
def test_nothing_else_of_the_package_is_sent(client: Client, name: str) -> None:
    assert client.get(f"/rest/static/{name}").status_code == 404


def test_a_script_without_its_version_is_asked_for_again(client: Client) -> None:
    reply = client.get("/rest/static/form.js")

    assert reply.headers["Cache-Control"] == "no-cache"


def test_the_breadcrumb_leads_home(client: Client) -> None:
    page = client.get(SCENE + "/exportImage").text
    way = re.search(r"<nav.*?</nav>", page, re.DOTALL)

    assert way is not None
    assert re.findall(r">([^<>\n]+)</a>", way[0]) == [
        "Home",
        "services",
        "Rocky",
        "Scene (ImageServer)",
        "exportImage",
    ]


def test_the_service_page_says_what_the_json_says(client: Client) -> None:
    page, described = client.get(SCENE).text, client.get(SCENE + "?f=json").get_json()

    for name in described.keys() - {"name", "initialExtent", "fullExtent"}:
        assert f"<dt>{label_of(name)}</dt>" in page
    assert "Band_1, Band_2, Band_3" in page
    assert 'href="' + SCENE + '/exportImage"' in page


@pytest.mark.parametrize("largest", [(15000, 4100), (1, 1)])
def test_the_service_page_shows_a_picture_of_the_whole(
    site: Callable[..., ImageServer],
    service: ImageService,
    visitor: Callable[..., Client],
    largest: tuple[int, int],
) -> None:
    settings = ServiceSettings(max_image_size=largest)
    scene = ImageService(name=service.name, source=service.source, settings=settings)
    client = visitor(site({service.name: scene}))
    thumbnail = Reader(client.get(SCENE).text).all("img")[0]

    reply = client.get(thumbnail["src"])

    assert (reply.status_code, reply.mimetype) == (200, "image/png")
    assert thumbnail["alt"]


def test_the_form_has_a_labelled_field_for_every_parameter(client: Client) -> None:
    page = Reader(client.get(SCENE + "/exportImage").text)
    inputs = [a for tag in ("input", "select", "textarea") for a in page.all(tag)]
    fields = {a["name"] for a in inputs if "name" in a}
    sent = [b.get("formmethod", "get") for b in page.all("button") if b["type"] == "submit"]

    assert fields == {parameter.name for parameter in EXPORT_PARAMETERS} | {"f", "async"}
    assert {label["for"] for label in page.all("label")} == {a["id"] for a in inputs}
    assert sent == ["get", "post"]


def test_the_form_keeps_what_was_chosen(client: Client) -> None:
    query = {"FORMAT": "TIFF", "bbox": "1,2,3", "size": "7,7", "renderingRule": '{"a": "<"}'}
    page = client.get(SCENE + "/exportImage", query_string=query).text

    assert "<option selected>tiff</option>" in page
    assert 'value="7,7"' in page and "{&#34;a&#34;: &#34;&lt;&#34;}</textarea>" in page


def test_a_value_that_is_no_choice_is_kept_to_be_seen(client: Client) -> None:
    page = client.get(SCENE + "/exportImage", query_string={"format": "webp", "bbox": "1,2,3,4"})

    assert page.status_code == 400
    assert "<option selected>webp</option>" in page.text


def test_an_empty_catalogue_says_so(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    page = visitor(site({})).get("/rest/services").text

    assert "There is nothing in here." in page


def test_a_name_with_signs_of_html_is_shown_as_it_is(
    site: Callable[..., ImageServer], service: ImageService, visitor: Callable[..., Client]
) -> None:
    client = visitor(site({"a&b <i>": service}))

    page = client.get("/rest/services").text

    assert "a&amp;b &lt;i&gt;" in page and "<i>" not in page
    assert "/rest/services/a%26b%20%3Ci%3E/ImageServer" in page


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("bandCount", "Band Count"),
        ("pixelSizeX", "Pixel Size X"),
        ("xmin", "XMin"),
        ("noData", "No Data"),
        ("serviceDataType", "Service Data Type"),
    ],
)
def test_names_are_shown_as_words(name: str, label: str) -> None:
    assert label_of(name) == label


def test_facts_are_readable_whatever_their_type() -> None:
    found = {
        fact.label: fact.values
        for fact in facts(
            {"a": [], "b": None, "c": True, "d": [1.0, 2.5], "e": {"x": 1}, "f": [{"name": "n"}]}
        )
    }

    assert found["A"] == found["B"] == (("", "none"),)
    assert (found["C"], found["D"]) == ((("", "yes"),), (("", "1, 2.5"),))
    assert found["E"] == (("X", "1"),)


def test_the_extent_of_nothing_is_at_no_place() -> None:
    (extent,) = facts({"extent": {"xmin": float("nan"), "xmax": 0.0}})

    assert extent.values == (("XMin", "nan"), ("XMax", "0"))


def test_coordinates_have_digits_that_tell_a_place_and_values_all_of_theirs() -> None:
    extent = {"xmin": -105.83333333333333, "ymin": 1.4e-14, "xmax": 4456180.123456789, "ymax": 5e6}
    corners = [[0.1 + 0.2, 40.449999999999996]]
    said = {"extent": extent, "shape": {"rings": [corners]}, "value": 0.1 + 0.2}
    found = {fact.label: dict(fact.values) for fact in facts(said)}

    assert list(found["Extent"].values()) == ["-105.8333333", "0", "4456180.123", "5000000"]
    assert found["Shape"] == {"Rings": "0.3, 40.45"}
    assert found["Value"] == {"": "0.30000000000000004"}


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (1577836800000, "2020-01-01"),
        (1577881845000, "2020-01-01T12:30:45Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (10**17, str(10**17)),
    ],
)
def test_dates_are_told_as_such(milliseconds: int, told: str) -> None:
    (found,) = facts({"a": {"taken": milliseconds, "count": 7}}, dates=["taken"])

    assert found.values == (("Taken", told), ("Count", "7"))


def test_a_legend_shows_its_colours(client: Client) -> None:
    page = Reader(client.get(SCENE + "/legend").text)
    layer = client.get(SCENE + "/legend?f=json").get_json()["layers"][0]

    shown = [image["src"].partition("base64,")[2] for image in page.all("img")]
    assert shown == [entry["imageData"] for entry in layer["legend"]]


@pytest.mark.parametrize(
    ("most", "size"), [((15000, 4100), "320,200"), ((100, 100), "100,62"), ((9000, 1), "1,1")]
)
def test_pages_ask_for_no_larger_a_picture_than_the_service_gives(
    service: ImageService, visitor: Callable[..., Client], most: tuple[int, int], size: str
) -> None:
    settings = replace(service.settings, max_image_size=most)
    client = visitor(create_app({"small": replace(service, settings=settings)}))
    base = "/rest/services/small/ImageServer"
    pages = "".join(client.get(path).text for path in ("/rest/services", base))
    card, whole = map(html.unescape, re.findall(r'<img src="([^"]+)"', pages))

    assert unquote(card).endswith(f"size={size}") and f'data-most="{min(most)}"' in pages
    for picture in (card, whole, f"{base}/info/thumbnail"):
        assert client.get(picture).mimetype == "image/png"
