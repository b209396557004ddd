"""The smooth kernels, bilinear and cubic, at any positions; args are told in `kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiled import compiled
from .kernels import EDGE
from .vectors import sixteen
from .wide import AS_IT_IS, keys, settle

TWICE = 2.05
"""Up to so many a kernel is widened by two at most: where overviews halve, no more is needed."""


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
        return keys(d0), keys(d1), keys(d2), keys(d3)
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
    rest: Any,
    out: Any,
    out_valid: Any,
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Bilinear, or cubic, of at most four by four pixels that are all there and entirely valid.

    `whole`: values are integers between `low` and `high`. All other pixels are put in `rest`; see
    `wide.completed`.
    """
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    masked = valid.size > 0
    which, spots, first_row = rest
    others = 0
    top, left, level_height, level_width = frame.top, frame.left, frame.height, frame.width
    around, first_column, first_cell_x = frame.around, frame.first_column, frame.first_cell_x
    for i in range(first_row, height):
        if others + width > which.shape[0]:
            return others, i
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
            which[others, 0], which[others, 1] = i, j
            spots[others, 0], spots[others, 1] = rows[i, j], columns[i, j]
            others += 1
    return others, height
