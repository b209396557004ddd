"""Statistics of a raster's bands: the raster's own, or computed once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from dataclasses import astuple
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geo.grid import Window
from ..pixels import Statistics
from .sources.source import Level, Source

_ENOUGH_PIXELS = 1_000_000
_STRIP_PIXELS = 1 << 20
_FORMAT = 1


def statistics_of(source: Source) -> tuple[Statistics, ...] | None:
    """One a band: the raster's own, else computed from its pixels, which reads them.

    Computed from the coarsest level that has a million pixels, or from the full resolution of a
    smaller raster; only valid, finite pixels count, and of complex ones the magnitude. Always the
    same for the same raster. `None` where a band has no such pixel.

    Raises:
        SourceError: the raster cannot be read.
    """
    if source.info.statistics is not None:
        return source.info.statistics
    level = _level(source.info.levels)
    found = [_of_band(source, level, band) for band in range(source.info.band_count)]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def _level(levels: tuple[Level, ...]) -> int:
    enough = [i for i, each in enumerate(levels) if math.prod(each.shape_yx) >= _ENOUGH_PIXELS]
    return enough[-1] if enough else 0


def _of_band(source: Source, level: int, band: int) -> Statistics | None:
    """In two passes over strips, as the mean must be known before the deviation."""
    strips = [strip for strip in _strips(source, level, band) if strip.size]
    if not strips:
        return None
    count = sum(strip.size for strip in strips)
    mean = math.fsum(float(strip.sum()) for strip in strips) / count
    squares = math.fsum(float(np.square(strip - mean).sum()) for strip in strips)
    return Statistics(
        minimum=min(float(strip.min()) for strip in strips),
        maximum=max(float(strip.max()) for strip in strips),
        mean=mean,
        deviation=math.sqrt(squares / count),
    )


def _strips(source: Source, level: int, band: int) -> list[NDArray[np.float64]]:
    rows, columns = source.info.levels[level].shape_yx
    height = max(1, _STRIP_PIXELS // columns)
    windows = [
        Window(rows=(top, min(top + height, rows)), columns=(0, columns))
        for top in range(0, rows, height)
    ]
    return [_valid_values(source, level, window, band) for window in windows]


def _valid_values(source: Source, level: int, window: Window, band: int) -> NDArray[np.float64]:
    values, valid = source.read(level, window, (band,))
    numbers = np.abs(values) if values.dtype.kind == "c" else values
    chosen = numbers[0][valid[0] > 0].astype(np.float64)
    return chosen[np.isfinite(chosen)]


def kept_statistics(source: Source, directory: Path | None = None) -> tuple[Statistics, ...] | None:
    """As `statistics_of`, found once for all processes of this user.

    Args:
        source: the raster; its version names what is kept.
        directory: where it is kept; by default a folder of this package in the user's cache
            (`XDG_CACHE_HOME`, else `~/.cache`). In one that can't be written nothing is kept but
            in memory.
    """
    return _kept(source, directory or default_directory())


def default_directory() -> Path:
    """The user's cache folder of this package; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.cache"))
    return root / "exportimage-wsgi" / "statistics"


@lru_cache(maxsize=1024)
def _kept(source: Source, directory: Path) -> tuple[Statistics, ...] | None:
    if source.info.statistics is not None:
        return source.info.statistics
    name = hashlib.blake2b(source.info.version.encode(), digest_size=16).hexdigest()
    file = directory / f"{name}.json"
    found = _loaded(file, source.info.band_count)
    if found is None:
        found = (statistics_of(source),)
        _save(file, found[0])
    return found[0]


def _loaded(file: Path, bands: int) -> tuple[tuple[Statistics, ...] | None] | None:
    """What was kept, which may be that there are none; `None` if nothing usable was."""
    try:
        kept = json.loads(file.read_text("utf-8"))
        if kept["format"] != _FORMAT:
            return None
        if kept["bands"] is None:
            return (None,)
        statistics = tuple(_statistics(band) for band in kept["bands"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return (statistics,) if len(statistics) == bands else None


def _statistics(numbers: Any) -> Statistics:
    minimum, maximum, mean, deviation = (float(number) for number in numbers)
    return Statistics(minimum=minimum, maximum=maximum, mean=mean, deviation=deviation)


def _save(file: Path, statistics: tuple[Statistics, ...] | None) -> None:
    """Written beside and renamed, so that nobody reads half of it. A folder that can't be
    written is no fault: the statistics are computed again by the next process."""
    bands = None if statistics is None else [astuple(band) for band in statistics]
    text = json.dumps({"format": _FORMAT, "bands": bands})
    temporary = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, suffix=".part", delete=False
        ) as out:
            temporary = out.name
            out.write(text)
        os.replace(temporary, file)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
