"""The smooth kernels, bilinear and cubic; what they take is told in `kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import compiled
from .kernels import EDGE, WIDEST, locate
from .vectors import sixteen

AS_IT_IS = 1.05
"""Up to so many source pixels an output pixel a kernel isn't widened; GDAL has the same bound."""

TWICE = 2.05
"""Up to so many a kernel is widened by two at most: where overviews halve, no more is needed."""


@compiled
def settle(value: float, low: float, high: float) -> float:  # pragma: no cover - compiled
    """An integer band's value: rounded half away from zero, then saturated."""
    value = np.floor(value + 0.5) if value >= 0 else np.ceil(value - 0.5)
    return min(max(value, low), high)


@compiled
def _cubic(d: float) -> float:  # pragma: no cover - compiled
    """Keys' cubic convolution with a = -0.5, by distance."""
    if d < 1:
        return (1.5 * d - 2.5) * d * d + 1
    if d < 2:
        return ((-0.5 * d + 2.5) * d - 4) * d + 2
    return 0.0


@compiled
def taps(
    position: float,
    step: float,
    cubic: bool,
    start: int,
    size: int,
    around: bool,
    indices: Any,
    weights: Any,
) -> Any:  # pragma: no cover - compiled
    """Fill in the indices in the window and the weights along one axis.

    Returns their number, and whether all that have a weight are inside of the level.
    """
    stretch = min(step, WIDEST) if step > AS_IT_IS else 1.0
    radius = 2.0 * stretch if cubic else stretch
    centre = position - 0.5
    whole = np.round(centre)
    if abs(centre - whole) < EDGE and stretch == 1.0:
        centre = whole
    first = int(np.floor(centre - radius)) + 1
    last = int(np.ceil(centre + radius)) - 1
    shrink = 1.0 / stretch
    count = 0
    inside = True
    for tap in range(first, last + 1):
        distance = abs(tap - centre) * shrink
        weight = _cubic(distance) if cubic else 1.0 - distance
        if weight == 0.0:
            continue
        index = tap - start
        if around:
            if index < 0:
                index += size
            elif index >= size:
                index -= size
        elif tap < 0 or tap >= size:
            inside = False
            continue
        indices[count] = index
        weights[count] = weight
        count += 1
    return count, inside


@compiled
def _all_valid(
    valid: Any, taps_y: Any, count_y: int, taps_x: Any, count_x: int
) -> bool:  # pragma: no cover - compiled
    for m in range(valid.shape[0]):
        for k in range(count_y):
            for n in range(count_x):
                if valid[m, taps_y[k], taps_x[n]] == 0:
                    return False
    return True


@compiled
def _masked_sums(
    source: Any,
    valid: Any,
    b: int,
    m: int,
    taps_y: Any,
    weights_y: Any,
    count_y: int,
    taps_x: Any,
    weights_x: Any,
    count_x: int,
) -> Any:  # pragma: no cover - compiled
    """Sum of values, of weights, and of validity by weight, of the taps that are valid."""
    total = 0.0
    weight = 0.0
    alpha = 0.0
    for k in range(count_y):
        y = taps_y[k]
        for n in range(count_x):
            x = taps_x[n]
            v = valid[m, y, x]
            if v == 0:
                continue
            w = weights_y[k] * weights_x[n]
            total += w * source[b, y, x]
            weight += w
            alpha += w * v
    return total, weight, alpha


@compiled
def _sum(
    source: Any,
    b: int,
    taps_y: Any,
    weights_y: Any,
    count_y: int,
    taps_x: Any,
    weights_x: Any,
    count_x: int,
) -> float:  # pragma: no cover - compiled
    """Sum of values by weight where every tap is valid."""
    total = 0.0
    for k in range(count_y):
        y = taps_y[k]
        row = 0.0
        for n in range(count_x):
            row += weights_x[n] * source[b, y, taps_x[n]]
        total += weights_y[k] * row
    return total


@compiled
def _sum_of(weights: Any, count: int) -> float:  # pragma: no cover - compiled
    total = 0.0
    for k in range(count):
        total += weights[k]
    return total


@compiled
def first_of_four(
    position: float, stretch: float, radius: float
) -> Any:  # pragma: no cover - compiled
    """The centre among pixel centres, and the first tap of a kernel of at most four."""
    centre = position - 0.5
    if stretch == 1.0:
        whole = np.round(centre)
        if abs(centre - whole) < EDGE:
            centre = whole
    return centre, int(np.floor(centre - radius)) + 1


@compiled
def four(
    centre: float, first: int, stretch: float, cubic: bool
) -> Any:  # pragma: no cover - compiled
    """Weights of four taps; of those beyond the kernel 0."""
    shrink = 1.0 / stretch
    d0, d1 = abs(first - centre) * shrink, abs(first + 1 - centre) * shrink
    d2, d3 = abs(first + 2 - centre) * shrink, abs(first + 3 - centre) * shrink
    if cubic:
        return _cubic(d0), _cubic(d1), _cubic(d2), _cubic(d3)
    return max(1.0 - d0, 0.0), max(1.0 - d1, 0.0), max(1.0 - d2, 0.0), max(1.0 - d3, 0.0)


@compiled
def four_by_four_valid(valid: Any, y: int, x: int) -> bool:  # pragma: no cover - compiled
    """Are sixteen pixels of all masks entirely valid?"""
    for m in range(valid.shape[0]):
        for k in range(y, y + 4):
            for n in range(x, x + 4):
                if valid[m, k, n] != 255:
                    return False
    return True


@compiled
def gathered(
    source: Any,
    valid: Any,
    column: float,
    row: float,
    step_x: float,
    step_y: float,
    cubic: bool,
    whole: bool,
    low: float,
    high: float,
    frame: Any,
    i: int,
    j: int,
    room: Any,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    """One pixel, wherever it lies and however wide its kernel is: row `i`, column `j` of `out`.

    `room`: made by `new_room`.
    """
    bands = out.shape[0]
    masks = out_valid.shape[0]
    masked = valid.size > 0
    taps_y, taps_x, weights_y, weights_x = room
    y, x = locate(column, row, frame)
    if y < 0:
        for b in range(bands):
            out[b, i, j] = 0
        for m in range(masks):
            out_valid[m, i, j] = 0
        return
    count_y, inside_y = taps(row, step_y, cubic, frame.top, frame.height, False, taps_y, weights_y)
    count_x, inside_x = taps(
        column,
        step_x,
        cubic,
        frame.left,
        frame.width,
        frame.around,
        taps_x,
        weights_x,
    )
    complete = not masked or _all_valid(valid, taps_y, count_y, taps_x, count_x)
    if cubic and not (complete and inside_y and inside_x):
        count_y, _ = taps(row, step_y, False, frame.top, frame.height, False, taps_y, weights_y)
        count_x, _ = taps(
            column,
            step_x,
            False,
            frame.left,
            frame.width,
            frame.around,
            taps_x,
            weights_x,
        )
    if not masked:
        weight = _sum_of(weights_y, count_y) * _sum_of(weights_x, count_x)
        for b in range(bands):
            value = _sum(source, b, taps_y, weights_y, count_y, taps_x, weights_x, count_x) / weight
            out[b, i, j] = settle(value, low, high) if whole else value
        out_valid[0, i, j] = 255
        return
    for b in range(bands):
        m = b if masks > 1 else 0
        if valid[m, y, x] == 0:
            out[b, i, j] = 0
            out_valid[m, i, j] = 0
            continue
        total, weight, alpha = _masked_sums(
            source, valid, b, m, taps_y, weights_y, count_y, taps_x, weights_x, count_x
        )
        value = total / weight
        out[b, i, j] = settle(value, low, high) if whole else value
        if b == 0 or masks > 1:
            shade = min(max(alpha / weight, 1.0), 255.0)
            out_valid[m, i, j] = int(shade + 0.5)


@compiled
def new_room() -> Any:  # pragma: no cover - compiled
    """Room for the taps and the weights of the widest kernel, down and across."""
    most = int(4 * WIDEST) + 4
    return (
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most),
        np.empty(most),
    )


@compiled
def weighted(
    source: Any,
    valid: Any,
    columns: Any,
    rows: Any,
    steps: Any,
    cubic: bool,
    whole: bool,
    low: float,
    high: float,
    frame: Any,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    """Bilinear, or cubic; cubic is bilinear where a neighbour is no data or outside.

    `whole`: values are integers between `low` and `high`.
    """
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    masked = valid.size > 0
    room = new_room()
    top, left, level_height, level_width = frame.top, frame.left, frame.height, frame.width
    around, first_column, first_cell_x = frame.around, frame.first_column, frame.first_cell_x
    for i in range(height):
        cell_y = (frame.first_row + i) // 16 - frame.first_cell_y
        for j in range(width):
            cell_x = (first_column + j) // 16 - first_cell_x
            step_x, step_y = steps[cell_y, cell_x, 0], steps[cell_y, cell_x, 1]
            if not cubic and step_x <= AS_IT_IS and step_y <= AS_IT_IS:
                # Most pixels: four neighbours, all there, beside each other and entirely valid.
                centre_x, centre_y = columns[i, j] - 0.5, rows[i, j] - 0.5
                if centre_x >= 0 and centre_y >= 0:
                    x, y = int(centre_x + EDGE), int(centre_y + EDGE)
                    u, v = centre_x - x, centre_y - y
                    u = 0.0 if abs(u) < EDGE else u
                    v = 0.0 if abs(v) < EDGE else v
                    simple = x + 1 < level_width and y + 1 < level_height
                    x -= left
                    y -= top
                    if around and x < 0:
                        x += level_width
                    if simple and masked:
                        for m in range(masks):
                            simple &= valid[m, y, x] == 255 and valid[m, y, x + 1] == 255
                            simple &= valid[m, y + 1, x] == 255 and valid[m, y + 1, x + 1] == 255
                    if simple:
                        # Indices without a sign cannot count from the end: no check is compiled.
                        west, east = np.uintp(x), np.uintp(x + 1)
                        north, south = np.uintp(y), np.uintp(y + 1)
                        for b in range(bands):
                            above, below = source[b, north], source[b, south]
                            upper = above[west] * (1 - u) + above[east] * u
                            lower = below[west] * (1 - u) + below[east] * u
                            value = upper * (1 - v) + lower * v
                            if whole:
                                value += 0.5 if value >= 0 else -0.5
                            out[b, i, j] = value
                        for m in range(masks):
                            out_valid[m, i, j] = 255
                        continue
            widest = AS_IT_IS if cubic else TWICE
            if step_x <= widest and step_y <= widest:
                # A kernel of at most four by four pixels, all there and entirely valid. Whether it
                # is depends on the level alone, never on the window.
                stretch_x = min(step_x, 2.0) if step_x > AS_IT_IS else 1.0
                stretch_y = min(step_y, 2.0) if step_y > AS_IT_IS else 1.0
                reach = 2.0 if cubic else 1.0
                centre_x, x = first_of_four(columns[i, j], stretch_x, reach * stretch_x)
                centre_y, y = first_of_four(rows[i, j], stretch_y, reach * stretch_y)
                if x >= 0 and y >= 0 and x + 3 < level_width and y + 3 < level_height:
                    x0, x1, x2, x3 = four(centre_x, x, stretch_x, cubic)
                    y0, y1, y2, y3 = four(centre_y, y, stretch_y, cubic)
                    x -= left
                    y -= top
                    if around and x < 0:
                        x += level_width
                    if not masked or four_by_four_valid(valid, y, x):
                        weight = 1.0 / ((x0 + x1 + x2 + x3) * (y0 + y1 + y2 + y3))
                        for b in range(bands):
                            value = weight * sixteen(
                                source, b, y, x, (y0, y1, y2, y3), (x0, x1, x2, x3)
                            )
                            if not whole:
                                out[b, i, j] = value
                            elif cubic:
                                out[b, i, j] = settle(value, low, high)
                            else:
                                out[b, i, j] = value + (0.5 if value >= 0 else -0.5)
                        for m in range(masks):
                            out_valid[m, i, j] = 255
                        continue
            gathered(
                source, valid, columns[i, j], rows[i, j], step_x, step_y, cubic, whole, low, high,
                frame, i, j, room, out, out_valid,
            )  # fmt: skip
