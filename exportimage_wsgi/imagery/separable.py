"""Widened kernels on grids whose rows and columns are those of the raster, but coarser.

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
from ..geo.placement import Placement
from .blocks import tents
from .kernels import EDGE
from .sources.source import Level
from .wide import AS_IT_IS, MOST, span


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

    step: float
    """Pixels of the level from one pixel to the next."""

    @property
    def reach(self) -> tuple[int, int] | None:
        """First pixel that is needed and the one behind the last, if any is."""
        there = self.count > 0
        if not there.any():
            return None
        return int(self.first[there].min()), int((self.first + self.count)[there].max())


def is_separable(grid: Grid, placement: Placement, level: Level) -> bool:
    """Is the bilinear kernel widened here, and are rows and columns those of the raster?"""
    one, two = grid.affine, placement.affine
    if grid.crs != placement.crs or placement.ground_points or one.b or one.d or two.b or two.d:
        return False
    across, down = one.a / two.a / level.scale_yx[1], one.e / two.e / level.scale_yx[0]
    if across <= 0 or down <= 0 or max(across, down) <= AS_IT_IS:
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
    step_y, step_x = one.e / two.e / scale_y, one.a / two.a / scale_x
    down = _axis(y / scale_y, step_y, level.shape_yx[0], height / scale_y)
    across = _axis(x / scale_x, step_x, level.shape_yx[1], width / scale_x)
    return Axis(*down), Axis(*across)


@compiled
def _axis(positions: Any, step: float, size: int, edge: float) -> Any:  # pragma: no cover
    """The members of an `Axis`; from `edge` on there is nothing, though the level may go on."""
    length = positions.size
    first, count = np.zeros(length, np.int64), np.zeros(length, np.int64)
    found, sums = np.zeros((2, MOST)), np.zeros(length)
    weights = np.zeros((length, MOST))
    for j in range(length):
        position = positions[j]
        if not (position > -EDGE and position < edge) or int(position + EDGE) >= size:
            continue
        first[j], count[j], start, shrink = span(position, step, False, size, False)
        sums[j] = tents(found, 0, start, shrink, count[j])
        weights[j] = found[0]
    return first, count, weights, sums, step


def gather(
    source: NDArray[Any],
    needed: Window,
    down: Axis,
    across: Axis,
    whole: bool,
    out: NDArray[Any],
    out_valid: NDArray[np.uint8],
) -> None:
    """Fill in the pixels.

    Args:
        source: `(band, y, x)`, all valid.
        needed: the part of the level that it is.
        down: of the rows of `out`.
        across: of its columns.
        whole: are values integers? They are rounded half away from zero.
        out: `(band, y, x)`.
        out_valid: `(1, y, x)`.
    """
    weights_y, weights_x = _evened(down), _evened(across)
    top, left = needed.rows[0], needed.columns[0]
    _gather(
        source, down.first - top, down.count, weights_y, across.first - left, weights_x, whole,
        out, out_valid,
    )  # fmt: skip


def _evened(axis: Axis) -> NDArray[np.float64]:
    """Weights `(pixel, tap)` whose sum is 1, or 0 beside the level; taps are a multiple of four."""
    most = -(-int(axis.count.max()) // 4) * 4
    return axis.weights[:, :most] / np.maximum(axis.sums, np.finfo(float).tiny)[:, None]


@compiled
def _gather(
    source: Any,
    first_y: Any,
    count_y: Any,
    weights_y: Any,
    first_x: Any,
    weights_x: Any,
    whole: bool,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    bands, height, width = out.shape
    # Taps that have no weight may lie behind the last column.
    line, sums = np.zeros(source.shape[2] + weights_x.shape[1]), np.empty(width)
    there = np.empty(width, np.uint8)
    for j in range(width):
        there[j] = 255 if weights_x[j].sum() > 0 else 0
    for i in range(height):
        if count_y[i] == 0:
            out[:, i] = 0
            out_valid[0, i] = 0
            continue
        out_valid[0, i] = there
        for b in range(bands):
            _add_rows(source[b], first_y[i], count_y[i], weights_y[i], line)
            _add_columns(line, first_x, weights_x, sums)
            result = out[b, i]
            if whole:  # no weight is negative: nothing is past the limits
                for j in range(width):
                    result[j] = sums[j] + (0.5 if sums[j] >= 0 else -0.5)
            else:
                for j in range(width):
                    result[j] = sums[j]


@compiled
def _add_rows(
    band: Any, first: int, count: int, weights: Any, line: Any
) -> None:  # pragma: no cover - compiled
    """Fill the line with the sum of rows by weight, four at a time."""
    last = first + count - 1
    for k in range(0, count, 4):
        row = first + k
        one, two = band[row], band[min(row + 1, last)]
        three, four = band[min(row + 2, last)], band[min(row + 3, last)]
        w0, w1, w2, w3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        if k == 0:
            for n in range(one.size):
                line[n] = w0 * one[n] + w1 * two[n] + w2 * three[n] + w3 * four[n]
        else:
            for n in range(one.size):
                line[n] += w0 * one[n] + w1 * two[n] + w2 * three[n] + w3 * four[n]


@compiled
def _add_columns(
    line: Any, first: Any, weights: Any, sums: Any
) -> None:  # pragma: no cover - compiled
    """Fill in the sums of what lies under each pixel by weight, four at a time."""
    for j in range(sums.size):
        s0 = s1 = s2 = s3 = 0.0
        start = max(first[j], 0)  # beside the level there are no weights
        for n in range(0, weights.shape[1], 4):
            # Indices without a sign cannot count from the end: no check is compiled.
            k, m = np.uintp(start + n), np.uintp(n)
            s0 += weights[j, m] * line[k]
            s1 += weights[j, m + np.uintp(1)] * line[k + np.uintp(1)]
            s2 += weights[j, m + np.uintp(2)] * line[k + np.uintp(2)]
            s3 += weights[j, m + np.uintp(3)] * line[k + np.uintp(3)]
        sums[j] = (s0 + s1) + (s2 + s3)
