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
from ..geo.mesh import Placement
from .kernels import EDGE
from .smooth import AS_IT_IS, new_room, settle, taps
from .sources.source import Level

_FEW = 4


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
    return first, count, weights, sums, step


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
    (top, bottom), (left, right) = needed.rows, needed.columns
    if max(down.step, across.step) <= _FEW / 2:
        spare = max(top + _FEW - bottom, 0), max(left + _FEW - right, 0)
        source = np.pad(source, ((0, 0), (0, spare[0]), (0, spare[1]))) if any(spare) else source
        _gather_few(
            source, *_few_taps(down, top, source.shape[1]),
            *_few_taps(across, left, source.shape[2]), limits is not None, out, out_valid,
        )  # fmt: skip
        return
    _gather(
        source, top, left, down.first, down.count, down.weights, down.sums,
        across.first, across.count, across.weights, across.sums, limits is not None, low, high,
        out, out_valid,
    )  # fmt: skip


def _few_taps(axis: Axis, start: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """First taps and weights `(pixel, 4)`, whose sum is 1, of an axis.

    Taps are counted from `start`, and all four are below `size`; those that a pixel doesn't need
    have no weight, and a pixel beside the level has none at all.
    """
    first = np.clip(axis.first, start, start + size - _FEW)
    weights = np.zeros((len(first), _FEW))
    for tap in range(_FEW):
        there = np.flatnonzero(axis.count > tap)
        at = axis.first[there] + tap - first[there]
        weights[there, at] = axis.weights[there, tap] / axis.sums[there]
    return first - start, weights


@compiled
def _gather_few(
    source: Any,
    first_y: Any,
    weights_y: Any,
    first_x: Any,
    weights_x: Any,
    whole: bool,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    """As `_gather`, of four taps."""
    bands, height, width = out.shape
    line, sums = np.empty(source.shape[2]), np.empty(width)
    there = np.empty(width, np.uint8)
    for j in range(width):
        there[j] = 255 if weights_x[j].sum() > 0 else 0
    for i in range(height):
        y = first_y[i]
        w0, w1, w2, w3 = weights_y[i, 0], weights_y[i, 1], weights_y[i, 2], weights_y[i, 3]
        if w0 + w1 + w2 + w3 == 0.0:
            out[:, i] = 0
            out_valid[0, i] = 0
            continue
        out_valid[0, i] = there
        for b in range(bands):
            one, two = source[b, y], source[b, y + 1]
            three, four = source[b, y + 2], source[b, y + 3]
            for n in range(line.size):
                line[n] = w0 * one[n] + w1 * two[n] + w2 * three[n] + w3 * four[n]
            for j in range(width):
                k = np.uintp(first_x[j])
                value = weights_x[j, 0] * line[k] + weights_x[j, 1] * line[k + np.uintp(1)]
                value += weights_x[j, 2] * line[k + np.uintp(2)]
                sums[j] = value + weights_x[j, 3] * line[k + np.uintp(3)]
            result = out[b, i]
            if whole:  # no weight is negative: nothing is past the limits
                for j in range(width):
                    result[j] = sums[j] + (0.5 if sums[j] >= 0 else -0.5)
            else:
                for j in range(width):
                    result[j] = sums[j]


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
