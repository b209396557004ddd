"""Which address means what, wherever the application is mounted."""

from __future__ import annotations

from collections.abc import Callable

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.address import Front
from exportimage_wsgi.web.app import ImageServer

SCENE = "/rest/services/Rocky/Scene/ImageServer"


def test_the_top_leads_to_the_services(client: Client) -> None:
    reply = client.get("/")

    assert (reply.status_code, reply.headers["Location"]) == (302, "/rest/services")


@pytest.mark.parametrize("path", ["/", "/rest", "/rest/"])
def test_what_was_asked_is_asked_of_the_services_then(client: Client, path: str) -> None:
    reply = client.get(f"{path}?f=json")

    assert reply.headers["Location"] == "/rest/services?f=json"


def test_the_catalogue_lists_folders_then_their_services(client: Client) -> None:
    top = client.get("/rest/services?f=json").get_json()
    folder = client.get("/rest/services/Rocky?f=json").get_json()

    assert (top["folders"], top["services"]) == (["Rocky"], [])
    assert folder["services"] == [{"name": "Rocky/Scene", "type": "ImageServer"}]


@pytest.mark.parametrize(
    "path",
    [
        "/rest/services/",
        "/rest/services/Rocky/",
        "/rest/services/rocky",
        "/rest/info/",
        SCENE + "/",
        "/rest/services/rocky/SCENE/imageserver",
        "/rest/services//Rocky/Scene/ImageServer",
        SCENE + "/exportimage/",
    ],
)
def test_slashes_and_letter_case_do_not_matter(client: Client, path: str) -> None:
    reply = client.get(path, query_string={"f": "json"})

    assert reply.status_code == 200
    assert "error" not in reply.get_json()


def test_the_service_describes_itself(client: Client) -> None:
    described = client.get(SCENE + "?f=json").get_json()

    assert described["name"] == "Rocky/Scene"
    assert (described["bandCount"], described["pixelType"]) == (3, "U8")
    assert described["extent"]["xmin"] == pytest.approx(-120)


def test_a_posted_form_is_as_good_as_a_query(client: Client) -> None:
    assert client.post(SCENE, data={"f": "json"}).get_json()["name"] == "Rocky/Scene"


def test_health_touches_no_raster(client: Client, reads: object) -> None:
    reply = client.get("/healthz")

    assert (reply.status_code, reply.get_json()["status"]) == (200, "ok")
    assert reads.count == 0  # type: ignore[attr-defined]


def test_server_info_says_that_no_token_is_needed(client: Client) -> None:
    info = client.get("/rest/info?f=json").get_json()

    assert info["authInfo"] == {"isTokenBasedSecurity": False}


@pytest.mark.parametrize("path", ["/favicon.ico", "/rest/nothing", "/rest/directories/output"])
def test_an_address_of_nothing_is_a_page_with_its_true_status(client: Client, path: str) -> None:
    reply = client.get(path)

    assert reply.status_code == 404
    assert reply.mimetype == "text/html"


def test_names_of_any_script_are_found(
    site: Callable[..., ImageServer], service: ImageService, visitor: Callable[..., Client]
) -> None:
    client = visitor(site({"Früh/Größe 1": service}))

    reply = client.get("/rest/services/Fr%C3%BCh/gr%C3%B6%C3%9Fe%201/ImageServer?f=json")

    assert "error" not in reply.get_json()
    page = client.get("/rest/services/Fr%C3%BCh").text
    assert "/rest/services/Fr%C3%BCh/Gr%C3%B6%C3%9Fe%201/ImageServer" in page


@pytest.mark.parametrize("path", ["/rest/services/%FF%FE/ImageServer", "/rest/services/%00"])
def test_bytes_that_are_no_text_name_nothing(client: Client, path: str) -> None:
    assert client.get(path + "?f=json").get_json()["error"]["code"] == 404


def test_below_a_prefix_everything_begins_with_it(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    client = visitor(site(front=Front(prefix="/arcgis")))

    assert client.get("/arcgis/").headers["Location"] == "/arcgis/rest/services"
    assert 'href="/arcgis/rest/services/Rocky"' in client.get("/arcgis/rest/services").text
    assert client.get("/rest/services").status_code == 404
    assert client.get("/arcgisrest/services").status_code == 404


def test_letter_case_of_the_prefix_does_not_matter(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    client = visitor(site(front=Front(prefix="/arcgis")))

    assert client.get("/ArcGIS/rest/services?f=json").get_json()["folders"] == ["Rocky"]


def test_links_begin_with_the_mount_and_the_prefix(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    mounted = DispatcherMiddleware(flask.Flask("other"), {"/a b": site(front=Front(prefix="gis"))})
    client = visitor(mounted)

    href = client.get(f"/a%20b/gis{SCENE}/exportImage?f=json").get_json()["href"]

    assert href.startswith("http://localhost/a%20b/gis/rest/directories/output/Scene_")
    assert client.get(href).mimetype == "image/png"


def test_it_lives_beside_a_flask_app(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    other = flask.Flask("other")
    other.add_url_rule("/hello", view_func=lambda: "hello")
    client = visitor(DispatcherMiddleware(other, {"/imagery": site()}))

    assert client.get("/hello").text == "hello"
    assert client.get("/imagery").headers["Location"] == "/imagery/rest/services"
    assert client.get(f"/imagery{SCENE}/exportImage?f=image").mimetype == "image/png"


def test_two_applications_share_a_process(
    site: Callable[..., ImageServer], service: ImageService, visitor: Callable[..., Client]
) -> None:
    first, second = site(), site({"Other": service})

    assert visitor(first).get("/rest/services?f=json").get_json()["folders"] == ["Rocky"]
    assert visitor(second).get("/rest/services?f=json").get_json()["folders"] == []


def test_of_one_service_the_mount_is_the_url(
    site: Callable[..., ImageServer], service: ImageService, visitor: Callable[..., Client]
) -> None:
    app = DispatcherMiddleware(flask.Flask("other"), {"/scene": site(service)})
    client = visitor(app)

    assert client.get("/scene/?f=json").get_json()["bandCount"] == 3
    assert client.get("/scene?f=json").get_json()["bandCount"] == 3
    assert client.get("/scene/exportImage?f=image").mimetype == "image/png"
    href = client.get("/scene/exportImage?f=json").get_json()["href"]
    assert href.startswith("http://localhost/scene/rest/directories/output/")
    assert client.get(href).status_code == 200
    assert client.get("/scene/nothing?f=json").status_code == 400
    assert client.get("/scene/REST/nothing").status_code == 404
    assert 'action="/scene/exportImage#result"' in client.get("/scene/exportImage").text
    assert client.get("/scene/healthz").get_json()["status"] == "ok"
