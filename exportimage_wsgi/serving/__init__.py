"""Serving: what every server does around the application: where, warming up, saying it's ready."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..config import Config
from ..errors import ExportImageError
from ..rasters import is_elsewhere, is_missing

if TYPE_CHECKING:
    from ..catalog import Catalog

_log = logging.getLogger(__name__)

_WARMING = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server listens, and with how much."""

    host: str

    port: int
    """0 for any that is free."""

    workers: int
    """Processes."""

    threads: int
    """Requests at a time, in each process."""

    prefix: str = ""
    """In place of the configuration's."""


def serve(load: Callable[[], Config], place: Place) -> None:
    """Serve until the process is told to stop.

    Args:
        load: gives the configuration, anew each time that it is to be reloaded.
        place: where.

    Raises:
        ConfigError: the configuration has faults.
    """
    logging.basicConfig(format="[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s")
    logging.getLogger("exportimage_wsgi").setLevel(logging.INFO)
    if sys.platform == "win32":
        from .with_waitress import serve_threads

        serve_threads(load, place)
    else:
        from .with_gunicorn import serve_workers

        serve_workers(load, place)


def announce(host: str, port: int, prefix: str, names: tuple[str, ...]) -> None:
    """Say on standard output that requests are accepted, and where the services are."""
    shown_host = f"[{host}]" if ":" in host else host
    services = f"http://{shown_host}:{port}{quote(prefix)}/rest/services"
    urls = [f"{services}/{quote(name)}/ImageServer" for name in names]
    print("\n".join([f"ready {services}", *urls]), flush=True)


def warm(catalog: Catalog, beat: Callable[[], object] = lambda: None) -> None:
    """Open what lies on this machine, and load the compiled functions of its pixel types.

    So no request waits for that, and rasters that cannot be served are in the log. It is done
    after a fork, never before, and for some seconds only; what is left opens when it is needed.

    Args:
        catalog: of the application.
        beat: called between steps, for servers that watch their workers.
    """
    from ..operations.warming import warm as warm_exports

    end, found = time.monotonic() + _WARMING, {}
    for name in catalog.names():
        raster = catalog.raster(name)
        if isinstance(raster, str) and (is_elsewhere(raster) or is_missing(raster)):
            continue
        if time.monotonic() > end:
            break
        beat()
        try:
            found[catalog.service(name).info.pixel_type] = name
        except ExportImageError as error:
            _log.warning("service %s: %s", name, error)
        except Exception:
            # One raster must not keep the others from being served.
            _log.exception("service %s cannot be opened", name)
    for pixel_type in found:
        beat()
        warm_exports(pixel_type)
