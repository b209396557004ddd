"""exportImage as it is addressed: of a service or an item, with its form, and as a job."""

from __future__ import annotations

from dataclasses import dataclass, replace

from werkzeug.wrappers import Response

from ..catalog import Catalog
from ..errors import ExportImageError
from ..jobs.job import Job
from ..operations.items import image_arguments, item_service, text_of
from ..service import ImageService
from .exporting import Exporter
from .facts import number
from .failures import MethodNotAllowedError
from .form import groups
from .pages import Pages
from .refusing import Refusals, unforeseen
from .respond import json_reply, redirect
from .result import Drawn, drawn
from .service_page import preview
from .visit import Visit
from .way import Crumb, Spot
from .working import Desk, is_async

_PICTURES = ("image", "kmz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """Answers exportImage and tells of its jobs."""

    catalog: Catalog

    pages: Pages

    refusals: Refusals

    exporter: Exporter

    desk: Desk

    def export(self, visit: Visit, spot: Spot, raster_id: str = "") -> Response:
        """A picture of a service, or of one of its items."""
        visit.require(*_PICTURES)
        if visit.is_page:
            return self._form(visit, spot, raster_id)
        service, asked = self._drawn_service(spot, raster_id), visit.asked
        is_later = is_async(asked.arguments, asked.f)
        export = self.exporter.plan(visit.request, service, asked.arguments, kmz=asked.f == "kmz")
        if asked.f in _PICTURES:
            return self.exporter.picture(visit.request, service, export)
        if is_later and self.desk.takes(export):
            reply = self.desk.reply(self._taken(visit, spot, service), visit.address)
        else:
            reply = self.exporter.reply(service, export, visit.address)
        response = json_reply(reply, asked)
        response.headers["Cache-Control"] = "no-store"
        return response

    def item_image(self, visit: Visit, spot: Spot, raster_id: str) -> Response:
        """exportImage of one item of a mosaic."""
        service = self.catalog.service(spot.name)
        arguments = image_arguments(service, visit.asked.arguments)
        visit = replace(visit, asked=replace(visit.asked, arguments=arguments))
        return self.export(visit, spot, raster_id)

    def _drawn_service(self, spot: Spot, raster_id: str) -> ImageService:
        service = self.catalog.service(spot.name)
        return item_service(service, raster_id) if raster_id else service

    # --- jobs -------------------------------------------------------------------------------

    def job(self, visit: Visit, spot: Spot, job_id: str, is_unwanted: bool = False) -> Response:
        """How far a job is, once its end was asked for if it is unwanted."""
        visit.require()
        is_asked = is_unwanted and visit.request.method != "HEAD"
        look = self.desk.jobs.cancel if is_asked else self.desk.jobs.find
        job = look(job_id.lower(), spot.name)
        path = spot.path(visit.address, "jobs", job.id)
        reply = self.desk.reply(job, visit.address)
        if visit.is_page and is_unwanted:
            return redirect(path)
        if visit.is_page:
            way = (*spot.way(visit.address), Crumb(label=job.id, path=path))
            response = self.pages.job(visit.address, way, reply, job.state.is_active)
        else:
            response = json_reply(reply, visit.asked)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _taken(self, visit: Visit, spot: Spot, service: ImageService) -> Job:
        """A job for the request.

        Raises:
            MethodNotAllowedError: HEAD, which begins nothing.
        """
        if visit.request.method == "HEAD":
            raise MethodNotAllowedError(("GET", "OPTIONS", "POST"))
        return self.desk.taken(spot.name, service, visit.asked.arguments)

    # --- the form ---------------------------------------------------------------------------

    def _form(self, visit: Visit, spot: Spot, raster_id: str = "") -> Response:
        """The form; with a box in it the picture, or the error, too. Without one it offers the
        extent of the service, or of the item."""
        way = spot.way(visit.address, *((raster_id, "image") if raster_id else ("exportImage",)))
        arguments = visit.asked.arguments
        result, error, where = None, None, None
        try:
            service = self._drawn_service(spot, raster_id)
            where = None if raster_id else preview(service, way[-2].path.rstrip("/"))
            job = self._later(visit, spot, service) if "bbox" in arguments else None
            if job is not None:
                return redirect(spot.path(visit.address, "jobs", job.id))
            if "bbox" in arguments:
                result = self._drawn(visit, service, way[-1].path)
            elif "bboxsr" not in arguments:
                sides = service.extent.bounds
                arguments = {**arguments, "bbox": ",".join(number(side) for side in sides)}
                if raster_id:
                    arguments["bboxsr"] = text_of(service.crs)
        except ExportImageError as failure:
            error = self.refusals.told(failure, visit)
        except Exception:
            error = self.refusals.told(unforeseen(visit.request), visit)
        response = self.pages.form(
            visit.address, way, spot.name, groups(), arguments, where, result, error
        )
        return error.with_headers(response) if error else response

    def _later(self, visit: Visit, spot: Spot, service: ImageService) -> Job | None:
        """The job that the form asks for, if it does and the picture is large enough."""
        arguments = visit.asked.arguments
        if not is_async(arguments, visit.asked.f):
            return None
        export = self.exporter.plan(visit.request, service, arguments)
        return self._taken(visit, spot, service) if self.desk.takes(export) else None

    def _drawn(self, visit: Visit, service: ImageService, path: str) -> Drawn:
        export = self.exporter.plan(visit.request, service, visit.asked.arguments)
        export, stored = self.exporter.kept(service, export)
        return drawn(visit.address, visit.asked.arguments, path, export, stored)
