"""Services and their operations: who answers for an address below a service, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.wrappers import Response

from ..catalog import Catalog
from ..errors import ExportImageError, NotFoundError, RequestError, shown
from ..operations.describe import describe_service
from ..operations.operation import Call, Drawing, File, Operation
from ..operations.parameters import said_in, shared_parameters
from ..operations.query import has_items
from ..operations.table import operation_at
from ..service import ImageService
from .counting import Counting
from .exporting import Exporter
from .exports import Exports
from .form import first_said, groups_of, request_url
from .pages import Pages
from .records import dates_of, item_links, listing
from .refusing import Refusals
from .respond import content_reply, json_reply
from .snippets import gdal_xml, served
from .visit import Visit
from .way import Spot

# What a service says of itself holds for its pixels as they are.
_DESCRIBED = shared_parameters("renderingRule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Answers for the services of an application."""

    catalog: Catalog

    pages: Pages

    refusals: Refusals

    exporter: Exporter

    exports: Exports

    counting: Counting

    version: float
    """Of Esri's server that replies follow."""

    def reply(self, visit: Visit, spot: Spot, rest: tuple[str, ...]) -> Response:
        """Of a service itself, or of what the rest of the address names."""
        match [part.casefold() for part in rest]:
            case []:
                return self._service(visit, spot)
            case ["exportimage"]:
                return self.exports.export(visit, spot)
            case ["jobs", _]:
                return self.exports.job(visit, spot, rest[1])
            case ["jobs", _, "cancel"]:
                return self.exports.job(visit, spot, rest[1], is_unwanted=True)
            case ["gdal.xml"]:
                return self._gdal(visit, spot)
            case [raster_id, "image"] if self._is_item(spot, raster_id):
                return self.exports.item_image(visit, spot, raster_id)
            case _:
                return self._operation(visit, spot, rest)

    def _is_item(self, spot: Spot, raster_id: str) -> bool:
        """May an item be called so? A service of one raster has none."""
        is_number = raster_id.isascii() and raster_id.isdigit() and len(raster_id) < 19
        return is_number and has_items(self.catalog.service(spot.name))

    def _service(self, visit: Visit, spot: Spot) -> Response:
        visit.require()
        service = self.catalog.service(spot.name)
        said_in(visit.asked.arguments, _DESCRIBED)
        description = describe_service(service, self.version)
        if not visit.is_page:
            return json_reply(description, visit.asked)
        way, charts = spot.way(visit.address), self.counting.charts(service)
        return self.pages.service(visit.address, way, service, description, charts)

    def _gdal(self, visit: Visit, spot: Spot) -> Response:
        """The description of the service that GDAL opens as a raster."""
        url = visit.address.url(*spot.place)
        text = gdal_xml(served(self.catalog.service(spot.name), url))
        if text is None:
            detail = "the reference of this service has no number that GDAL could ask for"
            raise NotFoundError("Invalid URL", code=400, detail=detail)
        return content_reply(visit.request, text.encode(), "application/xml")

    # --- operations of the table ------------------------------------------------------------

    def _operation(self, visit: Visit, spot: Spot, rest: tuple[str, ...]) -> Response:
        """The answer of an operation of the table: JSON, a page of it, or a file. A page that was
        asked for by its address alone is of what its form says first; that this isn't enough for an
        answer is no fault."""
        service, operation, values = self._found(spot, rest)
        visit.require(*operation.forms)
        is_bare = visit.is_page and not visit.asked.arguments.keys() - {"f", "callback"}
        if is_bare:
            visit = replace(visit, asked=replace(visit.asked, arguments=first_said(operation)))
        try:
            answer = operation.answer(service, self._call(visit, values))
        except RequestError as error:
            is_absent = isinstance(error, NotFoundError)
            if is_absent or not (visit.is_page and operation.parameters):
                raise
            told = None if is_bare else error
            return self._page(visit, spot, rest, operation, error=told)
        if isinstance(answer, Drawing):
            return self.exporter.picture(visit.request, service, answer.export, answer.max_age)
        if isinstance(answer, File):
            return content_reply(visit.request, answer.content, answer.media_type, answer.max_age)
        if not visit.is_page:
            return json_reply(answer, visit.asked)
        return self._page(visit, spot, rest, operation, answer=answer)

    def _found(
        self, spot: Spot, rest: tuple[str, ...]
    ) -> tuple[ImageService, Operation, Mapping[str, str]]:
        """The service, the operation that an address means, and the values in it.

        Raises:
            NotFoundError: there is no such operation, or this service doesn't have it.
        """
        found = operation_at(rest)
        service = self.catalog.service(spot.name)
        if found is None or not found[0].offered(service):
            detail = f"{shown('/'.join(rest))} is not supported by this service"
            raise NotFoundError("Invalid URL", code=400, detail=detail)
        return service, *found

    def _call(self, visit: Visit, values: Mapping[str, str]) -> Call:
        return Call(
            arguments=visit.asked.arguments,
            values=values,
            version=self.version,
            runner=self.exporter.runner_for(visit.request),
        )

    def _page(
        self,
        visit: Visit,
        spot: Spot,
        rest: tuple[str, ...],
        operation: Operation,
        answer: dict[str, Any] | None = None,
        error: ExportImageError | None = None,
    ) -> Response:
        """The form of an operation, with its answer or what is wrong."""
        arguments, way = visit.asked.arguments, spot.way(visit.address, *rest)
        told = None if error is None else self.refusals.told(error, visit)
        response = self.pages.operation(
            visit.address,
            way,
            spot.name,
            operation,
            groups_of(operation),
            arguments,
            request_url(visit.address.origin + way[-1].path, operation, arguments),
            answer,
            told,
            items=None if answer is None else listing(answer, way[-2].path),
            links=item_links(way[-1].path) if operation.path == "<rasterId>" else None,
            dates=dates_of(self.catalog.service(spot.name)),
        )
        return told.with_headers(response) if told else response
