"""Cells of the mesh: source positions at their corners, from which those inside follow.

Everything here is in pixels of the level that is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .crs import Coordinates
from .grid import Window

CELL = 16
"""Output pixels between two nodes."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells that a window touches."""

    columns: Coordinates
    """`(cell y, cell x, 4)`: source columns of the corners, row by row; around the world they go
    on from the first corner."""

    rows: Coordinates
    """`(cell y, cell x, 4)`: source rows."""

    straight: NDArray[np.bool_]
    """`(cell y, cell x)`: do positions between the corners follow from them?"""

    steps: NDArray[np.float64]
    """`(cell y, cell x, 2)`: source columns and rows passed in one output pixel."""

    first_yx: tuple[int, int]
    """Cell of the lattice that `columns[0, 0]` speaks of."""

    def reach(self, window: Window, shape_yx: tuple[int, int]) -> Reach:
        """Which part of a level of that shape lies under the window; all cells must be straight."""
        height, width = shape_yx
        found = _reach(
            self.columns, self.rows, window.rows[0], window.rows[1], window.columns[0],
            window.columns[1], height, width,
        )  # fmt: skip
        return Reach(*found)


@dataclass(frozen=True, slots=True)
class Reach:
    """Smallest and largest positions under a window."""

    low_y: float
    """Of what lies on the level, as the next three; above the largest where nothing does."""

    high_y: float

    low_x: float

    high_x: float

    least_x: float
    """Of all, also beside the level."""

    most_x: float


@compiled
def corners(
    columns: Any, rows: Any, period: float, tolerance: float
) -> Any:  # pragma: no cover - compiled
    """Corners of each cell, unwrapped, and whether interpolation is good enough in it.

    Between nodes a straight line is off by at most an eighth of the second difference an axis.
    """
    cells_y, cells_x = columns.shape[0] - 3, columns.shape[1] - 3
    corner_columns = np.empty((cells_y, cells_x, 4))
    corner_rows = np.empty((cells_y, cells_x, 4))
    straight = np.empty((cells_y, cells_x), np.bool_)
    half = period / 2
    for i in range(cells_y):
        for j in range(cells_x):
            worst = 0.0
            broken = False
            for k in range(4):
                y, x = i + 1 + k // 2, j + 1 + k % 2
                corner_rows[i, j, k] = rows[y, x]
                value = columns[y, x]
                if period > 0 and k > 0:
                    base = corner_columns[i, j, 0]
                    if value - base > half:
                        value -= period
                    elif value - base < -half:
                        value += period
                corner_columns[i, j, k] = value
                bend_c = 0.0
                bend_r = 0.0
                for axis in range(2):
                    before = (y - 1, x) if axis == 0 else (y, x - 1)
                    after = (y + 1, x) if axis == 0 else (y, x + 1)
                    one = columns[y, x] - columns[before]
                    two = columns[after] - columns[y, x]
                    if period > 0:
                        one -= period * np.round(one / period)
                        two -= period * np.round(two / period)
                    bend_c += abs(two - one)
                    bend_r += abs(rows[after] - 2 * rows[y, x] + rows[before])
                bend = max(bend_c, bend_r) / tolerance
                if not bend < 1e300:
                    broken = True
                worst = max(worst, bend)
            straight[i, j] = not broken and worst / 8 < 1
    return corner_columns, corner_rows, straight


@compiled
def between(
    corner_columns: Any,
    corner_rows: Any,
    straight: Any,
    top: int,
    left: int,
    out_c: Any,
    out_r: Any,
) -> None:  # pragma: no cover - compiled
    height, width = out_c.shape
    first_y, first_x = top // 16, left // 16
    for i in range(height):
        cell_y = (top + i) // 16 - first_y
        v = ((top + i) % 16 + 0.5) / 16
        for j in range(width):
            cell_x = (left + j) // 16 - first_x
            if not straight[cell_y, cell_x]:
                continue
            u = ((left + j) % 16 + 0.5) / 16
            c = corner_columns[cell_y, cell_x]
            r = corner_rows[cell_y, cell_x]
            out_c[i, j] = (c[0] * (1 - u) + c[1] * u) * (1 - v) + (c[2] * (1 - u) + c[3] * u) * v
            out_r[i, j] = (r[0] * (1 - u) + r[1] * u) * (1 - v) + (r[2] * (1 - u) + r[3] * u) * v


@compiled
def passed(
    corner_columns: Any, corner_rows: Any, straight: Any, steps: tuple[float, float]
) -> Any:  # pragma: no cover - compiled
    out = np.empty((straight.shape[0], straight.shape[1], 2))
    for i in range(straight.shape[0]):
        for j in range(straight.shape[1]):
            if not straight[i, j]:
                out[i, j, 0], out[i, j, 1] = steps
                continue
            for k in range(2):
                c = corner_columns[i, j] if k == 0 else corner_rows[i, j]
                across = (c[1] - c[0] + c[3] - c[2]) / 32
                down = (c[2] - c[0] + c[3] - c[1]) / 32
                out[i, j, k] = np.sqrt(across * across + down * down)
    return out


@compiled
def _on(position: float, size: int) -> float:  # pragma: no cover - compiled
    return min(max(position, 0.0), size - 1.0)


@compiled
def _reach(
    corner_columns: Any,
    corner_rows: Any,
    top: int,
    bottom: int,
    left: int,
    right: int,
    height: int,
    width: int,
) -> Any:  # pragma: no cover - compiled
    """Of the pixels' centres at the corners of what the window has of each cell."""
    low_y, high_y, low_x, high_x = np.inf, -np.inf, np.inf, -np.inf
    least_x, most_x = np.inf, -np.inf
    first_y, first_x = top // 16, left // 16
    for i in range(corner_columns.shape[0]):
        start_y, stop_y = 16 * (first_y + i), 16 * (first_y + i + 1)
        for j in range(corner_columns.shape[1]):
            start_x, stop_x = 16 * (first_x + j), 16 * (first_x + j + 1)
            c, r = corner_columns[i, j], corner_rows[i, j]
            x0, x1, y0, y1 = np.inf, -np.inf, np.inf, -np.inf
            for k in range(4):
                y = max(start_y, top) if k < 2 else min(stop_y, bottom) - 1
                x = max(start_x, left) if k % 2 == 0 else min(stop_x, right) - 1
                u, v = (x - start_x + 0.5) / 16, (y - start_y + 0.5) / 16
                at_x = (c[0] * (1 - u) + c[1] * u) * (1 - v) + (c[2] * (1 - u) + c[3] * u) * v
                at_y = (r[0] * (1 - u) + r[1] * u) * (1 - v) + (r[2] * (1 - u) + r[3] * u) * v
                x0, x1, y0, y1 = min(x0, at_x), max(x1, at_x), min(y0, at_y), max(y1, at_y)
            least_x, most_x = min(least_x, x0), max(most_x, x1)
            if x1 <= -1e-5 or y1 <= -1e-5 or x0 >= width or y0 >= height:
                continue
            # Both ends on the level, so that its outermost pixels count from edge to edge.
            low_y, high_y = min(low_y, _on(y0, height)), max(high_y, _on(y1, height))
            low_x, high_x = min(low_x, _on(x0, width)), max(high_x, _on(x1, width))
    return low_y, high_y, low_x, high_x, least_x, most_x
