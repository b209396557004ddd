"""The WSGI application: which service and operation an address means, and who answers."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from ..catalog import Catalog, Folder
from ..cluster import driver
from ..config import Config, checked_prefix
from ..errors import ConfigError, ExportImageError, NotFoundError, RequestError, shown
from ..esri.replies import catalog_reply, info_reply
from ..imagery.sources.budget import keep_at_most
from ..jobs import Job, Jobs
from ..operations.describe import describe_service
from ..operations.items import image_arguments, item_service, text_of
from ..operations.operation import Call, Drawing, File, Operation
from ..operations.query import has_items
from ..operations.table import operation_at
from ..outputs import OutputStore
from ..rasters import is_missing
from ..running import Admission, Runner, cores
from ..service import ImageService
from .address import Address, Front, networks
from .asked import Asked, HTTPRequest, asked_of, first_asked
from .assets import MAX_AGE, assets
from .counting import Counting
from .exporting import Exporter
from .facts import number
from .failures import ErrorReply, MethodNotAllowedError, UnsupportedOutputError, error_reply
from .form import first_said, groups, groups_of, request_url
from .openapi import openapi
from .pages import Pages
from .records import dates_of, item_links, listing
from .respond import (
    JSON_FORMS,
    METHODS,
    content_reply,
    file_reply,
    is_unmodified,
    json_reply,
    preflight,
    redirect,
    shared,
    unmodified,
)
from .result import Drawn, drawn
from .service_page import preview
from .snippets import gdal_xml, served
from .way import Crumb, crumbs
from .working import Desk, is_async

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

_SERVICE_TYPE = "imageserver"
_PICTURES = ("image", "kmz")
_READ_BY_PROGRAMS = (*JSON_FORMS, *_PICTURES, "geojson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request, read: handed from the routing to whoever answers."""

    request: HTTPRequest

    asked: Asked

    address: Address

    @property
    def is_page(self) -> bool:
        return self.asked.f == "html"

    def require(self, *forms: str) -> None:
        """Raises: UnsupportedOutputError: `f` is none of html, json, pjson and these."""
        if self.asked.f not in ("html", *JSON_FORMS, *forms):
            raise UnsupportedOutputError(f"f={shown(self.asked.f)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator says of the web side."""

    title: str = "REST Services Directory"

    version: float = 10.91
    """Of Esri's server that replies follow."""

    errors: str = "auto"
    """`auto`, `esri` or `http`: which errors carry their true status."""

    origins: tuple[str, ...] = ("*",)
    """Origins whose pages may read replies."""

    async_pixels: int = 4_000_000
    """Exports of more pixels become jobs where that is asked for."""

    jobs: int = 16
    """Most jobs that wait or are under way, of all processes together."""

    front: Front = field(default_factory=Front)


class ImageServer:
    """A WSGI application; it keeps nothing about a request, and several can share a process."""

    def __init__(
        self,
        catalog: Catalog,
        outputs: OutputStore,
        settings: Settings | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.catalog, self.outputs = catalog, outputs
        self.settings = settings or Settings()
        self._pages = Pages(self.settings.title)
        version = self.settings.version
        runner = runner or Runner()
        self._exporter = Exporter(outputs=outputs, runner=runner, version=version)
        self._counting = Counting(runner)
        self._jobs = Jobs(outputs.directory, outputs.max_age, self.settings.jobs)
        pixels = self.settings.async_pixels
        self._desk = Desk(jobs=self._jobs, exporter=self._exporter, pixels=pixels)

    def close(self) -> None:
        """Break off the jobs of this process, for a server that is about to end it."""
        self._jobs.close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = HTTPRequest(environ)
        response = shared(request, self._answered(request), self.settings.origins)
        return response(environ, start_response)

    def _answered(self, request: HTTPRequest) -> Response:
        """The reply, or what an error becomes. Nothing unforeseen shows its text."""
        address = self.settings.front.address(request.environ)
        visit = Visit(request=request, asked=first_asked(request), address=address)
        try:
            if request.method == "OPTIONS":
                return preflight(request)
            if request.method not in METHODS:
                raise MethodNotAllowedError(METHODS)
            visit = replace(visit, asked=asked_of(request))
            return self._routed(visit)
        except ExportImageError as error:
            return self._refusal(error, visit)
        except Exception:
            return self._refusal(_unforeseen(request), visit)

    def _refusal(self, error: ExportImageError, visit: Visit, mode: str | None = None) -> Response:
        reply = self._told(error, visit, mode)
        is_told_by_page = isinstance(error, UnsupportedOutputError)
        if visit.asked.f in _READ_BY_PROGRAMS and not is_told_by_page:
            return reply.as_json(visit.asked, self.settings.version)
        return reply.with_headers(self._pages.error(visit.address, reply))

    def _told(self, error: ExportImageError, visit: Visit, mode: str | None = None) -> ErrorReply:
        """What is said of an error; those of the server are logged, too."""
        if error.code >= 500:
            _log.warning("%s %s: %s", visit.request.method, shown(visit.request.path), error)
        return error_reply(error, visit.asked, mode or self.settings.errors)

    # --- where to ---------------------------------------------------------------------------

    def _routed(self, visit: Visit) -> Response:
        path = self.settings.front.path(visit.request.environ)
        if path is None:
            raise NotFoundError("Page not found")
        parts = tuple(part for part in path.split("/") if part)
        match [part.casefold() for part in parts]:
            case []:
                return self._top(visit)
            case ["healthz"]:
                return self._health(visit)
            case ["rest"]:
                return _to_services(visit)
            case ["rest", "info"]:
                return self._info(visit)
            case ["rest", "openapi.json"]:
                return self._openapi(visit)
            case ["rest", "static", _]:
                return self._asset(visit, parts[2])
            case ["rest", "services", *_]:
                return self._in_services(visit, parts[2:])
            case ["rest", "directories", "output", _]:
                return self._output(visit, parts[3])
            case [first, *_] if self.catalog.single is not None and first != "rest":
                return self._operation(visit, self.catalog.single, (), parts)
            case _:
                raise NotFoundError("Page not found")

    def _top(self, visit: Visit) -> Response:
        if self.catalog.single is not None:
            return self._operation(visit, self.catalog.single, (), ())
        return _to_services(visit)

    def _in_services(self, visit: Visit, parts: tuple[str, ...]) -> Response:
        """A folder, or what follows the name of a service."""
        kinds = [part.casefold() for part in parts]
        if _SERVICE_TYPE not in kinds[1:]:
            return self._folder(visit, "/".join(parts))
        end = kinds.index(_SERVICE_TYPE, 1)
        name = self._known_name("/".join(parts[:end]))
        return self._operation(
            visit, name, ("rest", "services", name, "ImageServer"), parts[end + 1 :]
        )

    def _known_name(self, asked: str) -> str:
        """The service's own spelling of a name.

        Raises:
            NotFoundError: no service is called so, in any letter case.
        """
        names = self.catalog.names()
        name = asked if asked in names else _alike(asked, names)
        if name is None:
            raise NotFoundError(f"Service {shown(asked)}/ImageServer not found")
        return name

    def _operation(
        self, visit: Visit, name: str, place: tuple[str, ...], rest: tuple[str, ...]
    ) -> Response:
        """A service itself or one of its operations; `place` is the path of the service."""
        match [part.casefold() for part in rest]:
            case []:
                return self._service(visit, name, place)
            case ["exportimage"]:
                return self._export(visit, name, place)
            case ["jobs", _]:
                return self._job(visit, name, place, rest[1])
            case ["jobs", _, "cancel"]:
                return self._job(visit, name, place, rest[1], is_unwanted=True)
            case ["gdal.xml"]:
                return self._gdal(visit, name, place)
            case [number, "image"] if number.isascii() and number.isdigit() and len(number) < 19:
                return self._item_image(visit, name, place, number)
            case _:
                return self._answer(visit, name, place, rest)

    # --- who answers ------------------------------------------------------------------------

    def _health(self, visit: Visit) -> Response:
        body = {"status": "ok", "services": len(self.catalog.names())}
        response = json_reply(body, Asked(f="json"))
        response.headers["Cache-Control"] = "no-store"
        return response

    def _info(self, visit: Visit) -> Response:
        visit.require()
        reply = info_reply(self.settings.version)
        if not visit.is_page:
            return json_reply(reply, visit.asked)
        home = crumbs(visit.address)[0]
        here = Crumb(label="info", path=visit.address.path("rest", "info"))
        return self._pages.facts(visit.address, (home, here), reply)

    def _openapi(self, visit: Visit) -> Response:
        """The description of all this; it is JSON whatever `f` says."""
        single = self.catalog.single is not None
        described = openapi(visit.address.url().rstrip("/"), self.settings.title, single)
        return json_reply(described, Asked(f="json"))

    def _folder(self, visit: Visit, asked: str) -> Response:
        visit.require()
        path, folder = self._known_folder(asked)
        if visit.is_page:
            return self._pages.directory(visit.address, path, folder.folders, folder.services)
        reply = catalog_reply(folder.folders, folder.services, self.settings.version)
        return json_reply(reply, visit.asked)

    def _known_folder(self, asked: str) -> tuple[str, Folder]:
        """The folder in its own spelling; one letter case is as good as another."""
        path = ""
        folder = self.catalog.folder(path)
        for part in asked.split("/") if asked else ():
            below = f"{path}/{part}" if path else part
            found = below if below in folder.folders else _alike(below, folder.folders)
            if found is None:
                raise NotFoundError(f"Folder {shown(asked)} not found")
            path = found
            folder = self.catalog.folder(path)
        return path, folder

    def _service(self, visit: Visit, name: str, place: tuple[str, ...]) -> Response:
        visit.require()
        service = self.catalog.service(name)
        description = describe_service(service, self.settings.version)
        if not visit.is_page:
            return json_reply(description, visit.asked)
        way = _way(visit.address, name, place)
        charts = self._counting.charts(service)
        return self._pages.service(visit.address, way, service, description, charts)

    def _export(
        self, visit: Visit, name: str, place: tuple[str, ...], raster_id: str = ""
    ) -> Response:
        """A picture of a service, or of one of its items."""
        visit.require(*_PICTURES)
        if visit.is_page:
            return self._form(visit, name, place, raster_id)
        service, asked = self._served(name, raster_id), visit.asked
        is_later = is_async(asked.arguments, asked.f)
        export = self._exporter.plan(visit.request, service, asked.arguments, kmz=asked.f == "kmz")
        if asked.f in _PICTURES:
            return self._exporter.picture(visit.request, service, export)
        if is_later and self._desk.takes(export):
            reply = self._desk.reply(self._taken(visit, name, service), visit.address)
        else:
            reply = self._exporter.reply(service, export, visit.address)
        response = json_reply(reply, asked)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _job(
        self,
        visit: Visit,
        name: str,
        place: tuple[str, ...],
        job_id: str,
        is_unwanted: bool = False,
    ) -> Response:
        """How far a job is, once its end was asked for if it is unwanted."""
        visit.require()
        is_asked = is_unwanted and visit.request.method != "HEAD"
        look = self._jobs.cancel if is_asked else self._jobs.find
        job = look(job_id.lower(), name)
        path = visit.address.path(*place, "jobs", job.id)
        reply = self._desk.reply(job, visit.address)
        if visit.is_page and is_unwanted:
            return redirect(path)
        if visit.is_page:
            way = (*_way(visit.address, name, place), Crumb(label=job.id, path=path))
            response = self._pages.job(visit.address, way, reply, job.state.is_active)
        else:
            response = json_reply(reply, visit.asked)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _served(self, name: str, raster_id: str) -> ImageService:
        service = self.catalog.service(name)
        return item_service(service, raster_id) if raster_id else service

    def _item_image(
        self, visit: Visit, name: str, place: tuple[str, ...], raster_id: str
    ) -> Response:
        """exportImage of one item; a service of one raster has none."""
        service = self.catalog.service(name)
        if not has_items(service):
            return self._answer(visit, name, place, (raster_id, "image"))
        arguments = image_arguments(service, visit.asked.arguments)
        visit = replace(visit, asked=replace(visit.asked, arguments=arguments))
        return self._export(visit, name, place, raster_id)

    def _answer(
        self, visit: Visit, name: str, place: tuple[str, ...], rest: tuple[str, ...]
    ) -> Response:
        """The answer of an operation of the table: JSON, a page of it, or a file. A page that was
        asked for by its address alone is of what its form says first; that this isn't enough for an
        answer is no fault."""
        found = operation_at(rest)
        service = self.catalog.service(name)
        if found is None or not found[0].offered(service):
            detail = f"{shown('/'.join(rest))} is not supported by this service"
            raise NotFoundError("Invalid URL", code=400, detail=detail)
        operation, values = found
        visit.require(*operation.forms)
        is_bare = visit.is_page and not visit.asked.arguments.keys() - {"f", "callback"}
        if is_bare:
            visit = replace(visit, asked=replace(visit.asked, arguments=first_said(operation)))
        call = Call(
            arguments=visit.asked.arguments,
            values=values,
            version=self.settings.version,
            runner=self._exporter.runner_for(visit.request),
        )
        here = Crumb(label="/".join(rest), path=visit.address.path(*place, *rest))
        way = (*_way(visit.address, name, place), here)
        try:
            answer = operation.answer(service, call)
        except RequestError as error:
            is_absent = isinstance(error, NotFoundError)
            if is_absent or not (visit.is_page and operation.parameters):
                raise
            told = None if is_bare else error
            return self._operation_page(visit, way, name, operation, error=told)
        if isinstance(answer, Drawing):
            return self._exporter.picture(visit.request, service, answer.export, answer.max_age)
        if isinstance(answer, File):
            return content_reply(visit.request, answer.content, answer.media_type, answer.max_age)
        if not visit.is_page:
            return json_reply(answer, visit.asked)
        return self._operation_page(visit, way, name, operation, answer=answer)

    def _operation_page(
        self,
        visit: Visit,
        way: tuple[Crumb, ...],
        name: str,
        operation: Operation,
        answer: dict[str, Any] | None = None,
        error: ExportImageError | None = None,
    ) -> Response:
        """The form of an operation, with its answer or what is wrong."""
        arguments = visit.asked.arguments
        told = None if error is None else self._told(error, visit)
        response = self._pages.operation(
            visit.address,
            way,
            name,
            operation,
            groups_of(operation),
            arguments,
            request_url(visit.address.origin + way[-1].path, operation, arguments),
            answer,
            told,
            items=None if answer is None else listing(answer, way[-2].path),
            links=item_links(way[-1].path) if operation.path == "<rasterId>" else None,
            dates=dates_of(self.catalog.service(name)),
        )
        return told.with_headers(response) if told else response

    def _gdal(self, visit: Visit, name: str, place: tuple[str, ...]) -> Response:
        """The description of the service that GDAL opens as a raster."""
        url = visit.address.url(*place)
        text = gdal_xml(served(self.catalog.service(name), url))
        if text is None:
            detail = "the reference of this service has no number that GDAL could ask for"
            raise NotFoundError("Invalid URL", code=400, detail=detail)
        return content_reply(visit.request, text.encode(), "application/xml")

    def _asset(self, visit: Visit, name: str) -> Response:
        """A script or style of the pages; one that is asked for by its version never changes."""
        asset = assets().get(name)
        if asset is None:
            raise NotFoundError("Page not found")
        is_named = visit.request.args.get("v") == asset.version
        max_age = MAX_AGE if is_named else 0
        return content_reply(visit.request, asset.content, asset.media_type, max_age)

    def _form(
        self, visit: Visit, name: str, place: tuple[str, ...], raster_id: str = ""
    ) -> Response:
        """The form; with a box in it the picture, or the error, too. Without one it offers the
        extent of the service, or of the item."""
        below = (raster_id, "image") if raster_id else ("exportImage",)
        operation = Crumb(label="/".join(below), path=visit.address.path(*place, *below))
        way = (*_way(visit.address, name, place), operation)
        arguments = visit.asked.arguments
        result, error, where = None, None, None
        try:
            service = self._served(name, raster_id)
            where = None if raster_id else preview(service, way[-2].path.rstrip("/"))
            job = self._later(visit, name, service) if "bbox" in arguments else None
            if job is not None:
                return redirect(visit.address.path(*place, "jobs", job.id))
            if "bbox" in arguments:
                result = self._drawn(visit, service, operation.path)
            elif "bboxsr" not in arguments:
                sides = service.extent.bounds
                arguments = {**arguments, "bbox": ",".join(number(side) for side in sides)}
                if raster_id:
                    arguments["bboxsr"] = text_of(service.crs)
        except ExportImageError as failure:
            error = self._told(failure, visit)
        except Exception:
            error = self._told(_unforeseen(visit.request), visit)
        response = self._pages.form(
            visit.address, way, name, groups(), arguments, where, result, error
        )
        return error.with_headers(response) if error else response

    def _later(self, visit: Visit, name: str, service: ImageService) -> Job | None:
        """The job that the form asks for, if it does and the picture is large enough."""
        arguments = visit.asked.arguments
        if not is_async(arguments, visit.asked.f):
            return None
        export = self._exporter.plan(visit.request, service, arguments)
        return self._taken(visit, name, service) if self._desk.takes(export) else None

    def _taken(self, visit: Visit, name: str, service: ImageService) -> Job:
        """A job for the request.

        Raises:
            MethodNotAllowedError: HEAD, which begins nothing.
        """
        if visit.request.method == "HEAD":
            raise MethodNotAllowedError(("GET", "OPTIONS", "POST"))
        return self._desk.taken(name, service, visit.asked.arguments)

    def _drawn(self, visit: Visit, service: ImageService, path: str) -> Drawn:
        export = self._exporter.plan(visit.request, service, visit.asked.arguments)
        export, stored = self._exporter.kept(service, export)
        return drawn(visit.address, visit.asked.arguments, path, export, stored)

    def _output(self, visit: Visit, name: str) -> Response:
        """A finished file; it is no reply of the REST interface, so its status is always true."""
        try:
            if visit.request.method == "POST":
                raise MethodNotAllowedError(("GET", "HEAD", "OPTIONS"))
            stored = self.outputs.open(name)
            left = max(0, int(stored.modified + self.outputs.max_age - time.time()))
            headers = {"Cache-Control": f"max-age={left}"}
            if is_unmodified(visit.request, stored.name):
                return unmodified(headers, stored.name)
            return file_reply(visit.request, stored, stored.name, headers)
        except ExportImageError as error:
            return self._refusal(error, visit, "http")


def _to_services(visit: Visit) -> Response:
    query = visit.request.query_string.decode("latin-1")
    return redirect(visit.address.path("rest", "services"), query)


def _way(address: Address, name: str, place: tuple[str, ...]) -> tuple[Crumb, ...]:
    """The breadcrumbs of a service."""
    folder, _, own = name.rpartition("/")
    service = Crumb(label=f"{own} (ImageServer)", path=address.path(*place) or "/")
    return (*crumbs(address, folder), service)


def _alike(asked: str, names: Iterable[str]) -> str | None:
    """The name that differs in letter case at most."""
    wanted = asked.casefold()
    return next((name for name in names if name.casefold() == wanted), None)


def _unforeseen(request: HTTPRequest) -> ExportImageError:
    """An error that tells nothing but where the log tells more."""
    mark = secrets.token_hex(6)
    _log.exception("error %s: %s %s", mark, request.method, shown(request.path))
    return ExportImageError(f"The server's log has more about error {mark}")


def create_app(source: Any, prefix: str = "") -> ImageServer:
    """The WSGI application of a catalogue. No raster is opened before it is asked for.

    Args:
        source: path of a TOML file, a `Config`, a `Catalog`, `{name: path | DataArray |
            ImageService}`, or one `ImageService`, whose URL then is the mount point.
        prefix: path below `SCRIPT_NAME` at which it begins, for servers that cannot mount; in
            place of the configuration's.

    Raises:
        ConfigError: the configuration has faults.
    """
    if isinstance(source, (str, os.PathLike)):
        source = Config.load(source)
    config = source if isinstance(source, Config) else Config()
    catalog = Catalog.of(source)
    for name in catalog.names():
        raster = catalog.raster(name)
        if isinstance(raster, str) and is_missing(raster):
            _log.warning("service %s waits for its raster, which is missing: %s", name, raster)
    keep_at_most(int(config.limits.cache_bytes), config.limits.handles)
    output = config.output
    outputs = OutputStore(output.directory, output.max_age, int(output.max_bytes))
    return ImageServer(catalog, outputs, _settings(config, prefix), _runner(config))


def _settings(config: Config, prefix: str) -> Settings:
    try:
        begins_at = checked_prefix(prefix) or config.server.prefix
    except ValueError as error:
        raise ConfigError((f"prefix={shown(prefix)!r}: {error}",)) from error
    front = Front(
        prefix=begins_at,
        url=config.server.url,
        trusted_proxies=networks(config.server.trusted_proxies),
    )
    return Settings(
        title=config.server.title,
        version=config.compat.version,
        errors=config.compat.errors,
        origins=config.cors.origins,
        async_pixels=config.limits.async_pixels,
        jobs=config.limits.jobs,
        front=front,
    )


def _runner(config: Config) -> Runner:
    limits = config.limits
    return Runner(
        driver=driver(config.compute.scheduler, config.compute.threads),
        deadline=limits.deadline or None,
        admission=Admission(limits.exports or 2 * cores(), limits.patience),
    )
