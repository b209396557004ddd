"""Errors as they are answered: which status, which body, which headers."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from werkzeug.wrappers import Response

from ..errors import ExportImageError, NotFoundError, RequestError
from ..esri.replies import error_body
from .asked import Asked
from .respond import JSON_FORMS, json_reply

_RETRY_AFTER = "5"


class UnsupportedOutputError(RequestError):
    """No reply of the form that `f` names; always told by a page."""

    message = "Output format not supported."


class MethodNotAllowedError(RequestError):
    """The method of the request has no meaning here."""

    code = HTTPStatus.METHOD_NOT_ALLOWED
    message = "Method not allowed."

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"use {', '.join(allowed)}")
        self.allowed = allowed


class UnforeseenError(ExportImageError):
    """What nobody thought of; the log has it already, under the mark that is told."""

    def __init__(self, mark: str) -> None:
        super().__init__(f"The server's log has more about error {mark}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """An error as it is answered."""

    status: int
    """Of HTTP."""

    code: int
    """Inside the body."""

    message: str

    details: tuple[str, ...] = ()

    headers: tuple[tuple[str, str], ...] = ()

    def as_json(self, asked: Asked, version: float) -> Response:
        """Esri's error body; a script only where a script was asked for."""
        body = error_body(self.code, self.message, self.details, version)
        return self.with_headers(json_reply(body, asked, self.status))

    def with_headers(self, response: Response) -> Response:
        response.headers.extend(self.headers)
        response.headers["Cache-Control"] = "no-store"
        return response


def error_reply(error: ExportImageError, asked: Asked, mode: str) -> ErrorReply:
    """What an error becomes, under the operator's choice of `errors`.

    `auto`: Esri's 200 where a program reads the body as JSON; the true status for pictures and
    pages. `esri`: 200. `http`: the true status. Overload, a wrong method and an address that no
    service stands behind are the web's own and always carry their true status but under `esri`.
    """
    headers: tuple[tuple[str, str], ...] = ()
    always = error.code == HTTPStatus.SERVICE_UNAVAILABLE
    if always:
        headers = (("Retry-After", _RETRY_AFTER),)
    if isinstance(error, MethodNotAllowedError):
        always, headers = True, (("Allow", ", ".join(error.allowed)),)
    body_is_read = asked.f in JSON_FORMS and not _is_invalid_url(error)
    told = mode == "esri" or (mode == "auto" and body_is_read)
    return ErrorReply(
        status=int(error.code) if always or not told else 200,
        code=int(error.code),
        message=error.message,
        details=error.details,
        headers=headers,
    )


def _is_invalid_url(error: ExportImageError) -> bool:
    """An operation that a service doesn't have: Esri's servers, too, answer a true 400."""
    return isinstance(error, NotFoundError) and error.code == HTTPStatus.BAD_REQUEST
