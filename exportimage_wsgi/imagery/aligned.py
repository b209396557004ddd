"""Grids whose pixels are those of the raster: their pixels are read, and not resampled.

Then every kernel gives what stands in the raster: a position in the centre of a pixel, and an
output pixel as large as it, leave neighbours no weight.
"""

from __future__ import annotations

import numpy as np

from ..geo.grid import Grid, Window
from ..geo.placement import Placement
from ..pixels import Pixels
from .kernels import EDGE
from .sources.source import Level

Offset = tuple[int, int]
"""Row and column of a level under the first pixel of a grid."""


def offset_yx(grid: Grid, placement: Placement, level: Level) -> Offset | None:
    """Where the grid lies on the pixels of a level, or `None` if it doesn't."""
    one, two = grid.affine, placement.affine
    if level.step > 1 or placement.ground_points or grid.crs != placement.crs:
        return None
    if one.b or one.d or two.b or two.d:
        return None
    rows, columns = grid.shape_yx
    y = _offset(one.e, one.f, two.e * level.scale_yx[0], two.f, rows)
    x = _offset(one.a, one.c, two.a * level.scale_yx[1], two.c, columns)
    return None if x is None or y is None else (y, x)


def _offset(step: float, start: float, own_step: float, own_start: float, count: int) -> int | None:
    """Of an axis; where both its ends lie on edges of pixels, all between them do."""
    first = (start - own_start) / own_step
    last = (start + step * count - own_start) / own_step
    whole = round(first)
    is_aligned = abs(first - whole) < EDGE / 2 and abs(last - whole - count) < EDGE / 2
    return whole if is_aligned else None


def under(window: Window, offset: Offset) -> Window:
    """The window in pixels of the level; it may reach outside."""
    (top, bottom), (left, right) = window.rows, window.columns
    y, x = offset
    return Window(rows=(top + y, bottom + y), columns=(left + x, right + x))


def without_values(pixels: Pixels) -> Pixels:
    """The same, zero where a pixel is no data, as the kernels give it."""
    if pixels.is_certain or pixels.valid.all():
        return pixels
    values = np.where(pixels.valid > 0, pixels.values, pixels.values.dtype.type(0))
    return Pixels(values, pixels.valid)


def placed(pixels: Pixels, part: Window, whole: Window) -> Pixels:
    """A part of a window as all of it; what it hasn't is no data."""
    if part == whole:
        return pixels
    shape_yx = whole.shape_yx
    values = np.zeros((len(pixels.values), *shape_yx), pixels.values.dtype)
    valid = np.zeros((len(pixels.valid), *shape_yx), np.uint8)
    top, left = part.rows[0] - whole.rows[0], part.columns[0] - whole.columns[0]
    height, width = part.shape_yx
    there = np.s_[:, top : top + height, left : left + width]
    values[there] = pixels.values
    valid[there] = pixels.valid
    return Pixels(values, valid)
