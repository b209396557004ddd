"""Outlines of a mosaic's items: how far pixels lie from them, what that cuts off and weighs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..compiled import compiled
from ..geo.grid import Window
from ..pixels import Pixels
from .overlap import Weights

_LEAST_WEIGHT = 1e-6


def distances(outline: bytes, part: Window, turn: float = 0.0) -> NDArray[np.float64]:
    """`(y, x)`: pixels from each pixel's centre to the outline, negative outside of it.

    Args:
        outline: WKB in pixels of the output.
        part: of the output.
        turn: columns after which the world, and the outline, come again; 0: never.
    """
    ends = _segments(outline)
    columns = np.arange(*part.columns) + 0.5
    if turn and len(ends):
        middle = (ends[:, 0].min() + ends[:, 0].max()) / 2
        columns -= turn * np.round((columns - middle) / turn)
    out = np.empty(part.shape_yx)
    _signed(ends, part.rows[0], columns, out)
    return out


def clipped(pixels: Pixels, signed: NDArray[np.float64], feather: float) -> Pixels:
    """The pixels less those outside of the outline; a blend needs some more."""
    outside = signed < -feather / 2
    return Pixels(pixels.values, np.where(outside, np.uint8(0), pixels.valid))


def weights_within(signed: NDArray[np.float64], feather: float, is_clipped: bool) -> Weights:
    """From next to nothing at the outline to one; a seamline, which clips, is met half-way."""
    shift = feather / 2 if is_clipped else 0.0
    share: Weights = np.clip((signed + shift) / max(feather, 1e-9), _LEAST_WEIGHT, 1.0)
    return share


@lru_cache(maxsize=1024)
def _segments(outline: bytes) -> NDArray[np.float64]:
    """`(segment, 4)`: column, row, column, row of the ends, of all rings."""
    rings = shapely.get_rings(shapely.get_parts(shapely.from_wkb(outline)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    ends = np.hstack([xy[:-1], xy[1:]])
    return np.ascontiguousarray(ends[ring[:-1] == ring[1:]])


@compiled
def _signed(ends: Any, top: int, columns: Any, out: Any) -> None:  # pragma: no cover - compiled
    for i in range(out.shape[0]):
        y = top + i + 0.5
        for j in range(out.shape[1]):
            x = columns[j]
            nearest = 1e300
            inside = False
            for k in range(ends.shape[0]):
                x0, y0, x1, y1 = ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3]
                dx, dy = x1 - x0, y1 - y0
                length = dx * dx + dy * dy
                t = ((x - x0) * dx + (y - y0) * dy) / length if length > 0 else 0.0
                t = min(max(t, 0.0), 1.0)
                ex, ey = x0 + t * dx - x, y0 + t * dy - y
                nearest = min(nearest, ex * ex + ey * ey)
                if (y0 > y) != (y1 > y) and x < dx * (y - y0) / dy + x0:
                    inside = not inside
            distance = np.sqrt(nearest)
            out[i, j] = distance if inside else -distance
