"""A cluster of dask.distributed as a driver: pieces are made where the workers are.

The rasters are read and the pieces encoded there; only finished pieces travel. The work itself is
packed once an export, as a task of its own: a worker that has lost it gets it made again, where
data that was only placed there would be gone.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..errors import ExportImageError
from ..running import Driver, Piece, Stop, Threads
from .batch import Batch
from .link import link_to
from .survey import Answers, asked_of_each

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Makes pieces on the workers of a scheduler; those who don't answer are soon given up."""

    address: str
    """Of the scheduler: `tcp://host:port` or `tls://host:port`."""

    patience: float = 3.0
    """Seconds that the scheduler has for an answer."""

    pause: float = 5.0
    """Seconds that a scheduler which did not answer isn't asked again."""

    def in_order(self, work: Callable[[int], Piece], count: int, stop: Stop) -> Iterator[Piece]:
        """Give the pieces in order; see `Driver`.

        Raises:
            OverloadedError: the scheduler is out of reach, or has no workers.
            ExportImageError: the work cannot be sent, or workers lack what it needs.
        """
        packed = _packed(work)
        stop.check()
        link = link_to(self.address, self.patience, self.pause)
        batch = Batch(link, work, packed, link.threads())
        try:
            yield from batch.pieces(count, stop)
        finally:
            stop.now()
            batch.release()

    def of_each(self, work: Callable[[int], Any], seconds: float, most: int) -> Answers:
        """What `work(0)` gives on each worker, or on `most` of them, spread over all hosts.

        Args:
            work: the same everywhere.
            seconds: that all of them together have.
            most: workers.

        Raises:
            OverloadedError: the scheduler is out of reach, or has no workers.
            ExportImageError: the work cannot be sent.
        """
        link = link_to(self.address, self.patience, self.pause)
        return asked_of_each(link, _packed(work), seconds, most)


def driver(scheduler: str, threads: int) -> Driver:
    """What `[compute]` says: `threads` of this process, or the cluster at an address."""
    if scheduler == "threads":
        return Threads(workers=threads)
    return Cluster(address=scheduler)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Work on its way between machines: it opens only where this very release is installed."""

    work: Callable[[int], Any]

    def __call__(self, index: int) -> Any:
        return self.work(index)

    def __reduce__(self) -> tuple[Any, tuple[str, bytes]]:
        return _opened, (__version__, pickle.dumps(self.work))


def _opened(version: str, work: bytes) -> Parcel:
    if version != __version__:
        raise ExportImageError(
            f"a worker of the cluster has exportimage-wsgi {__version__}; it needs {version}"
        )
    return Parcel(pickle.loads(work))


def _packed(work: Callable[[int], Any]) -> bytes:
    try:
        return pickle.dumps(Parcel(work))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        _log.warning("work cannot be sent to the cluster", exc_info=error)
        raise ExportImageError("this raster cannot be sent to a cluster") from error
