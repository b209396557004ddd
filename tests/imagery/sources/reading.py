"""What the tests of sources read and compare."""

from __future__ import annotations

from typing import Any

import numpy as np

from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources.source import Source
from exportimage_wsgi.pixels import Pixels


def ramp(bands: int, rows: int, columns: int, dtype: str = "uint8") -> np.ndarray[Any, Any]:
    """`(band, y, x)`: values that differ from pixel to pixel and band to band."""
    numbers = np.arange(bands * rows * columns).reshape(bands, rows, columns)
    return (numbers % 251).astype(dtype)


def window(rows: tuple[int, int], columns: tuple[int, int]) -> Window:
    return Window(rows=rows, columns=columns)


def whole(source: Source, level: int = 0, bands: tuple[int, ...] | None = None) -> Pixels:
    """A level as a whole, with all its bands where none are said."""
    rows, columns = source.info.levels[level].shape_yx
    chosen = tuple(range(source.info.band_count)) if bands is None else bands
    return source.read(level, window((0, rows), (0, columns)), chosen)
