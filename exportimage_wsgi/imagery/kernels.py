"""The gather: the value under each output pixel, for the four interpolations.

Every kernel takes

    source (band, y, x)     values of a window of one level
    valid (1 or band, y, x) their validity; an array without pixels: all are valid
    columns, rows (y, x)    position of each output pixel in pixels of that level
    steps (cell, cell, 2)   columns and rows of the level that an output pixel passes, by cell
    frame                   where the window lies, see `Frame`
    out, out_valid          what is filled in

A position belongs to the pixel it falls into, and is valid if that pixel is; neighbours that are
no data or outside take no part in a value. Where an output pixel passes more than one source
pixel the bilinear and the cubic kernel are widened by as much, so that nothing aliases.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..compiled import compiled

EDGE = 1e-6
"""Positions this close to the edge of a pixel belong to the next one: rounding must not decide."""

WIDEST = 32.0
"""Most source pixels that a kernel is widened by."""


class Frame(NamedTuple):
    """Where a window lies in its level; a tuple, since that is what compiled code takes."""

    top: int
    left: int
    height: int
    """Rows of the level."""
    width: int
    """Columns of the level."""
    around: bool
    """Is the last column of the level beside its first?"""
    first_row: int
    """Row of the whole output that `out[:, 0]` is."""
    first_column: int
    first_cell_y: int
    first_cell_x: int


@compiled
def locate(column: float, row: float, frame: Any) -> Any:  # pragma: no cover - compiled
    """Row and column in the window of the pixel at a position; (-1, -1) outside the level."""
    if not (column > -EDGE and row > -EDGE):
        return -1, -1
    x, y = int(column + EDGE), int(row + EDGE)
    if x >= frame.width or y >= frame.height:
        return -1, -1
    x -= frame.left
    if frame.around and x < 0:
        x += frame.width
    return y - frame.top, x


@compiled
def nearest(
    source: Any, valid: Any, columns: Any, rows: Any, frame: Any, out: Any, out_valid: Any
) -> None:  # pragma: no cover - compiled
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    for i in range(height):
        for j in range(width):
            y, x = locate(columns[i, j], rows[i, j], frame)
            if y < 0:
                for b in range(bands):
                    out[b, i, j] = 0
                for m in range(masks):
                    out_valid[m, i, j] = 0
                continue
            for b in range(bands):
                out[b, i, j] = source[b, y, x]
            for m in range(masks):
                out_valid[m, i, j] = valid[m, y, x] if valid.size else 255


@compiled
def majority(
    source: Any,
    valid: Any,
    columns: Any,
    rows: Any,
    steps: Any,
    frame: Any,
    out: Any,
    out_valid: Any,
) -> None:  # pragma: no cover - compiled
    """The commonest valid value under the output pixel.

    Of equally common ones that at the pixel's centre, else the least.
    """
    bands, height, width = out.shape
    masks = out_valid.shape[0]
    for i in range(height):
        cell_y = (frame.first_row + i) // 16 - frame.first_cell_y
        for j in range(width):
            y, x = locate(columns[i, j], rows[i, j], frame)
            if y < 0:
                for b in range(bands):
                    out[b, i, j] = 0
                for m in range(masks):
                    out_valid[m, i, j] = 0
                continue
            step = steps[cell_y, (frame.first_column + j) // 16 - frame.first_cell_x]
            half_x = min(step[0], WIDEST) / 2
            half_y = min(step[1], WIDEST) / 2
            # Pixels whose centres lie under the output pixel, and the one at the position.
            at_x, at_y = int(np.floor(columns[i, j] + EDGE)), y + frame.top
            x0 = min(int(np.ceil(columns[i, j] - half_x - 0.5 + EDGE)), at_x)
            x1 = max(int(np.ceil(columns[i, j] + half_x - 0.5 + EDGE)), at_x + 1)
            y0 = max(min(int(np.ceil(rows[i, j] - half_y - 0.5 + EDGE)), at_y), 0) - frame.top
            y1 = min(max(int(np.ceil(rows[i, j] + half_y - 0.5 + EDGE)), at_y + 1), frame.height)
            y1 -= frame.top
            for b in range(bands):
                m = b if masks > 1 else 0
                here = valid[m, y, x] if valid.size else 255
                out_valid[m, i, j] = here
                if here == 0:
                    out[b, i, j] = 0
                    continue
                found = np.empty((y1 - y0) * (x1 - x0), source.dtype)
                count = 0
                for k in range(y0, y1):
                    for n in range(x0, x1):
                        if frame.around:
                            at = (n - frame.left) % frame.width
                        elif n < 0 or n >= frame.width:
                            continue
                        else:
                            at = n - frame.left
                        if valid.size and valid[m, k, at] == 0:
                            continue
                        found[count] = source[b, k, at]
                        count += 1
                ordered = np.sort(found[:count])
                centre = source[b, y, x]
                best = centre
                most = 0
                run = 0
                for k in range(count):
                    run = run + 1 if k and ordered[k] == ordered[k - 1] else 1
                    if run > most or (run == most and ordered[k] == centre):
                        most = run
                        best = ordered[k]
                out[b, i, j] = best


@compiled
def bounds(columns: Any, rows: Any, height: int, width: int) -> Any:  # pragma: no cover - compiled
    """Smallest and largest row and column of positions on the level, and the same columns with
    the level's left half moved behind its right one. (6 numbers; the first two of an empty
    result are upside down.)"""
    found = np.array([np.inf, -np.inf, np.inf, -np.inf, np.inf, -np.inf])
    for i in range(columns.shape[0]):
        for j in range(columns.shape[1]):
            x, y = columns[i, j], rows[i, j]
            if not (x > -EDGE and y > -EDGE and x < width and y < height):
                continue
            found[0] = min(found[0], y)
            found[1] = max(found[1], y)
            found[2] = min(found[2], x)
            found[3] = max(found[3], x)
            moved = x + width if x < width / 2 else x
            found[4] = min(found[4], moved)
            found[5] = max(found[5], moved)
    return found
