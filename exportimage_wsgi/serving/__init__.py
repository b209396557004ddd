"""Serving: what every server does around the application: where, warming up, saying it's ready."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from ..config import Config
from ..errors import ConfigError, ExportImageError
from ..rasters import is_elsewhere, is_missing, told_in_full
from ..tuning import end_quickly, tune_process

if TYPE_CHECKING:
    from ..catalog import Catalog
    from ..pixels import PixelType
    from ..service import ImageService

_log = logging.getLogger(__name__)

_WARMING = 20.0
_BETWEEN_BEATS = 1.0
_TERMINATED = 128 + 15


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
        ConfigError: the configuration has faults, or nobody can listen there.
    """
    end_quickly()
    check_free(place.host, place.port)
    logging.basicConfig(format="[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s")
    logging.getLogger("exportimage_wsgi").setLevel(logging.INFO)
    if sys.platform == "win32":
        from .with_waitress import serve_threads

        serve_threads(load, place)
    else:
        from .with_gunicorn import serve_workers

        serve_workers(load, place)


def check_free(host: str, port: int) -> None:
    """See that a server can listen at an address; 0 is any port that is free.

    Raises:
        ConfigError: the port is in use, or the host is not of this machine.
    """
    address = f"{_bracketed(host)}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fault = f"{address} is in use; choose another with --port"
        else:
            fault = f"cannot listen at {address}: {error.strerror or error}"
        raise ConfigError((fault,)) from None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exit by exception, so that what is half done is cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(_TERMINATED)


def end_as_interrupted() -> NoReturn:
    """End as those do who leave Ctrl-C to the system: a shell then ends its script as well."""
    if sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    raise SystemExit(128 + signal.SIGINT)


def announce(host: str, port: int, prefix: str, names: tuple[str, ...]) -> None:
    """Say on standard output that requests are accepted, and where the services are."""
    services = f"http://{_bracketed(host)}:{port}{quote(prefix)}/rest/services"
    urls = [f"{services}/{quote(name)}/ImageServer" for name in names]
    print("\n".join([f"ready {services}", *urls]), flush=True)


def warm(
    catalog: Catalog, beat: Callable[[], object] = lambda: None, is_first: bool = True
) -> None:
    """Open what lies on this machine, and load the compiled functions of its pixel types.

    So no request waits for that, and rasters that cannot be served are in the log. It is done
    after a fork, never before, and for some seconds only; what is left opens when it is needed.

    Args:
        catalog: of the application.
        beat: called between steps, for servers that watch their workers.
        is_first: of the processes of a server; it says for all of them that functions compile.
    """
    from ..operations import warming

    tune_process()
    end = time.monotonic() + _WARMING
    found: set[PixelType] = set()
    has_mosaics = False
    for name in catalog.names():
        raster = catalog.raster(name)
        path = raster if isinstance(raster, str) else ""
        if path and (is_elsewhere(path) or is_missing(path)):
            continue
        if time.monotonic() > end:
            break
        beat()
        try:
            service = _opened(catalog, name, beat)
            found |= warming.pixel_types_of(service)
            has_mosaics |= service.is_mosaic
        except ExportImageError as error:
            _log.warning("service %s: %s", name, told_in_full(str(error), raster))
        except Exception:
            # One raster must not keep the others from being served.
            _log.exception("service %s cannot be opened", name)
    if found and is_first and not _is_compiled():
        _log.warning("compiling functions; this happens once and takes up to a minute")
    for pixel_type in found:
        beat()
        warming.warm(pixel_type)
    if has_mosaics:
        beat()
        warming.warm_mosaics()


def _opened(catalog: Catalog, name: str, beat: Callable[[], object]) -> ImageService:
    """The service, opened beside the beats: a mosaic looks at all of its rasters."""
    with ThreadPoolExecutor(1) as thread:
        service = thread.submit(catalog.service, name)
        while wait([service], timeout=_BETWEEN_BEATS).not_done:
            beat()
        return service.result()


def _is_compiled() -> bool:
    """Does the compiler's cache hold the function that most exports need, as it is now?"""
    from ..imagery import smooth

    function: Any = smooth.weighted
    source = Path(smooth.__file__)
    python = "py{}{}".format(*sys.version_info)
    names = f"{source.stem}.{function.__name__}-*.{python}*.nbi"
    cache = function.stats.cache_path  # None if no disk could be written
    kept = Path(cache).glob(names) if cache else ()
    return any(each.stat().st_mtime >= source.stat().st_mtime for each in kept)
