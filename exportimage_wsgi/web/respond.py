"""Replies: pages, JSON, scripts, streamed pictures and ranges of files."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, BinaryIO

from werkzeug.http import parse_range_header, quote_etag
from werkzeug.wrappers import Response

from ..errors import CancelledError
from ..esri.replies import finite
from ..outputs.stored import StoredFile
from .asked import Asked, HTTPRequest

_log = logging.getLogger(__name__)

JSON_FORMS = ("json", "pjson")
METHODS = ("GET", "HEAD", "OPTIONS", "POST")
_CHUNK = 1 << 18
_HEADER_LIST = re.compile(r"[A-Za-z0-9-]{1,60}(?:\s*,\s*[A-Za-z0-9-]{1,60}){0,30}", re.ASCII)
_ALLOWED_HEADERS = "Content-Type, Authorization, X-Esri-Authorization, Range, If-None-Match"
_EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Bbox, Content-Crs, Content-Length, Content-Notes, Content-Range, "
    "ETag, Retry-After"
)


def page(text: str, policy: str, status: int = 200) -> Response:
    """An HTML page under a content security policy."""
    response = Response(text, status=status, content_type="text/html;charset=utf-8")
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache"
    return response


def json_reply(body: Mapping[str, Any], asked: Asked, status: int = 200) -> Response:
    """JSON, indented for `pjson`, or a script that hands it to the callback; pure ASCII."""
    indent, separators = (1, None) if asked.f == "pjson" else (None, (",", ":"))
    text = json.dumps(finite(body), indent=indent, separators=separators, allow_nan=False)
    media_type = "application/json;charset=utf-8"
    if asked.is_script:
        text, media_type = f"{asked.callback}({text});", "text/javascript;charset=utf-8"
    response = Response(text, status=status, content_type=media_type)
    response.headers["Cache-Control"] = "no-cache"
    return response


def redirect(path: str, query: str = "") -> Response:
    """To another path of this application, given percent-encoded, with a query or without."""
    to = f"{path}?{query}" if query else path
    return Response(status=HTTPStatus.FOUND, headers={"Location": to}, content_type="text/plain")


def preflight(request: HTTPRequest) -> Response:
    """What a browser asks before it sends a request of its own shape."""
    wanted = request.headers.get("Access-Control-Request-Headers", "")
    allowed = wanted if _HEADER_LIST.fullmatch(wanted) else _ALLOWED_HEADERS
    response = Response(status=HTTPStatus.NO_CONTENT)
    del response.headers["Content-Type"]
    response.headers["Allow"] = ", ".join(METHODS)
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = allowed
    response.headers["Access-Control-Max-Age"] = "86400"
    return response


def shared(request: HTTPRequest, response: Response, origins: tuple[str, ...]) -> Response:
    """The reply with the headers that let pages of other origins read it."""
    origin = request.headers.get("Origin", "")
    if "*" in origins:
        response.headers["Access-Control-Allow-Origin"] = "*"
    else:
        response.headers["Vary"] = "Origin"
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


class Body:
    """The bytes of a picture as they are made. The first are made before it is returned, so
    that an error can still become an error reply; closing it stops the work.

    Args:
        chunks: the bytes.
        failed: is told of an error that comes later.
    """

    def __init__(
        self, chunks: Iterator[bytes], failed: Callable[[BaseException], None] | None = None
    ) -> None:
        self._chunks, self._failed = chunks, failed
        self._first: bytes | None = None
        try:
            self._first = next((chunk for chunk in chunks if chunk), None)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except CancelledError as error:
            _log.info("an export broke off after its first bytes were sent: %s", error)
            # Servers break the connection off; at anything else they would tell of a fault as well.
            raise BrokenPipeError(errno.EPIPE, str(error)) from error
        except BaseException as error:
            _log.exception("an export failed after its first bytes were sent")
            if self._failed is not None:
                self._failed(error)
            raise

    def close(self) -> None:
        """Stop whatever is still running."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class FileBody:
    """A part of an open file."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file, self._left = file, length
        file.seek(start)

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        chunk = self._file.read(min(self._left, _CHUNK))
        if not chunk:
            raise StopIteration
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()


def is_unmodified(request: HTTPRequest, token: str) -> bool:
    """Does the client hold the very bytes that the token stands for?"""
    return request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(token)


def unmodified(headers: Mapping[str, str], token: str) -> Response:
    response = Response(status=HTTPStatus.NOT_MODIFIED, headers=dict(headers))
    response.headers["ETag"] = quote_etag(token)
    response.headers.pop("Content-Type", None)
    return response


def content_reply(
    request: HTTPRequest, content: bytes, media_type: str, max_age: int = 0
) -> Response:
    """Bytes that are there already, known by their digest."""
    token = hashlib.blake2b(content, digest_size=16).hexdigest()
    headers = {"Cache-Control": f"max-age={max_age}" if max_age else "no-cache"}
    if is_unmodified(request, token):
        return unmodified(headers, token)
    response = Response(content, headers=headers, content_type=media_type)
    response.headers["ETag"] = quote_etag(token)
    return response


def file_reply(
    request: HTTPRequest, stored: StoredFile, token: str, headers: Mapping[str, str]
) -> Response:
    """A file of the store: whole (200), a range (206), nothing there (416) or its head."""
    response = Response(headers=dict(headers), content_type=stored.media_type)
    response.headers["ETag"] = quote_etag(token)
    response.headers["Accept-Ranges"] = "bytes"
    start, stop = 0, stored.size
    wanted = _range(request, token)
    if wanted is not None:
        part = wanted.range_for_length(stored.size)
        if part is None:
            return _unsatisfiable(response, stored.size)
        start, stop = part
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stored.size}"
    response.headers["Content-Length"] = str(stop - start)
    if request.method != "HEAD":
        response.response = FileBody(stored.opened(), start, stop - start)
        response.direct_passthrough = True
    return response


def wants_range(request: HTTPRequest, token: str) -> bool:
    """Is a single range asked for that counts for these bytes?"""
    return _range(request, token) is not None


def _range(request: HTTPRequest, token: str) -> Any:
    """werkzeug's Range of one part, or `None`: what is malformed or manifold is passed over."""
    if request.method != "GET":
        return None
    wanted = parse_range_header(request.headers.get("Range"))
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1:
        return None
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != quote_etag(token):
        return None
    return wanted


def _unsatisfiable(response: Response, size: int) -> Response:
    response.status_code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    response.headers["Content-Range"] = f"bytes */{size}"
    response.headers["Content-Length"] = "0"
    return response
