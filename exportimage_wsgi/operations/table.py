"""The table of operations beside exportImage: what follows `…/ImageServer/`, and who answers."""

from __future__ import annotations

from collections.abc import Sequence

from . import get_samples, histograms, identify
from .operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        path="identify",
        help="The value at a place, and the rasters that lie there.",
        answer=identify.identify,
        parameters=identify.PARAMETERS,
    ),
    Operation(
        path="getSamples",
        help="The values at many places, along lines or all over an area.",
        answer=get_samples.get_samples,
        parameters=get_samples.PARAMETERS,
    ),
    Operation(
        path="statistics",
        help="Statistics of each band of the whole service.",
        answer=histograms.statistics,
        parameters=histograms.PARAMETERS,
    ),
    Operation(
        path="histograms",
        help="Histograms of each band of the whole service.",
        answer=histograms.histograms,
        parameters=histograms.PARAMETERS,
    ),
    Operation(
        path="computeHistograms",
        help="Histograms of each band in a polygon or envelope.",
        answer=histograms.compute_histograms,
        parameters=histograms.AREA_PARAMETERS,
    ),
    Operation(
        path="computeStatisticsHistograms",
        help="Statistics and histograms of each band in a polygon or envelope.",
        answer=histograms.compute_statistics_histograms,
        parameters=histograms.AREA_PARAMETERS,
    ),
)
"""Every operation but exportImage, in the order that a service's page lists them."""


def operation_at(parts: Sequence[str]) -> tuple[Operation, dict[str, str]] | None:
    """The operation at a path, and the values in it; words match in any letter case."""
    for operation in OPERATIONS:
        values = _values(operation.path.split("/"), parts)
        if values is not None:
            return operation, values
    return None


def _values(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    values = {}
    for known, part in zip(pattern, parts, strict=True):
        if not known.startswith("<"):
            if known.casefold() != part.casefold():
                return None
        elif known.startswith("<…") or (part.isascii() and part.isdigit() and len(part) <= 18):
            values[known.strip("<…>")] = part
        else:
            return None
    return values
