"""Windows of a level: what lies under a block, and as much around as its kernel asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geo.cells import Reach
from ..geo.grid import Window
from ..geo.mesh import Mesh
from ..pixels import Interpolation
from . import kernels
from .sources.source import Level


def within(window: Window, level: Level) -> Window | None:
    """The part of the window that lies on the level, if any does."""
    (top, bottom), (left, right) = window.rows, window.columns
    height, width = level.shape_yx
    rows, columns = (max(top, 0), min(bottom, height)), (max(left, 0), min(right, width))
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return None
    return Window(rows=rows, columns=columns)


def needed(
    where: Mesh,
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window | None:
    """The window of the level that the positions need; with `around` it may pass the edge."""
    height, width = level.shape_yx
    low_y, high_y, low_x, high_x, moved_low, moved_high = kernels.bounds(
        where.columns, where.rows, height, width
    )
    if high_y < low_y:
        return None
    if around and moved_high - moved_low < high_x - low_x:
        low_x, high_x = moved_low, moved_high
    ends = low_y, high_y, low_x, high_x
    return _with_halo(ends, where.steps, level, interpolation, around)


def narrowly_needed(
    reach: Reach,
    steps: NDArray[np.float64],
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window | None:
    """The same by what the cells tell."""
    if reach.high_y < reach.low_y:
        return None
    ends = reach.low_y, reach.high_y, reach.low_x, reach.high_x
    return _with_halo(ends, steps, level, interpolation, around)


def _with_halo(
    ends: tuple[float, float, float, float],
    steps: NDArray[np.float64],
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window:
    """The window from position to position, and what lies around it."""
    (low_y, high_y, low_x, high_x), (height, width) = ends, level.shape_yx
    halo_x, halo_y = _halo(steps, interpolation)
    top, bottom = max(int(low_y) - halo_y, 0), min(int(high_y) + 1 + halo_y, height)
    left, right = int(low_x) - halo_x, int(high_x) + 1 + halo_x
    if not around:
        left, right = max(left, 0), min(right, width)
    elif right - left >= width:
        left, right = 0, width
    return Window(rows=(top, bottom), columns=(left, right))


def _halo(steps: NDArray[np.float64], interpolation: Interpolation) -> tuple[int, int]:
    """Columns and rows beyond a position that its value may depend on."""
    if interpolation is Interpolation.NEAREST:
        return 1, 1
    reach = 2 if interpolation is Interpolation.CUBIC else 1
    widest = np.minimum(np.maximum(steps.reshape(-1, 2).max(axis=0), 1.0), 32.0)
    return int(np.ceil(widest[0] * reach)) + 2, int(np.ceil(widest[1] * reach)) + 2
