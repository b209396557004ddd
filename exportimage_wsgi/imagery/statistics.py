"""Statistics of a raster's bands: the raster's own, or computed once and kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geo.grid import Window
from ..pixels import Statistics
from .sources.source import Level, Source

_ENOUGH_PIXELS = 1_000_000
_STRIP_VALUES = 1 << 22
_FORMAT = 2
_MOST_KNOWN = 1024
_MOST_FILES = 10_000
_LARGEST_SQUARED = 1e100

_Key = tuple[str, Path | None]
_Found = tuple[tuple[Statistics, ...] | None]
"""What was found, which may be that there are none."""

# By version, not by source: a source in memory would be kept with its pixels.
_known: dict[_Key, _Found] = {}
# Held by the thread that computes them.
_computing: dict[_Key, threading.Lock] = {}

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_computing.clear)


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
    strips = [_moments(source, level, window) for window in _windows(source, level)]
    found = [_together(band) for band in zip(*strips, strict=True)]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def statistics_of_values(values: NDArray[Any]) -> Statistics | None:
    """Of the finite ones of real values; `None` if there are none."""
    return _together((_moments_of(values),))


@dataclass(frozen=True, slots=True)
class _Moments:
    """Of the pixels of one band in one strip."""

    count: int
    minimum: float
    maximum: float
    mean: float
    deviation: float


def _level(levels: tuple[Level, ...]) -> int:
    enough = [i for i, each in enumerate(levels) if math.prod(each.shape_yx) >= _ENOUGH_PIXELS]
    return enough[-1] if enough else 0


def _windows(source: Source, level: int) -> list[Window]:
    rows, columns = source.info.levels[level].shape_yx
    height = max(1, _STRIP_VALUES // (columns * source.info.band_count))
    return [
        Window(rows=(top, min(top + height, rows)), columns=(0, columns))
        for top in range(0, rows, height)
    ]


def _moments(source: Source, level: int, window: Window) -> list[_Moments]:
    """One a band."""
    values, valid = source.read(level, window, tuple(range(source.info.band_count)))
    with np.errstate(over="ignore"):
        numbers = np.abs(values) if values.dtype.kind == "c" else values
    masks = np.broadcast_to(valid > 0, numbers.shape)
    return [_moments_of(band[mask]) for band, mask in zip(numbers, masks, strict=True)]


def _moments_of(pixels: NDArray[Any]) -> _Moments:
    finite = pixels[np.isfinite(pixels)].astype(np.float64)
    if not finite.size:
        return _Moments(0, math.inf, -math.inf, 0.0, 0.0)
    minimum, maximum = float(finite.min()), float(finite.max())
    largest = max(abs(minimum), abs(maximum))
    # Sums and squares of numbers like 1e300 would be infinite.
    scale = largest if largest > _LARGEST_SQUARED else 1.0
    finite /= scale
    mean, deviation = float(finite.mean()) * scale, float(finite.std()) * scale
    return _Moments(finite.size, minimum, maximum, mean, deviation)


def _together(strips: tuple[_Moments, ...]) -> Statistics | None:
    """The strips of one band as one, with the distances taken from the mean of all."""
    count = sum(strip.count for strip in strips)
    if not count:
        return None
    shares = [(strip.count / count, strip) for strip in strips if strip.count]
    mean = math.fsum(share * strip.mean for share, strip in shares)
    within = (math.sqrt(share) * strip.deviation for share, strip in shares)
    between = (math.sqrt(share) * (strip.mean - mean) for share, strip in shares)
    return Statistics(
        minimum=min(strip.minimum for strip in strips),
        maximum=max(strip.maximum for strip in strips),
        mean=mean,
        deviation=math.hypot(*within, *between),
    )


def kept_statistics(source: Source, directory: Path | None = None) -> tuple[Statistics, ...] | None:
    """As `statistics_of`, found once for all processes of this user.

    Args:
        source: the raster; its version names what is kept.
        directory: where it is kept; by default a folder of this package in the user's cache
            (`XDG_CACHE_HOME`, else `~/.cache`). In one that can't be written, or of a user who
            has no home, nothing is kept but in memory.
    """
    if source.info.statistics is not None:
        return source.info.statistics
    version, bands = source.info.version, source.info.band_count
    return kept_under(version, bands, lambda: statistics_of(source), directory)


def kept_under(
    version: str,
    bands: int,
    found_by: Callable[[], tuple[Statistics, ...] | None],
    directory: Path | None = None,
) -> tuple[Statistics, ...] | None:
    """What a function finds, called once for all processes of this user.

    Args:
        version: names what is kept.
        bands: how many there are.
        found_by: gives one a band, or `None`.
        directory: see `kept_statistics`.
    """
    key = (version, directory or default_directory())
    found = _known.get(key)
    if found is None:
        try:
            with _computing.setdefault(key, threading.Lock()):
                found = _known.get(key) or _remembered(key, _kept(key, bands, found_by))
        finally:
            _computing.pop(key, None)
    return found[0]


def _remembered(key: _Key, statistics: tuple[Statistics, ...] | None) -> _Found:
    while len(_known) >= _MOST_KNOWN:
        _known.pop(next(iter(_known)), None)
    found = _known[key] = (statistics,)
    return found


def default_directory() -> Path | None:
    """The user's cache folder of this package, which need not exist; `None` without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.cache"))
    return root / "exportimage-wsgi" / "statistics" if root.is_absolute() else None


def _kept(
    key: _Key, bands: int, found_by: Callable[[], tuple[Statistics, ...] | None]
) -> tuple[Statistics, ...] | None:
    version, directory = key
    if directory is None:
        return found_by()
    name = hashlib.blake2b(version.encode(), digest_size=16).hexdigest()
    file = directory / f"{name}.json"
    found = _loaded(file, bands)
    if found is None:
        found = (found_by(),)
        _save(file, found[0])
    return found[0]


def _loaded(file: Path, bands: int) -> _Found | None:
    """What was kept; `None` if nothing usable was."""
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
        _sweep(file.parent)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _sweep(directory: Path) -> None:
    """Of too many files, remove the older half: most are of rasters that have changed since."""
    with os.scandir(directory) as entries:
        files = [entry.path for entry in entries if entry.name.endswith((".json", ".part"))]
    if len(files) > _MOST_FILES:
        files.sort(key=lambda file: os.stat(file).st_mtime)
        for file in files[: len(files) // 2]:
            Path(file).unlink(missing_ok=True)
