"""Clients that leave before their answer is made."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from exportimage_wsgi.web.app import ImageServer
from exportimage_wsgi.web.reader import left

EXPORT = "/rest/services/Rocky/Scene/ImageServer/exportImage"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end of a connection, and the client's."""
    pair = socket.socketpair()
    with pair[0], pair[1]:
        yield pair


def test_a_client_that_waits_or_asks_more_is_there(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    has_left = left({"gunicorn.socket": ends[0]})

    assert has_left is not None and not has_left()
    ends[1].send(b"GET /next HTTP/1.1")
    assert not has_left()
    assert ends[0].recv(100) == b"GET /next HTTP/1.1"


def test_a_client_that_closed_its_connection_has_left(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    has_left = left({"gunicorn.socket": ends[0]})
    ends[1].close()

    assert has_left is not None and has_left()
    ends[0].close()
    assert has_left()


def test_waitress_tells_it_itself() -> None:
    has_left = left({"waitress.client_disconnected": lambda: 1})

    assert has_left is not None and has_left() is True


@pytest.mark.parametrize("connection", [None, "a socket", ssl.SSLSocket])
def test_other_servers_do_not_tell(connection: Any) -> None:
    if isinstance(connection, type):
        connection = connection.__new__(connection)

    assert left({"gunicorn.socket": connection}) is None


@pytest.mark.parametrize("f", ["json", "kmz", "image&format=png8", "image&format=jpgpng"])
def test_nothing_is_made_for_a_client_that_has_left(
    site: Callable[..., ImageServer], f: str, ends: tuple[socket.socket, socket.socket]
) -> None:
    ends[1].close()
    client = Client(site(errors="http"))

    reply = client.get(f"{EXPORT}?f={f}", environ_base={"gunicorn.socket": ends[0]})

    assert (reply.status_code, "the reader left" in reply.text) == (503, True)
