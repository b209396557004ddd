"""Errors told to whoever asked: as JSON or as a page, and in the log where they are ours."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass

from werkzeug.wrappers import Response

from ..errors import ExportImageError, shown
from .asked import HTTPRequest
from .failures import ErrorReply, UnforeseenError, UnsupportedOutputError, error_reply
from .pages import Pages
from .respond import JSON_FORMS
from .visit import Visit

_log = logging.getLogger(__name__)

_READ_BY_PROGRAMS = (*JSON_FORMS, "image", "kmz", "geojson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Turns errors into replies."""

    pages: Pages

    version: float
    """Of Esri's server that replies follow."""

    errors: str
    """`auto`, `esri` or `http`: which errors carry their true status."""

    def reply(self, error: ExportImageError, visit: Visit, errors: str = "") -> Response:
        """What an error becomes; another choice of `errors` than the operator's may be given."""
        told = self.told(error, visit, errors)
        is_told_by_page = isinstance(error, UnsupportedOutputError)
        if visit.asked.f in _READ_BY_PROGRAMS and not is_told_by_page:
            return told.as_json(visit.asked, self.version)
        return told.with_headers(self.pages.error(visit.address, told))

    def told(self, error: ExportImageError, visit: Visit, errors: str = "") -> ErrorReply:
        """What is said of an error; those of the server are logged, too."""
        if error.code >= 500 and not isinstance(error, UnforeseenError):
            _log.warning("%s %s: %s", visit.request.method, shown(visit.request.path), error)
        return error_reply(error, visit.asked, errors or self.errors)


def unforeseen(request: HTTPRequest) -> UnforeseenError:
    """In place of the exception that is being handled, which goes to the log."""
    mark = secrets.token_hex(6)
    _log.exception("error %s: %s %s", mark, request.method, shown(request.path))
    return UnforeseenError(mark)
