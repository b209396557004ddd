"""The smooth kernels where they are narrow, which is nearly always: a row at a time.

First the positions, indices and weights of a row's pixels are found, then each band is gone
through by them. What is added up, and in which order, is what `smooth.weighted` does, so that the
two give the same to the last bit; which of them makes a window depends on its mesh alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..pixels import Interpolation
from .kernels import EDGE
from .smooth import TWICE, four_by_four_valid
from .vectors import EIGHT, eight_sums, sixteen
from .wide import AS_IT_IS, keys, settle


def taps_of(steps: NDArray[np.float64], interpolation: Interpolation) -> int:
    """2 or 4: how many pixels across a kernel has in all cells; 0 where it is none of these."""
    widest = float(steps.max())
    if interpolation is Interpolation.CUBIC:
        return 4 if widest <= AS_IT_IS else 0
    if interpolation is not Interpolation.BILINEAR or not widest <= TWICE:
        return 0
    if widest <= AS_IT_IS:
        return 2
    return 4 if float(steps.max(axis=2).min()) > AS_IT_IS else 0


@compiled
def _between(
    corners: Any, start: int, v: float, positions: Any
) -> None:  # pragma: no cover - compiled
    """Fill in one coordinate of what `_place` does, inside of one cell."""
    c0, c1, c2, c3 = corners[0], corners[1], corners[2], corners[3]
    for k in range(positions.size):
        u = (start + k + 0.5) / 16
        positions[k] = (c0 * (1 - u) + c1 * u) * (1 - v) + (c2 * (1 - u) + c3 * u) * v


@compiled
def _place(
    corner_columns: Any, corner_rows: Any, cell_y: int, v: float, left: int, columns: Any, rows: Any
) -> None:  # pragma: no cover - compiled
    """Fill in the positions of a row of pixels, as `cells.between` does."""
    width = columns.size
    first_x = left // 16
    j = 0
    while j < width:
        cell_x = (left + j) // 16 - first_x
        start = (left + j) % 16
        count = min(16 - start, width - j)
        _between(corner_columns[cell_y, cell_x], start, v, columns[j : j + count])
        _between(corner_rows[cell_y, cell_x], start, v, rows[j : j + count])
        j += count


@compiled
def two(
    source: Any,
    valid: Any,
    checked: bool,
    corner_columns: Any,
    corner_rows: Any,
    steps: Any,
    whole: bool,
    low: float,
    high: float,
    frame: Any,
    rest: Any,
    out: Any,
    out_valid: Any,
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Bilinear between two by two pixels; see `wide.completed` for what is left to `rest`.

    `checked`: may a pixel of the window be anything but entirely valid?
    """
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    lines, line = source.shape[1], source.shape[2]
    flat = source.reshape(bands, lines * line)
    next_line = np.uintp(line)
    columns, rows = np.empty(width), np.empty(width)
    us, vs, at = np.empty(width), np.empty(width), np.empty(width, np.int64)
    which, spots, first_row = rest
    others = 0
    for i in range(first_row, height):
        if others + width > which.shape[0]:
            return others, i
        y_in_lattice = frame.first_row + i
        cell_y = y_in_lattice // 16 - frame.first_cell_y
        _place(
            corner_columns, corner_rows, cell_y, (y_in_lattice % 16 + 0.5) / 16,
            frame.first_column, columns, rows,
        )  # fmt: skip
        for j in range(width):
            centre_x, centre_y = columns[j] - 0.5, rows[j] - 0.5
            x, y = int(centre_x + EDGE), int(centre_y + EDGE)
            u, v = centre_x - x, centre_y - y
            us[j] = 0.0 if abs(u) < EDGE else u
            vs[j] = 0.0 if abs(v) < EDGE else v
            inside = centre_x >= 0 and centre_y >= 0
            inside &= x + 1 < frame.width and y + 1 < frame.height
            x -= frame.left
            y -= frame.top
            if frame.around and x < 0:
                x += frame.width
            at[j] = y * line + x if inside else -1
        if checked:
            for j in range(width):
                if at[j] >= 0:
                    y, x = at[j] // line, at[j] % line
                    for m in range(masks):
                        good = valid[m, y, x] == 255 and valid[m, y, x + 1] == 255
                        good &= valid[m, y + 1, x] == 255 and valid[m, y + 1, x + 1] == 255
                        if not good:
                            at[j] = -1
                            break
        for b in range(bands):
            values, result = flat[b], out[b, i]
            for j in range(width):
                if at[j] < 0:
                    continue
                k = np.uintp(at[j])
                u, v = us[j], vs[j]
                upper = values[k] * (1 - u) + values[k + np.uintp(1)] * u
                k += next_line
                lower = values[k] * (1 - u) + values[k + np.uintp(1)] * u
                value = upper * (1 - v) + lower * v
                if whole:
                    value += 0.5 if value >= 0 else -0.5
                result[j] = value
        for m in range(masks):
            out_valid[m, i] = 255
        for j in range(width):
            if at[j] < 0:
                which[others, 0], which[others, 1] = i, j
                spots[others, 0], spots[others, 1] = rows[j], columns[j]
                others += 1
    return others, height


@compiled
def _stretch(
    steps: Any, cell_y: int, left: int, across: Any, down: Any
) -> None:  # pragma: no cover - compiled
    """Fill in by how much the kernels of a row's pixels are widened."""
    start = left % 16
    for cell_x in range(steps.shape[1]):
        step_x, step_y = steps[cell_y, cell_x, 0], steps[cell_y, cell_x, 1]
        first, last = max(16 * cell_x - start, 0), min(16 * (cell_x + 1) - start, across.size)
        across[first:last] = min(step_x, 2.0) if step_x > AS_IT_IS else 1.0
        down[first:last] = min(step_y, 2.0) if step_y > AS_IT_IS else 1.0


@compiled
def _tents(
    positions: Any, stretches: Any, weights: Any, first: Any
) -> None:  # pragma: no cover - compiled
    """Fill in the weights of four taps and their sum, as `smooth.four` gives them.

    Also the first tap. All is in one loop without branches, which the compiler makes vectors of.
    """
    for j in range(positions.size):
        centre, stretch = positions[j] - 0.5, stretches[j]
        near = np.floor(centre + 0.5)
        centre = near if stretch == 1.0 and abs(centre - near) < EDGE else centre
        start = np.floor(centre - stretch) + 1
        shrink = 1.0 / stretch
        w0 = max(1.0 - abs(start - centre) * shrink, 0.0)
        w1 = max(1.0 - abs(start + 1 - centre) * shrink, 0.0)
        w2 = max(1.0 - abs(start + 2 - centre) * shrink, 0.0)
        w3 = max(1.0 - abs(start + 3 - centre) * shrink, 0.0)
        weights[0, j], weights[1, j], weights[2, j], weights[3, j] = w0, w1, w2, w3
        weights[4, j] = w0 + w1 + w2 + w3
        first[j] = int(start)


@compiled
def _curves(positions: Any, weights: Any, first: Any) -> None:  # pragma: no cover - compiled
    """The same of the cubic kernel, which isn't widened here."""
    for j in range(positions.size):
        centre = positions[j] - 0.5
        near = np.floor(centre + 0.5)
        centre = near if abs(centre - near) < EDGE else centre
        start = np.floor(centre) - 1
        w0, w1 = keys(abs(start - centre)), keys(abs(start + 1 - centre))
        w2, w3 = keys(abs(start + 2 - centre)), keys(abs(start + 3 - centre))
        weights[0, j], weights[1, j], weights[2, j], weights[3, j] = w0, w1, w2, w3
        weights[4, j] = w0 + w1 + w2 + w3
        first[j] = int(start)


@compiled
def four_by_four(
    source: Any,
    valid: Any,
    checked: bool,
    corner_columns: Any,
    corner_rows: Any,
    steps: Any,
    cubic: bool,
    whole: bool,
    low: float,
    high: float,
    frame: Any,
    rest: Any,
    out: Any,
    out_valid: Any,
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Bilinear that is widened by two at most, or cubic, of four by four pixels; as `two`."""
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    line = source.shape[2]
    columns, rows = np.empty(width), np.empty(width)
    stretches_x, stretches_y = np.empty(width), np.empty(width)
    across, down, shares = np.empty((5, width)), np.empty((5, width)), np.empty(width)
    xs, ys = np.empty(width, np.int64), np.empty(width, np.int64)
    at, sums = np.empty(width, np.int64), np.zeros((bands, width))
    which, spots, first_row = rest
    others = 0
    for i in range(first_row, height):
        if others + width > which.shape[0]:
            return others, i
        y_in_lattice = frame.first_row + i
        cell_y = y_in_lattice // 16 - frame.first_cell_y
        _place(
            corner_columns, corner_rows, cell_y, (y_in_lattice % 16 + 0.5) / 16,
            frame.first_column, columns, rows,
        )  # fmt: skip
        if cubic:
            _curves(columns, across, xs)
            _curves(rows, down, ys)
        else:
            _stretch(steps, cell_y, frame.first_column, stretches_x, stretches_y)
            _tents(columns, stretches_x, across, xs)
            _tents(rows, stretches_y, down, ys)
        for j in range(width):
            x, y = xs[j], ys[j]
            inside = x >= 0 and y >= 0 and x + 3 < frame.width and y + 3 < frame.height
            x -= frame.left
            y -= frame.top
            if frame.around and x < 0:
                x += frame.width
            at[j] = y * line + x if inside else -1
        if checked:
            for j in range(width):
                if at[j] >= 0 and not four_by_four_valid(valid, at[j] // line, at[j] % line):
                    at[j] = -1
        for j in range(width):
            shares[j] = 1.0 / (across[4, j] * down[4, j])
        _sum_up(source, at, down, across, sums)
        for b in range(bands):
            for j in range(width):
                value = shares[j] * sums[b, j]
                if not whole:
                    out[b, i, j] = value
                elif cubic:
                    out[b, i, j] = settle(value, low, high)
                else:
                    out[b, i, j] = value + (0.5 if value >= 0 else -0.5)
        for m in range(masks):
            out_valid[m, i] = 255
        for j in range(width):
            if at[j] < 0:
                which[others, 0], which[others, 1] = i, j
                spots[others, 0], spots[others, 1] = rows[j], columns[j]
                others += 1
    return others, height


@compiled
def _sum_up(
    source: Any, at: Any, down: Any, across: Any, sums: Any
) -> None:  # pragma: no cover - compiled
    """Fill in the sums `(band, pixel)` of a row's pixels, but for those that are nowhere."""
    j = 0
    while j < at.size:
        are_all = j + EIGHT <= at.size
        for k in range(j, j + EIGHT if are_all else j):
            are_all &= at[k] >= 0
        if are_all:
            for b in range(sums.shape[0]):
                eight_sums(source, b, at, down, across, j, sums[b])
            j += EIGHT
            continue
        if at[j] >= 0:
            four_down = down[0, j], down[1, j], down[2, j], down[3, j]
            four_across = across[0, j], across[1, j], across[2, j], across[3, j]
            for b in range(sums.shape[0]):
                sums[b, j] = sixteen(source, b, 0, at[j], four_down, four_across)
        j += 1
