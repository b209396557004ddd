"""How names and values of a query and a form are read."""

from __future__ import annotations

import io

import pytest
from werkzeug.test import Client, EnvironBuilder

from exportimage_wsgi.errors import RequestError
from exportimage_wsgi.web.asked import Asked, HTTPRequest, asked_of

EXPORT = "/rest/services/Rocky/Scene/ImageServer/exportImage"


def asked(**request: object) -> Asked:
    builder = EnvironBuilder(path="/", **request)  # type: ignore[arg-type]
    environ = builder.get_environ()
    try:
        return asked_of(HTTPRequest(environ))
    finally:
        environ["wsgi.input"].close()
        builder.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("F=json&BBOX=1,2,3,4", {"f": "json", "bbox": "1,2,3,4"}),
        ("size=&bbox=%20&format&&f=json", {"f": "json"}),
        ("size=&size=1,2&size=3,4", {"size": "1,2"}),
        ("Size=1,2&size=3,4", {"size": "1,2"}),
        ("interpolation=+RSP_Majority+", {"interpolation": "RSP_Majority"}),
        ("interpolation=%2BRSP_Majority", {"interpolation": "+RSP_Majority"}),
        ("&layers=show:&dpi=96", {"layers": "show:", "dpi": "96"}),
        ("time=1;2", {"time": "1;2"}),
        ("", {}),
    ],
)
def test_names_have_no_case_and_blanks_say_nothing(query: str, expected: dict[str, str]) -> None:
    assert asked(query_string=query).arguments == expected


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_query_and_form_are_one(kind: str) -> None:
    found = asked(
        method="POST",
        query_string="f=JSON&size=",
        data={"BBOX": "1,2", "size": "3,4"},
        content_type=kind,
    )

    assert found.arguments == {"f": "JSON", "bbox": "1,2", "size": "3,4"}
    assert found.f == "json"


def test_a_file_in_a_form_is_no_argument() -> None:
    found = asked(method="POST", data={"bbox": "1,2", "mask": (io.BytesIO(b"x"), "x.png")})

    assert found.arguments == {"bbox": "1,2"}


def test_a_post_may_be_empty() -> None:
    assert asked(method="POST").arguments == {}


def test_a_form_of_too_many_parts_is_refused() -> None:
    with pytest.raises(RequestError):
        asked(
            method="POST",
            data={f"p{n}": "x" for n in range(1200)},
            content_type="multipart/form-data",
        )


def test_html_is_what_is_given_when_nothing_is_said(client: Client) -> None:
    assert client.get(EXPORT + "?bbox=-117,34,-116,35").content_type == "text/html;charset=utf-8"


def test_a_script_calls_the_function_that_was_named(client: Client) -> None:
    callback = "window._EsriLeafletCallbacks.c0"
    reply = client.get("/rest/info", query_string={"f": "json", "callback": callback})

    assert reply.content_type == "text/javascript;charset=utf-8"
    assert reply.text.startswith(f'{callback}({{"currentVersion":') and reply.text.endswith("});")


def test_pjson_is_the_same_indented(client: Client) -> None:
    compact, pretty = (client.get(f"/rest/services?f={f}") for f in ("json", "pjson"))

    assert compact.get_json() == pretty.get_json()
    assert " " not in compact.text and "\n " in pretty.text
