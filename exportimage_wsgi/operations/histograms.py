"""histograms, statistics, computeHistograms and computeStatisticsHistograms (10.1, 10.3, 10.4)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from ..errors import ItemError
from ..esri.geometry import GeometryType
from ..pixels import Statistics
from ..service import ImageService
from .counting import Count, counted, counted_everywhere
from .operation import Call
from .parameters import Parameter, said_in, shared_parameters
from .reading import GEOMETRY, PIXEL_SIZE, SELECTION, asked_geometry, pixel_size_of
from .values import checked_variable

_log = logging.getLogger(__name__)
_KINDS = (GeometryType.POLYGON, GeometryType.ENVELOPE)

PARAMETERS = (
    *shared_parameters("renderingRule"),
    Parameter(
        name="variable",
        argument="variable",
        read=str,
        help="Of a multidimensional service.",
    ),
)

AREA_PARAMETERS = (*GEOMETRY, *SELECTION, PIXEL_SIZE)


def statistics(service: ImageService, call: Call) -> dict[str, Any]:
    """The statistics of the whole service, the same that pictures are stretched by.

    Median and mode, for which all items are read, aren't told where one cannot be.
    """
    checked_variable(said_in(call.arguments, PARAMETERS))
    own = service.statistics
    try:
        counts = counted_everywhere(service, call.runner)
    except ItemError as error:
        if own is None:
            raise
        _log.warning("service %s: statistics without median and mode: %s", service.name, error)
        return {"statistics": [_known(each) | {"median": None, "mode": None} for each in own]}
    if own is None:
        return {"statistics": _statistics((count, count.statistics) for count in counts)}
    return {"statistics": _statistics(zip(counts, own, strict=True))}


def histograms(service: ImageService, call: Call) -> dict[str, Any]:
    """The histograms of the whole service."""
    checked_variable(said_in(call.arguments, PARAMETERS))
    return {"histograms": _histograms(counted_everywhere(service, call.runner))}


def compute_histograms(service: ImageService, call: Call) -> dict[str, Any]:
    """The histograms of an area; this reads pixels."""
    return {"histograms": _histograms(_of_area(service, call))}


def compute_statistics_histograms(service: ImageService, call: Call) -> dict[str, Any]:
    """The statistics and the histograms of an area; this reads pixels."""
    counts = _of_area(service, call)
    pairs = ((count, count.statistics) for count in counts)
    return {"statistics": _statistics(pairs), "histograms": _histograms(counts)}


def _of_area(service: ImageService, call: Call) -> tuple[Count, ...]:
    said = said_in(call.arguments, AREA_PARAMETERS)
    area = asked_geometry(service, said, _KINDS)
    names = [parameter.argument for parameter in SELECTION]
    chosen = {name: said[name] for name in names if name in said}
    size = pixel_size_of(service, said, area) if "pixel_size" in said else None
    return counted(service, chosen, call.runner, area, size)


def _known(own: Statistics | None) -> dict[str, Any]:
    return {
        "min": own and own.minimum,
        "max": own and own.maximum,
        "mean": own and own.mean,
        "standardDeviation": own and own.deviation,
    }


def _statistics(counts: Iterable[tuple[Count, Statistics | None]]) -> list[dict[str, Any]]:
    return [
        _known(own)
        | {
            "median": count.median,
            "mode": count.histogram.mode if count.count else None,
            "skipX": count.skip,
            "skipY": count.skip,
            "count": count.count,
        }
        for count, own in counts
    ]


def _histograms(counts: Iterable[Count]) -> list[dict[str, Any]]:
    return [
        {
            "size": len(count.histogram.counts),
            "min": count.histogram.low,
            "max": count.histogram.high,
            "counts": list(count.histogram.counts),
        }
        for count in counts
    ]
