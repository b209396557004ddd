"""Warping: the pixels of a window of the output, gathered from one raster.

`warp` does the reading. It is a function of values alone, so it may run in any thread or process,
and what it gives for a pixel doesn't depend on the window that the pixel is asked in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..geo.cells import Cells
from ..geo.grid import Grid, Window
from ..geo.mesh import Mesh, cells, is_on_this_side, mesh_of
from ..geo.placement import Placement
from ..pixels import Interpolation, Pixels
from . import aligned, narrow, separable
from .gathering import frame_of, gather, gather_narrowly, gather_separably
from .layer import Layer, joined, nothing, placement_of, read
from .needed import narrowly_needed, needed, within
from .sources.source import Level

_MOST_SOURCE_BYTES = 96_000_000
"""A window that needs more of its raster at once is halved."""


def warp(layer: Layer, grid: Grid, window: Window) -> Pixels:
    """Read what lies under a window of the output grid and resample it to the window.

    Args:
        layer: as it was planned for the grid.
        grid: the whole output grid.
        window: part of it.

    Returns:
        Values in the source's pixel type, `(band, y, x)`, and their validity.
    """
    info = layer.source.info
    placement = placement_of(info)
    level = info.levels[layer.level]
    if layer.offset_yx is not None:
        under = aligned.under(window, layer.offset_yx)
        if placement.period is None or within(under, level) == under:
            return _copied(layer, under)
    if _is_separable(layer, grid, placement, level):
        return _separately(layer, grid, window, placement, level)
    return _resampled(layer, grid, window, placement, level)


def _copied(layer: Layer, under: Window) -> Pixels:
    """The pixels under a window that lies on those of the level, which may reach outside of it."""
    inside = within(under, layer.source.info.levels[layer.level])
    if inside is None:
        return nothing(layer, under.shape_yx)
    pixels = read(layer, inside, around=False)
    if layer.interpolation is not Interpolation.NEAREST:
        pixels = aligned.without_values(pixels)
    return aligned.placed(pixels, inside, under)


def _is_separable(layer: Layer, grid: Grid, placement: Placement, level: Level) -> bool:
    if layer.interpolation is not Interpolation.BILINEAR or layer.nodata_rule is not None:
        return False
    return not layer.source.info.masked and separable.is_separable(grid, placement, level)


def _separately(
    layer: Layer, grid: Grid, window: Window, placement: Placement, level: Level
) -> Pixels:
    """The pixels by weights of rows and of columns."""
    down, across = separable.axes(grid, placement, level, window)
    rows, columns = down.reach, across.reach
    if rows is None or columns is None:
        return nothing(layer, window.shape_yx)
    wanted = Window(rows=rows, columns=columns)
    if _is_too_much(wanted, layer) and max(window.shape_yx) > 1:
        return _halved(layer, grid, window)
    values = read(layer, wanted, around=False).values
    return gather_separably(layer, values, wanted, down, across)


def _resampled(
    layer: Layer, grid: Grid, window: Window, placement: Placement, level: Level
) -> Pixels:
    """The pixels by what lies under them, wherever that is."""
    found = cells(grid, placement, window, layer.steps, level.scale_yx)
    around = placement.is_cylinder and (
        level.shape_yx[1] * level.scale_yx[1] == placement.shape_yx[1]
    )
    pixels = _narrowly(layer, window, placement, level, found, around)
    if pixels is not None:
        return pixels
    where = mesh_of(found, grid, placement, window, level.scale_yx)
    if level.step > 1:
        where = _before_edges(where, placement, level)
    wanted = needed(where, level, layer.interpolation, around)
    if wanted is None:
        return nothing(layer, window.shape_yx)
    if _is_too_much(wanted, layer) and max(window.shape_yx) > 1:
        return _halved(layer, grid, window)
    pixels = read(layer, wanted, around)
    frame = frame_of(level, wanted, window, where.first_cell_yx, around)
    return gather(layer, pixels, where, frame)


def _narrowly(
    layer: Layer, window: Window, placement: Placement, level: Level, found: Cells, around: bool
) -> Pixels | None:
    """The same by a narrow kernel, or `None` where there is none for it."""
    taps = narrow.taps_of(found.steps, layer.interpolation)
    if not taps or level.step > 1 or not found.straight.all():
        return None
    reach = found.reach(window, level.shape_yx)
    if not is_on_this_side(placement, reach, level.scale_yx[1]):
        return None
    wanted = narrowly_needed(reach, found.steps, level, layer.interpolation, around)
    if wanted is None:
        return nothing(layer, window.shape_yx)
    if _is_too_much(wanted, layer):
        return None
    pixels = read(layer, wanted, around)
    frame = frame_of(level, wanted, window, found.first_yx, around)
    return gather_narrowly(layer, pixels, found, taps, window.shape_yx, frame)


def _before_edges(where: Mesh, placement: Placement, level: Level) -> Mesh:
    """The mesh less what is past the raster's edges, over which a stepped level may reach."""
    (scale_y, scale_x), (height, width) = level.scale_yx, placement.shape_yx
    columns = np.where(where.columns < width / scale_x, where.columns, np.nan)
    rows = np.where(where.rows < height / scale_y, where.rows, np.nan)
    return replace(where, columns=columns, rows=rows)


def _is_too_much(wanted: Window, layer: Layer) -> bool:
    size = layer.source.info.pixel_type.dtype.itemsize * len(layer.bands)
    return wanted.pixels * size > _MOST_SOURCE_BYTES


def _halved(layer: Layer, grid: Grid, window: Window) -> Pixels:
    """The same pixels in two goes along the longer side."""
    height, width = window.shape_yx
    (top, bottom), (left, right) = window.rows, window.columns
    if height >= width:
        middle = top + height // 2
        halves = [Window(rows=r, columns=window.columns) for r in ((top, middle), (middle, bottom))]
    else:
        middle = left + width // 2
        halves = [Window(rows=window.rows, columns=c) for c in ((left, middle), (middle, right))]
    one, two = (warp(layer, grid, half) for half in halves)
    return joined(one, two, axis=1 if height >= width else 2)
