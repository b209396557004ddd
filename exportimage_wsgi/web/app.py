"""The WSGI application: which room of the interface an address leads to."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from ..catalog import Catalog
from ..cluster import driver
from ..config import Config
from ..config.names import checked_prefix
from ..errors import ConfigError, ExportImageError, NotFoundError, shown
from ..imagery.sources.budget import keep_at_most
from ..jobs import Jobs
from ..outputs import OutputStore
from ..rasters import is_missing
from ..running import Admission, Runner, cores
from .address import Front, networks
from .asked import HTTPRequest, asked_of, first_asked
from .assets import asset_reply
from .counting import Counting
from .directory import Directory
from .exporting import Exporter, finished
from .exports import Exports
from .failures import MethodNotAllowedError
from .pages import Pages
from .refusing import Refusals, unforeseen
from .respond import METHODS, preflight, redirect, shared
from .services import Services
from .visit import Visit
from .way import Spot
from .working import Desk

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger(__name__)

_SERVICE_TYPE = "imageserver"


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
        self.settings = settings = settings or Settings()
        runner, version = runner or Runner(), settings.version
        self._jobs = Jobs(outputs.directory, outputs.max_age, settings.jobs)
        pages = Pages(settings.title)
        exporter = Exporter(outputs=outputs, runner=runner, version=version)
        self._refusals = Refusals(pages=pages, version=version, errors=settings.errors)
        self._directory = Directory(
            catalog=catalog, pages=pages, title=settings.title, version=version
        )
        exports = Exports(
            catalog=catalog,
            pages=pages,
            refusals=self._refusals,
            exporter=exporter,
            desk=Desk(jobs=self._jobs, exporter=exporter, pixels=settings.async_pixels),
        )
        self._services = Services(
            catalog=catalog,
            pages=pages,
            refusals=self._refusals,
            exporter=exporter,
            exports=exports,
            counting=Counting(runner),
            version=version,
        )

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
            return self._refusals.reply(error, visit)
        except Exception:
            return self._refusals.reply(unforeseen(request), visit)

    def _routed(self, visit: Visit) -> Response:
        path = self.settings.front.path(visit.request.environ)
        if path is None:
            raise NotFoundError("Page not found")
        parts = tuple(part for part in path.split("/") if part)
        single = self.catalog.single
        match [part.casefold() for part in parts]:
            case [] if single is None:
                return _to_services(visit)
            case ["healthz"]:
                return self._directory.health()
            case ["rest"]:
                return _to_services(visit)
            case ["rest", "info"]:
                return self._directory.info(visit)
            case ["rest", "openapi.json"]:
                return self._directory.openapi(visit)
            case ["rest", "static", _]:
                return asset_reply(visit.request, parts[2])
            case ["rest", "services", *_]:
                return self._in_services(visit, parts[2:])
            case ["rest", "directories", "output", _]:
                return self._finished(visit, parts[3])
            case [*below] if single is not None and below[:1] != ["rest"]:
                return self._services.reply(visit, Spot(name=single, place=()), parts)
            case _:
                raise NotFoundError("Page not found")

    def _in_services(self, visit: Visit, parts: tuple[str, ...]) -> Response:
        """A folder, or what follows the name of a service."""
        kinds = [part.casefold() for part in parts]
        if _SERVICE_TYPE not in kinds[1:]:
            return self._directory.folder(visit, "/".join(parts))
        end = kinds.index(_SERVICE_TYPE, 1)
        name = self._directory.known_name("/".join(parts[:end]))
        spot = Spot(name=name, place=("rest", "services", name, "ImageServer"))
        return self._services.reply(visit, spot, parts[end + 1 :])

    def _finished(self, visit: Visit, name: str) -> Response:
        """A finished file; it is no reply of the REST interface, so its status is always true."""
        try:
            return finished(visit.request, self.outputs, name)
        except ExportImageError as error:
            return self._refusals.reply(error, visit, "http")


def _to_services(visit: Visit) -> Response:
    query = visit.request.query_string.decode("latin-1")
    return redirect(visit.address.path("rest", "services"), query)


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
        admission=Admission(limits.exports or 2 * cores(), limits.patience, limits.gathered_bytes),
    )
