"""exportImage over HTTP: a plan answered as a picture or as a file's address, and that file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from werkzeug.http import quote_etag
from werkzeug.wrappers import Response

from ..errors import StoreError
from ..esri.replies import export_reply
from ..operations.export_image import Export, export_image, persistently
from ..operations.parameters import parse_export
from ..operations.saving import Progress
from ..outputs import OutputStore
from ..outputs.names import plain
from ..outputs.stored import StoredFile
from ..running import Runner
from ..service import ImageService
from .address import Address
from .asked import HTTPRequest
from .failures import MethodNotAllowedError
from .reader import left
from .respond import Body, file_reply, is_unmodified, unmodified, wants_range

_LONGEST_HEADER = 1000
OUTPUT = ("rest", "directories", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """Answers exportImage for every service."""

    outputs: OutputStore

    runner: Runner
    """Threads and limits."""

    version: float
    """Of Esri's server that replies follow."""

    def plan(
        self,
        request: HTTPRequest,
        service: ImageService,
        arguments: Mapping[str, str],
        kmz: bool = False,
    ) -> Export:
        """The export that the arguments ask for; no pixel is read. It ends when the client does."""
        runner = self.runner_for(request)
        return export_image(service, parse_export(arguments), kmz=kmz, runner=runner)

    def runner_for(self, request: HTTPRequest) -> Runner:
        """The runner, which stops what it runs when the client of the request has left."""
        return replace(self.runner, left=left(request.environ))

    def picture(
        self, request: HTTPRequest, service: ImageService, export: Export, max_age: int = 0
    ) -> Response:
        """The file itself, streamed as it is made; ranges of it come from the store, and where that
        cannot take a file, the whole is sent.

        A client that holds it already is told so before any pixel is read; within `max_age`
        seconds it need not ask.
        """
        return persistently(export, partial(self._picture, request, service, max_age=max_age))

    def _picture(
        self, request: HTTPRequest, service: ImageService, export: Export, max_age: int
    ) -> Response:
        headers = drawn(export, max_age)
        if is_unmodified(request, export.token):
            return unmodified(headers, export.token)
        is_unknown = request.method == "HEAD" and export.length is None
        if is_unknown or wants_range(request, export.token):
            try:
                return self._from_the_store(request, service, export, headers)
            except StoreError:
                headers["Accept-Ranges"] = "none"
        return self._streamed(request, service, export, headers)

    def _from_the_store(
        self,
        request: HTTPRequest,
        service: ImageService,
        export: Export,
        headers: Mapping[str, str],
    ) -> Response:
        """A range of the file, or its head."""
        stored = self._kept(service, export)
        disposition = _disposition(service, stored.path.suffix)
        headers = {**headers, "Content-Disposition": disposition}
        return file_reply(request, stored, export.token, headers)

    def _streamed(
        self,
        request: HTTPRequest,
        service: ImageService,
        export: Export,
        headers: Mapping[str, str],
    ) -> Response:
        """The whole file, which needs no store."""
        is_wanted = request.method != "HEAD"
        body = Body(export.stream(), export.leave_out) if is_wanted else None
        response = Response(body, headers=headers, content_type=export.media_type)
        response.direct_passthrough = body is not None
        response.automatically_set_content_length = False
        response.headers["ETag"] = quote_etag(export.token)
        response.headers["Content-Disposition"] = _disposition(service, export.extension)
        if export.length is not None:
            response.headers["Content-Length"] = str(export.length)
        return response

    def kept(
        self, service: ImageService, export: Export, progress: Progress | None = None
    ) -> tuple[Export, StoredFile]:
        """The finished file in the store, made if it isn't there; and of which export it is, which
        may be without items that cannot be read."""
        return persistently(export, lambda each: (each, self._kept(service, each, progress)))

    def _kept(
        self, service: ImageService, export: Export, progress: Progress | None = None
    ) -> StoredFile:
        stem = service.name.rpartition("/")[2]
        for extension in _extensions(export):
            found = self.outputs.find(export.token, extension, stem)
            if found is not None:
                return found
        export.settle(progress)
        return self.outputs.keep(
            export.token,
            export.extension,
            export.media_type,
            export.stream(progress),
            stem,
            export.length,
        )

    def reply(self, service: ImageService, export: Export, address: Address) -> dict[str, Any]:
        """The JSON reply, whose `href` leads to the finished file."""
        export, stored = self.kept(service, export)
        href = address.url(*OUTPUT, stored.name)
        reply = export_reply(href, export.width, export.height, export.extent, self.version)
        return reply | ({"messages": list(export.notes)} if export.notes else {})


def finished(request: HTTPRequest, outputs: OutputStore, name: str) -> Response:
    """The file of the store that an `href` leads to.

    Raises:
        MethodNotAllowedError: POST.
        NotFoundError: there is none of that name, or no longer.
    """
    if request.method == "POST":
        raise MethodNotAllowedError(("GET", "HEAD", "OPTIONS"))
    stored = outputs.open(name)
    left = max(0, int(stored.modified + outputs.max_age - time.time()))
    headers = {"Cache-Control": f"max-age={left}"}
    if is_unmodified(request, stored.name):
        return unmodified(headers, stored.name)
    return file_reply(request, stored, stored.name, headers)


def drawn(export: Export, max_age: int = 0) -> dict[str, str]:
    """Headers that say what a picture shows, and when it must be asked for again."""
    extent = export.extent
    headers = {
        "Content-Bbox": ",".join(repr(float(side)) for side in extent.bounds),
        "Cache-Control": f"max-age={max_age}" if max_age else "no-cache",
        "Accept-Ranges": "bytes",
    }
    if extent.crs.code:
        headers["Content-Crs"] = extent.crs.code
    if export.notes:
        headers["Content-Notes"] = in_a_header("; ".join(export.notes))
    return headers


def in_a_header(text: str) -> str:
    """What of a text a header may hold."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)
    return plain.encode("ascii", "replace").decode()[:_LONGEST_HEADER]


def _extensions(export: Export) -> tuple[str, ...]:
    """What the file may end in; of jpgpng both, as its pixels aren't known yet."""
    plan = export.plan
    if plan.translucent is None:
        return (plan.encoder.extension,)
    return plan.encoder.extension, plan.translucent.extension


def _disposition(service: ImageService, extension: str) -> str:
    """A name to save it under: of ASCII letters, digits and dashes, and as it is, encoded."""
    name = service.name.rpartition("/")[2]
    told = f'inline; filename="{plain(name)}{extension}"'
    if plain(name) == name:
        return told
    return f"{told}; filename*=UTF-8''{quote(name + extension, safe='')}"
