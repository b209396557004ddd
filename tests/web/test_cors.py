"""Pages of other origins: what they may read, and what they must ask first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import Client

from exportimage_wsgi.web.app import ImageServer

SCENE = "/rest/services/Rocky/Scene/ImageServer"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/nothing"),
        ("GET", SCENE + "?f=json"),
        ("POST", SCENE + "?f=json"),
        ("GET", SCENE + "/none?f=json"),
        ("GET", SCENE + "/exportImage?f=image"),
        ("HEAD", SCENE + "/exportImage?f=image&format=tiff"),
        ("GET", SCENE + "/exportImage?f=image&size=0,0"),
        ("GET", SCENE + "/exportImage?f=nmf"),
        ("GET", "/rest/directories/output/none.png"),
        ("PUT", SCENE),
        ("OPTIONS", SCENE),
    ],
)
def test_every_reply_may_be_read_by_every_origin(client: Client, method: str, path: str) -> None:
    reply = client.open(path, method=method, headers={"Origin": "https://map.example"})

    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_a_preflight_allows_the_headers_that_were_asked_for(client: Client) -> None:
    headers = {
        "Origin": "https://map.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-esri-authorization, content-type",
    }
    reply = client.options(SCENE + "/exportImage", headers=headers)

    assert (reply.status_code, reply.data) == (204, b"")
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    allowed = reply.headers["Access-Control-Allow-Headers"]
    assert allowed == "x-esri-authorization, content-type"


def test_a_preflight_repeats_nothing_but_names_of_headers(client: Client) -> None:
    headers = {"Access-Control-Request-Headers": "<b>; x=y"}
    reply = client.options("/", headers=headers)

    assert "<b>" not in reply.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://map.example", True), ("https://evil.example", False)]
)
def test_configured_origins_alone_may_read(
    site: Callable[..., ImageServer], origin: str, allowed: bool, visitor: Callable[..., Client]
) -> None:
    client = visitor(site(origins=("https://map.example",)))
    reply = client.get(SCENE + "?f=json", headers={"Origin": origin})

    assert reply.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert reply.headers["Vary"] == "Origin"
