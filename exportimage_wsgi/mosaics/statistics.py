"""Statistics of a mosaic: those of some of its items, pooled."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import SourceError
from ..imagery.mosaic import open_kept
from ..imagery.sources.source import Source
from ..imagery.statistics import kept_statistics, kept_under
from ..pixels import Statistics
from .dataset import MosaicDataset

_ITEMS = 64
_log = logging.getLogger(__name__)


def mosaic_statistics(
    dataset: MosaicDataset, directory: Path | None = None
) -> tuple[Statistics, ...] | None:
    """One a band, as `kept_statistics` gives them; found once for all processes of this user.

    Of up to 64 items, evenly spread over the table, which are opened for this. Always the same
    for the same table. `None` where a band has no valid pixel.

    Raises:
        SourceError: an item cannot be read, unless `on_failure` is `skip`.
    """
    if dataset.info.statistics is not None:
        return dataset.info.statistics
    bands = dataset.info.band_count
    return kept_under(dataset.info.version, bands, lambda: _found(dataset, directory), directory)


def _found(dataset: MosaicDataset, directory: Path | None) -> tuple[Statistics, ...] | None:
    bands = dataset.info.band_count
    parts: list[list[tuple[int, Statistics]]] = [[] for _ in range(bands)]
    for position in spread(len(dataset.table), _ITEMS):
        try:
            source = source_at(dataset, position)
            found = kept_statistics(source, directory)
        except SourceError as error:
            if dataset.settings.on_failure == "fail":
                raise
            _log.warning("an item is left out of the statistics: %s", error)
            continue
        if found is None:
            continue
        pixels = math.prod(source.info.grid.shape_yx)
        for band in range(bands):
            if len(found) == 1 or band < len(found):
                parts[band].append((pixels, found[0 if len(found) == 1 else band]))
    if not all(parts):
        return None
    return tuple(pooled(each) for each in parts)


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
