"""Wide kernels on grids whose rows and columns are those of the raster, but coarser.

There the weights of a row of pixels are the same in each column: what lies under the row is first
added up downwards, all columns at once, and then across. Whether a picture is made in this way
depends on the whole of its grid, never on a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..geo.grid import Grid, Window
from ..geo.mesh import Placement
from .kernels import EDGE
from .smooth import TWICE, new_room, settle, taps
from .sources.source import Level


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """What lies under the pixels of a window along one axis."""

    first: NDArray[np.int64]
    """First pixel of the level that a pixel has a weight for."""

    count: NDArray[np.int64]
    """How many there are; none where a pixel lies beside the level."""

    weights: NDArray[np.float64]
    """`(pixel, tap)`."""

    sums: NDArray[np.float64]
    """Of the weights of each pixel."""

    @property
    def reach(self) -> tuple[int, int] | None:
        """First pixel that is needed and the one behind the last, if any is."""
        there = self.count > 0
        if not there.any():
            return None
        return int(self.first[there].min()), int((self.first + self.count)[there].max())


def is_separable(grid: Grid, placement: Placement, level: Level) -> bool:
    """Is the bilinear kernel wide here, and are rows and columns those of the raster?"""
    one, two = grid.affine, placement.affine
    if grid.crs != placement.crs or placement.ground_points or one.b or one.d or two.b or two.d:
        return False
    across, down = one.a / two.a / level.scale_yx[1], one.e / two.e / level.scale_yx[0]
    if across <= 0 or down <= 0 or max(across, down) <= TWICE:
        return False
    if placement.period is None:
        return True
    ends = [(x - two.c) / two.a for x in (one.c, one.c + one.a * grid.shape_yx[1])]
    return not placement.is_cylinder and min(ends) >= 0 and max(ends) <= placement.shape_yx[1]


def axes(grid: Grid, placement: Placement, level: Level, window: Window) -> tuple[Axis, Axis]:
    """Down and across."""
    one, two = grid.affine, placement.affine
    (scale_y, scale_x), (height, width) = level.scale_yx, placement.shape_yx
    y = (np.arange(*window.rows) + 0.5) * (one.e / two.e) + (one.f - two.f) / two.e
    x = (np.arange(*window.columns) + 0.5) * (one.a / two.a) + (one.c - two.c) / two.a
    down = _axis(y / scale_y, one.e / two.e / scale_y, level.shape_yx[0], height / scale_y)
    across = _axis(x / scale_x, one.a / two.a / scale_x, level.shape_yx[1], width / scale_x)
    return Axis(*down), Axis(*across)


@compiled
def _axis(positions: Any, step: float, size: int, edge: float) -> Any:  # pragma: no cover
    """The members of an `Axis`; from `edge` on there is nothing, even where the level goes on."""
    length = positions.size
    first, count = np.zeros(length, np.int64), np.zeros(length, np.int64)
    _, found, _, found_weights = new_room()
    weights, sums = np.zeros((length, found.size)), np.zeros(length)
    for j in range(length):
        position = positions[j]
        if not (position > -EDGE and position < edge) or int(position + EDGE) >= size:
            continue
        number, _ = taps(position, step, False, 0, size, False, found, found_weights)
        first[j], count[j] = found[0], number
        for n in range(number):
            weights[j, n] = found_weights[n]
            sums[j] += found_weights[n]
    return first, count, weights, sums


def gather(
    source: NDArray[Any],
    needed: Window,
    down: Axis,
    across: Axis,
    limits: tuple[float, float] | None,
    out: NDArray[Any],
    out_valid: NDArray[np.uint8],
) -> None:
    """Fill in the pixels.

    Args:
        source: `(band, y, x)`, all valid.
        needed: the part of the level that it is.
        down: of the rows of `out`.
        across: of its columns.
        limits: of integers, which are rounded.
        out: `(band, y, x)`.
        out_valid: `(1, y, x)`.
    """
    low, high = limits or (0.0, 0.0)
    _gather(
        source, needed.rows[0], needed.columns[0], down.first, down.count, down.weights, down.sums,
        across.first, across.count, across.weights, across.sums, limits is not None, low, high,
        out, out_valid,
    )  # fmt: skip


@compiled
def _gather(
    source: Any,
    top: int,
    left: int,
    first_y: Any,
    count_y: Any,
    weights_y: Any,
    sums_y: Any,
    first_x: Any,
    count_x: Any,
    weights_x: Any,
    sums_x: Any,
    whole: bool,
    low: float,
    high: float,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    bands, height, width = out.shape
    line = np.empty(source.shape[2])
    for i in range(height):
        if count_y[i] == 0:
            out[:, i] = 0
            out_valid[0, i] = 0
            continue
        for j in range(width):
            out_valid[0, i, j] = 255 if count_x[j] > 0 else 0
        for b in range(bands):
            line[:] = 0.0
            for k in range(count_y[i]):
                weight, values = weights_y[i, k], source[b, first_y[i] + k - top]
                for n in range(line.size):
                    line[n] += weight * values[n]
            for j in range(width):
                if count_x[j] == 0:
                    out[b, i, j] = 0
                    continue
                start = first_x[j] - left
                value = 0.0
                for n in range(count_x[j]):
                    value += weights_x[j, n] * line[start + n]
                value /= sums_y[i] * sums_x[j]
                out[b, i, j] = settle(value, low, high) if whole else value
