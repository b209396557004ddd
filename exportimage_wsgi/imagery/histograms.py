"""Histograms: how often which values occur in a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pixels import PixelType

BINS = 256
_LARGEST = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of values in bins of equal width."""

    low: float
    """Lower edge of the first bin."""

    high: float
    """Upper edge of the last bin."""

    counts: tuple[int, ...]

    @property
    def mode(self) -> float:
        """Middle of the first of the fullest bins."""
        width = (self.high - self.low) / len(self.counts)
        return self.low + width * (self.counts.index(max(self.counts)) + 0.5)


def histogram(values: NDArray[Any], pixel_type: PixelType) -> Histogram:
    """The histogram of finite values `(n,)`, of complex ones the magnitudes.

    A bin for each value of types of at most 8 bits (U8: 256 from -0.5 to 255.5), and of integers
    that span at most 256 values; else 256 bins from the smallest to the largest.
    """
    if pixel_type.is_integer:
        return _of_integers(values, pixel_type)
    if not values.size:
        return Histogram(low=0.0, high=1.0, counts=(0,) * BINS)
    numbers = values.astype(np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    if not low < high:
        low, high = low - 0.5, high + 0.5
    # The span of the largest doubles is no double itself.
    scale = 0.25 if max(-low, high) > _LARGEST else 1.0
    edges = np.array([low, high]) * scale
    if not edges[0] < edges[1]:
        return Histogram(low=low, high=high, counts=(numbers.size,))
    counts, _ = np.histogram(numbers * scale, BINS, (edges[0], edges[1]))
    return Histogram(low=low, high=high, counts=tuple(counts.tolist()))


def _of_integers(values: NDArray[Any], pixel_type: PixelType) -> Histogram:
    if pixel_type.bits <= 8:
        low, high = (int(limit) for limit in pixel_type.limits)
    else:
        low, high = (int(values.min()), int(values.max())) if values.size else (0, BINS - 1)
    span = high - low + 1
    size = min(span, BINS)
    offsets = values.astype(np.int64) - low
    # An integer is the middle of its own width, half of which lies below it.
    places = offsets if size == span else (2 * offsets + 1) * size // (2 * span)
    counts = np.bincount(places, minlength=size)
    return Histogram(low=low - 0.5, high=high + 0.5, counts=tuple(counts.tolist()))
