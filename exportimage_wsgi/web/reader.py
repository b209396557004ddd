"""Whether the client is still there, as far as the server lets one see.

A stream that nobody takes ends by itself. A file that is made before its first byte leaves, for
the store or since its head comes last, would be made to its end for nobody.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def left(environ: WSGIEnvironment) -> Callable[[], bool] | None:
    """What tells whether the client closed its connection; `None` where the server doesn't."""
    told: Any = environ.get("waitress.client_disconnected")
    if callable(told):
        return partial(_as_told, told)
    connection: Any = environ.get("gunicorn.socket")
    is_plain = isinstance(connection, socket.socket) and not isinstance(connection, ssl.SSLSocket)
    return partial(_is_closed, connection) if is_plain and hasattr(select, "poll") else None


def _as_told(told: Callable[[], Any]) -> bool:
    return bool(told())


def _is_closed(connection: socket.socket) -> bool:
    """Is there an end to read, rather than nothing yet or the next request?"""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
