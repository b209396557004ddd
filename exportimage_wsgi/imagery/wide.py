"""The smooth kernels of any width, at pixels wherever they lie: what the quick ways leave over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled, inlined
from ..pixels import Validity, Values
from .blocks import LANES, least, tents, total, total_of_valid, weight_of_valid
from .kernels import EDGE, WIDEST, Frame, locate

AS_IT_IS = 1.05
"""Up to so many source pixels an output pixel a kernel isn't widened; GDAL has the same bound."""

_LEAST = 1e-9
"""Weights below that are due to rounding."""

MOST = int(4 * WIDEST) + 2 * LANES
"""Pixels of the widest kernel along one axis, and some to spare."""

_MOST_AT_ONCE = 1 << 16
"""Pixels that wait to be made, unless a row has more."""


class Rest(NamedTuple):
    """Pixels that are yet to be made; a tuple, since that is what compiled code takes."""

    which: NDArray[np.int32]
    """`(pixel, 2)`: row and column of the output window."""

    spots: NDArray[np.float64]
    """`(pixel, 2)`: row and column of the level."""

    row: int
    """Of the output window, from which on pixels are to be made."""


def completed(
    kernel: Callable[[Rest], tuple[int, int]],
    shape_yx: tuple[int, int],
    gather_rest: Callable[[Rest, int], None],
) -> int:
    """Have a kernel make the pixels that it can, and the rest gathered; how many these were.

    Args:
        kernel: goes over the rows from that of `Rest` on, as long as there is room in it for a
            whole one more; how many pixels it put there, and the row to go on with.
        shape_yx: of the window.
        gather_rest: makes so many pixels.
    """
    height, width = shape_yx
    pixels = min(height * width, max(_MOST_AT_ONCE, width))
    which, spots = np.empty((pixels, 2), np.int32), np.empty((pixels, 2))
    row = others = 0
    while row < height:
        rest = Rest(which, spots, row)
        count, row = kernel(rest)
        if count:
            gather_rest(rest, count)
        others += count
    return others


@compiled
def settle(value: float, low: float, high: float) -> float:  # pragma: no cover - compiled
    """What gives an integer band's value when it is cut off: saturated, halves away from zero."""
    value = min(max(value, low), high)
    return value + (0.5 if value >= 0 else -0.5)


@inlined
def keys(d: float) -> float:  # pragma: no cover - compiled
    """Keys' cubic convolution with a = -0.5, by distance."""
    near, far = (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2
    return near if d < 1 else far if d < 2 else 0.0


@inlined
def span(
    position: float, step: float, cubic: bool, size: int, around: bool
) -> Any:  # pragma: no cover - compiled
    """The pixels of the level that a kernel needs along one axis: the first, and how many.

    Also how far from the kernel's centre the first is, and by what distances are to be multiplied
    since the kernel is widened. With `around` pixels go on past the edges of the level.
    """
    stretch = min(step, WIDEST) if step > AS_IT_IS else 1.0
    radius = 2.0 * stretch if cubic else stretch
    centre = position - 0.5
    whole = np.round(centre)
    if abs(centre - whole) < EDGE and stretch == 1.0:
        centre, radius = whole, 1.0  # All others have no weight, and need not be there.
    first, stop = int(np.floor(centre - radius)) + 1, int(np.ceil(centre + radius))
    if not around:
        first, stop = max(first, 0), min(stop, size)
    return first, stop - first, first - centre, 1.0 / stretch


@compiled
def _curve(
    weights: Any, axis: int, start: float, shrink: float, count: int
) -> float:  # pragma: no cover - compiled
    """As `tents`, of the cubic kernel."""
    found = 0.0
    for n in range(count):
        weights[axis, n] = keys(abs(start + n) * shrink)
        found += weights[axis, n]
    for n in range(count, count + LANES):
        weights[axis, n] = 0.0
    return found


@compiled
def _is_cut(start: float, shrink: float, count: int) -> bool:  # pragma: no cover - compiled
    """Is a pixel that the cubic kernel has a weight for outside of the level?"""
    for first in (1 - start, start + count):
        distance = first * shrink
        while distance < 2.0:
            if abs(keys(distance)) > _LEAST:
                return True
            distance += shrink
    return False


def gather(
    source: Values,
    valid: Validity,
    rest: Rest,
    count: int,
    steps: NDArray[np.float64],
    cubic: bool,
    limits: tuple[bool, float, float],
    frame: Frame,
    out: Values,
    out_valid: Validity,
) -> None:
    """Fill in pixels; cubic is bilinear where a neighbour is no data or outside.

    Args as in `kernels`, and

    Args:
        rest: the pixels.
        count: how many there are.
        limits: are the values integers, and between which?
    """
    weights, (whole, low, high) = np.zeros((2, MOST)), limits
    apart = _gather(
        source,
        valid,
        rest.which,
        rest.spots,
        count,
        steps,
        cubic,
        whole,
        low,
        high,
        frame,
        weights,
        out,
        out_valid,
    )
    if apart:
        source, valid, frame = _gone_on(source, valid, rest.spots[:apart], frame)
        _gather(
            source, valid, rest.which, rest.spots, apart, steps, cubic, whole, low, high, frame,
            weights, out, out_valid,
        )  # fmt: skip


def _gone_on(
    source: Values, valid: Validity, spots: NDArray[np.float64], frame: Frame
) -> tuple[Values, Validity, Frame]:
    """What pixels need that lie at the window's edge, with more behind the last column."""
    if frame.around:
        around = np.arange(source.shape[2] + MOST) % source.shape[2]
        more = np.take(source, around, axis=2)
        return more, np.take(valid, around, axis=2) if valid.size else valid, frame
    # They lie in its last rows and columns: the corner will do.
    top, left = (max(int(low) - MOST, 0) for low in spots.min(axis=0) - (frame.top, frame.left))
    behind = ((0, 0), (0, 0), (0, LANES))
    source, valid = (
        np.pad(each[:, top:, left:], behind) if each.size else each for each in (source, valid)
    )
    return source, valid, frame._replace(top=frame.top + top, left=frame.left + left)


@compiled
def _gather(
    source: Any,
    valid: Any,
    which: Any,
    spots: Any,
    count: int,
    steps: Any,
    cubic: bool,
    whole: bool,
    low: float,
    high: float,
    frame: Any,
    weights: Any,
    out: Any,
    out_valid: Any,
) -> int:  # pragma: no cover - compiled
    """Make pixels; how many are left since what they need isn't beside each other in the window.

    These are then the first of `which`. What would reach past the end of memory is left as well.
    All is in one loop, since to hand an array to a function takes as long as a small kernel.
    """
    bands, masks, masked = out.shape[0], out_valid.shape[0], valid.size > 0
    apart = 0
    for number in range(count):
        i, j = which[number, 0], which[number, 1]
        row, column = spots[number, 0], spots[number, 1]
        at_y, at_x = locate(column, row, frame)
        if at_y < 0:
            for b in range(bands):
                out[b, i, j] = 0
            for m in range(masks):
                out_valid[m, i, j] = 0
            continue
        cell_y = (frame.first_row + i) // 16 - frame.first_cell_y
        cell_x = (frame.first_column + j) // 16 - frame.first_cell_x
        step_x, step_y = steps[cell_y, cell_x, 0], steps[cell_y, cell_x, 1]
        curved = cubic
        while True:
            y, rows, start_y, shrink_y = span(row, step_y, curved, frame.height, False)
            x, columns, start_x, shrink_x = span(column, step_x, curved, frame.width, frame.around)
            y -= frame.top
            x -= frame.left
            if frame.around:
                x %= frame.width
            together = x + columns <= source.shape[2]
            behind = (source.shape[1] - y - rows + 1) * source.shape[2] - x - columns
            together &= behind >= LANES
            if not together:
                break
            if not curved:
                weight = tents(weights, 0, start_y, shrink_y, rows)
                weight *= tents(weights, 1, start_x, shrink_x, columns)
                break
            weight = _curve(weights, 0, start_y, shrink_y, rows)
            weight *= _curve(weights, 1, start_x, shrink_x, columns)
            curved = not _is_cut(start_y, shrink_y, rows)
            curved &= frame.around or not _is_cut(start_x, shrink_x, columns)
            for m in range(valid.shape[0]):
                curved &= least(valid, m, y, x, weights, rows, columns) > 0
            if curved:
                break
        if not together:
            which[apart, 0], which[apart, 1] = i, j
            spots[apart, 0], spots[apart, 1] = row, column
            apart += 1
            continue
        for m in range(masks):
            first, stop = (m, m + 1) if masks > 1 else (0, bands)
            full = not masked or least(valid, m, y, x, weights, rows, columns) == 255
            there = full or valid[m, at_y, at_x] > 0
            share, shade = 1.0 / weight, 255.0
            if there and not full:
                share = 1.0 / weight_of_valid(valid, m, y, x, weights, rows, columns)
                shade = total(valid, m, y, x, weights, rows, columns) * share
            out_valid[m, i, j] = int(min(max(shade, 1.0), 255.0) + 0.5) if there else 0
            for b in range(first, stop):
                if full:
                    value = total(source, b, y, x, weights, rows, columns) * share
                elif there:
                    value = total_of_valid(source, b, valid, m, y, x, weights, rows, columns)
                    value *= share
                else:
                    out[b, i, j] = 0
                    continue
                out[b, i, j] = settle(value, low, high) if whole else value
    return apart
