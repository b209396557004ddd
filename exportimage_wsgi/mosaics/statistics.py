"""Statistics of a mosaic: those of some of its items, pooled."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import SourceError
from ..imagery.sources.opened import open_kept
from ..imagery.sources.source import Source
from ..imagery.statistics import kept_statistics, kept_under
from ..pixels import Statistics
from .dataset import MosaicDataset

_ITEMS = 64
_SECONDS = 60.0
_SHARE = 0.02
"""Of the time, at most, that is spent on items that cannot be read."""
_MOST_KNOWN = 1024

_log = logging.getLogger(__name__)
_Found = tuple[Statistics, ...] | None


class _IncompleteError(Exception):
    """Items cannot be read; never leaves this file."""

    def __init__(self, reason: str, statistics: _Found) -> None:
        super().__init__(reason)
        self.reason, self.statistics = reason, statistics


# Of versions that lack items: until when that holds, since networks recover; why; what there is.
_passing: dict[str, tuple[float, str, _Found]] = {}


def mosaic_statistics(dataset: MosaicDataset, directory: Path | None = None) -> _Found:
    """One a band, as `kept_statistics` gives them; found once for all processes of this user.

    Of up to 64 items, evenly spread over the table, which are opened for this. Always the same
    for the same table. `None` where a band has no valid pixel.

    Raises:
        SourceError: an item cannot be read, unless `on_failure` is `skip`.
    """
    if dataset.info.statistics is not None:
        return dataset.info.statistics
    version, bands = dataset.info.version, dataset.info.band_count
    try:
        return kept_under(version, bands, lambda: _found(dataset, directory), directory)
    except _IncompleteError as error:
        if dataset.settings.on_failure == "fail":
            raise SourceError(error.reason) from error
        return error.statistics


def passing_statistics(dataset: MosaicDataset, directory: Path | None = None) -> _Found:
    """As `mosaic_statistics`, but without items that cannot be read, whatever `on_failure` says:
    a picture that they aren't in needs them for its stretch only. They are tried again after a
    minute, and later where that took long.

    Raises:
        SourceError: of some band nothing is known, as items cannot be read.
    """
    if dataset.info.statistics is not None:
        return dataset.info.statistics
    version, bands = dataset.info.version, dataset.info.band_count
    try:
        return kept_under(version, bands, lambda: _found_or_passing(dataset, directory), directory)
    except _IncompleteError as error:
        if error.statistics is None:
            raise SourceError(error.reason) from error
        return error.statistics


def _found_or_passing(dataset: MosaicDataset, directory: Path | None) -> _Found:
    """Called by one thread at a time, so that others don't wait for the same items again."""
    version, began = dataset.info.version, time.monotonic()
    until, reason, statistics = _passing.get(version, (0.0, "", None))
    if began < until:
        raise _IncompleteError(reason, statistics)
    try:
        return _found(dataset, directory)
    except _IncompleteError as error:
        _log.warning("items are left out of the statistics of a mosaic: %s", error.reason)
        while len(_passing) >= _MOST_KNOWN:
            _passing.pop(next(iter(_passing)), None)
        now = time.monotonic()
        until = now + max(_SECONDS, (now - began) / _SHARE)
        _passing[version] = until, error.reason, error.statistics
        raise


def _found(dataset: MosaicDataset, directory: Path | None) -> _Found:
    """Raises: _IncompleteError: an item cannot be read."""
    bands = dataset.info.band_count
    parts: list[list[tuple[int, Statistics]]] = [[] for _ in range(bands)]
    fault: SourceError | None = None
    for position in spread(len(dataset.table), _ITEMS):
        try:
            source = source_at(dataset, position)
            found = kept_statistics(source, directory)
        except SourceError as error:
            fault = fault or error
            continue
        if found is None:
            continue
        pixels = math.prod(source.info.grid.shape_yx)
        for band in range(bands):
            if len(found) == 1 or band < len(found):
                parts[band].append((pixels, found[0 if len(found) == 1 else band]))
    together = tuple(pooled(each) for each in parts) if all(parts) else None
    if fault is not None:
        raise _IncompleteError(str(fault), together) from fault
    return together


def source_at(dataset: MosaicDataset, position: int) -> Source:
    """The raster of a row, opened.

    Raises:
        SourceError: it cannot be opened.
    """
    table = dataset.table
    raster = table.rasters[position] if table.rasters else table.value("source", position)
    if isinstance(raster, str):
        return open_kept(raster, unscale=dataset.unscale, nodata=dataset.nodata)
    source: Source = raster
    return source


def spread(count: int, most: int) -> list[int]:
    """Up to `most` of the numbers below `count`, evenly apart, the first and last among them."""
    if count <= most:
        return list(range(count))
    return [int(i) for i in np.round(np.linspace(0, count - 1, most)).astype(np.int64)]


def pooled(parts: Sequence[tuple[int, Statistics]]) -> Statistics:
    """Several as one, by their pixels; deviations are taken from the mean of all."""
    total = sum(pixels for pixels, _ in parts)
    shares = [(pixels / total, each) for pixels, each in parts]
    mean = math.fsum(share * each.mean for share, each in shares)
    within = (math.sqrt(share) * each.deviation for share, each in shares)
    between = (math.sqrt(share) * (each.mean - mean) for share, each in shares)
    return Statistics(
        minimum=min(each.minimum for _, each in parts),
        maximum=max(each.maximum for _, each in parts),
        mean=mean,
        deviation=math.hypot(*within, *between),
    )
