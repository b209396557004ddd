"""Plain HTTP, as scripts in the field speak it."""

from __future__ import annotations

import json
import ssl
import urllib.request
from email.message import Message
from typing import Any
from urllib.error import HTTPError

from tests.real_clients.scenes import Scene


def fetched(url: str, body: str | None = None, **headers: str) -> tuple[int, Message, bytes]:
    """Status, headers and content of a reply; a body is posted as a form."""
    data = None if body is None else body.encode()
    context = ssl._create_unverified_context() if url.startswith("https") else None
    asked = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(asked, timeout=60, context=context) as reply:
            return reply.status, reply.headers, reply.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def told(url: str, body: str | None = None) -> dict[str, Any]:
    status, _, content = fetched(url, body)
    assert status == 200
    return dict(json.loads(content))


def boxed(scene: Scene) -> str:
    return ",".join(map(repr, scene.box()))
