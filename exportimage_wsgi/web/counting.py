"""Histograms for pages: counted beside the request, so that no page waits long for them."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

from ..errors import ExportImageError
from ..operations.histograms import histograms
from ..operations.operation import Call
from ..running import Runner
from ..service import ImageService
from .charts import Charts, charts_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counting:
    """Draws the histograms of services; what was counted once is kept by those who count."""

    runner: Runner
    """Threads and limits of the counting, whether the page's reader waits or not."""

    patience: float = 1.5
    """Seconds that a page waits."""

    _running: dict[str, Future[Charts]] = field(default_factory=dict)
    """By version of the raster; what has ended is taken out."""

    _lock: threading.Lock = field(default_factory=threading.Lock)

    def charts(self, service: ImageService) -> Charts | None:
        """The histograms; `None` while they are being counted, nothing where they can't be."""
        counted = self._started(service)
        if wait([counted], self.patience).not_done:
            return None
        try:
            return counted.result()
        except ExportImageError as error:
            _log.warning("histograms of %s: %s", service.name, error)
            return ()

    def _started(self, service: ImageService) -> Future[Charts]:
        version = f"{service.info.version} {service.settings.nodata}"
        with self._lock:
            found = self._running.get(version)
            if found is None:
                found = Future()
                work = (service, version, found)
                threading.Thread(target=self._count, args=work, daemon=True).start()
                self._running[version] = found
            return found

    def _count(self, service: ImageService, version: str, future: Future[Charts]) -> None:
        try:
            counted = histograms(service, Call(arguments={}, runner=self.runner))
            future.set_result(charts_of(counted))
        except Exception as error:
            future.set_exception(error)
        finally:
            with self._lock:
                del self._running[version]
