"""What errors look like on the wire, for each form of reply and each setting."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client

from exportimage_wsgi.errors import OverloadedError
from exportimage_wsgi.web import exporting
from exportimage_wsgi.web.app import ImageServer

EXPORT = "/rest/services/Rocky/Scene/ImageServer/exportImage"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BAD = {"bbox": "-117,34,-116,35", "size": "0,100"}


def code(reply: Any) -> int:
    return int(reply.get_json()["error"]["code"])


@pytest.mark.parametrize(
    ("mode", "f", "status"),
    [
        ("auto", "json", 200),
        ("auto", "pjson", 200),
        ("auto", "image", 400),
        ("auto", "kmz", 400),
        ("esri", "json", 200),
        ("esri", "image", 200),
        ("http", "json", 400),
        ("http", "image", 400),
    ],
)
def test_the_status_follows_the_setting(
    site: Callable[..., ImageServer], mode: str, f: str, status: int, visitor: Callable[..., Client]
) -> None:
    reply = visitor(site(errors=mode)).get(EXPORT, query_string=BAD | {"f": f})

    assert (reply.status_code, code(reply)) == (status, 400)
    assert reply.content_type == "application/json;charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.get_json()["error"]["details"][0] == "'size' parameter is invalid."


@pytest.mark.parametrize(("mode", "status"), [("auto", 400), ("esri", 200), ("http", 400)])
def test_a_page_carries_the_true_status_unless_esri_is_copied(
    site: Callable[..., ImageServer], mode: str, status: int, visitor: Callable[..., Client]
) -> None:
    reply = visitor(site(errors=mode)).get(EXPORT, query_string=BAD)

    assert (reply.status_code, reply.mimetype) == (status, "text/html")
    assert "size=0,100" in reply.text


def test_a_script_gets_its_error_wrapped(client: Client) -> None:
    reply = client.get(EXPORT, query_string=BAD | {"f": "json", "callback": "cb"})

    assert (reply.status_code, reply.mimetype) == (200, "text/javascript")
    assert reply.text.startswith('cb({"error":{"code":400,') and reply.text.endswith("}});")


@pytest.mark.parametrize(
    "name", ["alert(1)", "a;b", "a\r\nb", "1a", "a b", "<script>", "á", "a" * 129, "a'"]
)
def test_a_callback_that_is_no_name_is_refused(client: Client, name: str) -> None:
    reply = client.get("/rest/info", query_string={"f": "json", "callback": name})

    assert reply.mimetype == "application/json"
    assert reply.get_json()["error"]["details"][0] == "'callback' parameter is invalid."


def test_an_unknown_service_is_a_404_in_the_body(client: Client) -> None:
    reply = client.get("/rest/services/No/ImageServer?f=json")

    assert (reply.status_code, code(reply)) == (200, 404)
    assert client.get("/rest/services/No/ImageServer").status_code == 404


@pytest.mark.parametrize("path", ["export", "export/identify", "nothing/1/2/3", "exportImage/more"])
def test_an_unknown_operation_is_a_true_400(client: Client, path: str) -> None:
    reply = client.get(f"/rest/services/Rocky/Scene/ImageServer/{path}?f=json")

    assert (reply.status_code, code(reply)) == (400, 400)
    error = reply.get_json()["error"]
    assert error["message"] == "Invalid URL"
    assert error["details"] == [f"{path} is not supported by this service"]


@pytest.mark.parametrize(
    "url", [EXPORT + "?f=nmf", "/rest/services?f=image", "/rest/info?f=%3Cb%3E"]
)
def test_an_unknown_form_of_reply_is_told_by_a_page(client: Client, url: str) -> None:
    reply = client.get(url)

    assert (reply.status_code, reply.mimetype) == (400, "text/html")
    assert "Output format not supported." in reply.text and "Code: 400" in reply.text
    assert "<b>" not in reply.text


@pytest.mark.parametrize("mode", ["auto", "esri", "http"])
def test_overload_is_a_true_503_that_says_when_to_return(
    site: Callable[..., ImageServer],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    visitor: Callable[..., Client],
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OverloadedError("too many large exports are under way")

    monkeypatch.setattr(exporting, "export_image", busy)

    reply = visitor(site(errors=mode)).get(EXPORT + "?f=json")

    assert (reply.status_code, code(reply)) == (503, 503)
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("f", ["json", "image", "html"])
def test_the_unforeseen_tells_the_log_and_not_the_client(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, f: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr(exporting, "export_image", fail)
    reply = client.get(EXPORT, query_string={"f": f, "bbox": "-117,34,-116,35"})

    (record,) = caplog.records
    mark = record.getMessage().split()[1].rstrip(":")
    assert "secret words" in caplog.text
    assert "secret" not in reply.text and "Traceback" not in reply.text
    assert mark in reply.text
    assert reply.status_code == (200 if f == "json" else 500)


def test_a_broken_raster_is_an_error_and_no_picture(client: Client, reads: Any) -> None:
    reads.fails_from = 0

    reply = client.get(EXPORT + "?f=image")

    assert (reply.status_code, reply.mimetype, code(reply)) == (500, "application/json", 500)


def test_a_service_does_not_describe_what_it_cannot_draw(client: Client) -> None:
    rule = {"f": "json", "renderingRule": '{"rasterFunction":"Hillshade"}'}

    reply = client.get(EXPORT.removesuffix("/exportImage"), query_string=rule)

    assert code(reply) == 400
    assert "Hillshade: raster functions other than None and Identity" in reply.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused_with_those_that_work(client: Client, method: str) -> None:
    reply = client.open(EXPORT + "?f=json", method=method)

    assert reply.status_code == 405
    assert reply.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_body_over_a_megabyte_is_refused(client: Client) -> None:
    reply = client.post(EXPORT + "?f=json", data={"mosaicRule": "x" * 1_000_001})

    assert code(reply) == 400
    assert "1,000,000 bytes" in reply.text


def test_a_body_over_a_megabyte_of_unsaid_length_is_refused(client: Client) -> None:
    body = BytesIO(b"size=100,100" + b"0" * 1_000_000)
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    reply = client.post(EXPORT + "?f=json", input_stream=body, environ_base=environ, headers=FORM)

    assert reply.get_json()["error"]["details"] == ["the body must not exceed 1,000,000 bytes"]


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=B", "multipart/form-data"])
def test_a_malformed_body_is_refused(client: Client, content_type: str) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="size"\r\n\r\n100,1'
    reply = client.post(EXPORT + "?f=json", data=body, content_type=content_type)

    assert code(reply) == 400
    assert "it is malformed" in reply.text


def test_a_body_that_breaks_off_is_refused(client: Client) -> None:
    class Broken(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise Exception("the server's own kind of error")

        readline = readlines = __iter__ = read  # type: ignore[assignment]

    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    reply = client.post(
        EXPORT + "?f=json", input_stream=Broken(), environ_base=environ, headers=FORM
    )

    assert code(reply) == 400


def test_a_body_that_is_no_form_is_refused(client: Client) -> None:
    reply = client.post(EXPORT + "?f=json", json={"bbox": "1,2,3,4"})

    assert code(reply) == 400
    assert "must be a form" in reply.text


def test_nothing_of_a_request_reaches_a_page_unescaped(client: Client) -> None:
    for name in ("bbox", "format", "renderingRule", "f", "size"):
        page = client.get(EXPORT, query_string={"bbox": "1,2,3,4", name: '"><script>x</script>'})

        assert "<script>" not in page.text


def test_nothing_of_a_request_reaches_a_header(client: Client) -> None:
    for url in ("/rest/services/a%0D%0AX:y/ImageServer", EXPORT + "?f=json&size=%0D%0AX:y"):
        reply = client.get(url)

        assert not any("\n" in value or "X:y" in value for value in reply.headers.values())
