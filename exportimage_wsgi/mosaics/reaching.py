"""Reach: the part of a picture that an item may have pixels in, told by its footprint."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geo.crs import CRS, project
from ..geo.grid import Grid, Window
from .footprints import are_torn_apart, projected_outlines
from .table import ItemTable, Positions

_BATCH = 512
_MARGIN = 2.0
_SLACK = 0.005
"""Of an item's own size: footprints are drawn roughly."""
_ALL_AROUND = 0.999
"""Of a turn around the world."""
_FINEST = 1e-3
"""Pixels between edges that are one."""
_HALF_A_WORLD = 2e7
"""Metres."""
_INSIDE = np.mgrid[0.25:1:0.25, 0.25:1:0.25].reshape(2, -1)
"""Places in the box of a footprint, in shares of its sides."""
_PIECES = 64
"""Of a footprint's outline, where it must be bent into another reference."""


def placed(
    table: ItemTable, ranked: Positions, grid: Grid, outlined: bool, seamed: bool
) -> Iterator[tuple[int, Window, bytes | None]]:
    """Of those rows that reach the grid: the row, its part of the grid and its outline there."""
    rest = iter(ranked.tolist())
    while batch := list(islice(rest, _BATCH)):
        positions = np.array(batch, np.int64)
        footprints = table.footprints(positions)
        moved = _on_the_grid(footprints, table.crs, grid)
        bounds, lost = shapely.bounds(moved), np.zeros(len(batch), np.bool_)
        if table.crs != grid.crs:
            boundless, lost = _doubtful(moved, bounds, table, positions, grid)
            bounds[boundless] = np.nan
        if seamed:
            footprints = _seamlines(table, positions, footprints)
        if outlined:
            moved = _in_one_piece(footprints, table.crs, grid)
        for position, shape, box, is_lost in zip(batch, moved, bounds, lost, strict=True):
            reach = _reach(box, grid)
            if reach is not None:
                yield position, reach, _outline(shape, grid) if outlined and not is_lost else None


def _seamlines(table: ItemTable, positions: Positions, footprints: NDArray[Any]) -> NDArray[Any]:
    """An item without a seamline ends at its footprint."""
    seamlines = table.seamlines(positions)
    return np.where(shapely.is_missing(seamlines), footprints, seamlines)


def _on_the_grid(shapes: NDArray[Any], crs: CRS, grid: Grid) -> NDArray[Any]:
    """The shapes in pixels of the grid: column and row."""
    back = ~grid.affine
    if crs != grid.crs:
        lengths = shapely.length(shapes) / _PIECES
        shapes = shapely.segmentize(shapes, np.where(lengths > 0, lengths, 1.0))

    def moved(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        xs, ys = project(xy[:, 0], xy[:, 1], crs, grid.crs)
        return np.column_stack([back.a * xs + back.c, back.e * ys + back.f])

    return np.asarray(shapely.transform(shapes, moved))


def _doubtful(
    moved: NDArray[Any],
    bounds: NDArray[np.float64],
    table: ItemTable,
    positions: Positions,
    grid: Grid,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of which items the outlines, projected edge by edge, don't tell what they may reach, and of
    which they cannot be mended, as those can that run around the world."""
    large = _are_large(table, positions)
    boundless = large | ~_hold_what_is_inside(bounds, table, positions, grid)
    if grid.crs.period is None:
        boundless |= are_torn_apart(moved)
        return boundless, boundless
    return boundless, large if table.crs.period is None else np.zeros_like(large)


def _hold_what_is_inside(
    bounds: NDArray[np.float64], table: ItemTable, positions: Positions, grid: Grid
) -> NDArray[np.bool_]:
    """Do the boxes of outlines, in pixels, hold what lies within them on the ground? Not if that is
    a pole, or as much of the world that its outline is drawn on the other side of it."""
    west, south, east, north = table.bounds[positions].T[:, :, None]
    across, up = west + _INSIDE[0] * (east - west), south + _INSIDE[1] * (north - south)
    xs, ys = project(across.ravel(), up.ravel(), table.crs, grid.crs)
    back = ~grid.affine
    columns = (back.a * xs + back.c).reshape(across.shape)
    rows = (back.e * ys + back.f).reshape(up.shape)
    left, top, right, bottom = bounds.T[:, :, None]
    margin_x, margin_y = _MARGIN + _SLACK * (right - left), _MARGIN + _SLACK * (bottom - top)
    with np.errstate(invalid="ignore"):  # What has no place is held by nothing.
        aside = columns - (left - margin_x)
        if grid.crs.period is not None:
            aside %= grid.crs.period / grid.affine.a
    beside = (aside >= 0) & (aside <= right - left + 2 * margin_x)
    held = beside & (rows >= top - margin_y) & (rows <= bottom + margin_y)
    return np.asarray(held.all(axis=1))


def _are_large(table: ItemTable, positions: Positions) -> NDArray[np.bool_]:
    """Which are so large that their outlines may lie anywhere in another reference?"""
    west, south, east, north = table.bounds[positions].T
    sizes = np.maximum(east - west, north - south)
    return np.asarray(sizes >= _HALF_A_WORLD * table.crs.units_per_metre)


def _reach(box: NDArray[np.float64], grid: Grid) -> Window | None:
    """The part of the grid that something with this box in pixels reaches."""
    rows, columns = grid.shape_yx
    if not np.isfinite(box).all():  # It has no place there, or may be anywhere.
        return grid.whole
    left, top, right, bottom = box
    margin_x = _MARGIN + _SLACK * (right - left)
    margin_y = _MARGIN + _SLACK * (bottom - top)
    down = _clipped(top - margin_y, bottom + margin_y, rows)
    period = grid.crs.period
    if period is None:
        across = _clipped(left - margin_x, right + margin_x, columns)
    else:
        turn = period / grid.affine.a
        across = _around(left - margin_x, right + margin_x, columns, turn)
    if down is None or across is None:
        return None
    return Window(rows=down, columns=across)


def _clipped(low: float, high: float, size: int) -> tuple[int, int] | None:
    first = max(0, int(np.floor(max(low, -1.0))))
    last = min(size, int(np.ceil(min(high, size + 1.0))))
    return (first, last) if first < last else None


def _around(low: float, high: float, size: int, turn: float) -> tuple[int, int] | None:
    """As `_clipped`, where the same thing comes again after a turn around the world."""
    if high - low > turn / 2:  # It may be torn apart at the seam of the world.
        return 0, size
    first = -int(np.floor(high / turn))
    parts = []
    for turns in range(first, first + int(np.ceil(size / turn)) + 2):
        part = _clipped(low + turns * turn, high + turns * turn, size)
        if part is not None:
            parts.append(part)
    return (min(p[0] for p in parts), max(p[1] for p in parts)) if parts else None


def _in_one_piece(shapes: NDArray[Any], crs: CRS, grid: Grid) -> NDArray[Any]:
    """As `_on_the_grid`, on one of their turns around the world, not torn apart at its seam."""
    if grid.crs.period is not None and crs != grid.crs:
        shapes, crs = projected_outlines(shapes, crs, grid.crs), grid.crs
    return _on_the_grid(shapes, crs, grid)


def _without_seam(shape: Any, turn: float) -> Any:
    """On three turns if the shape goes all around: where it ends it begins again."""
    left, _, right, _ = shapely.bounds(shape)
    if not right - left >= turn * _ALL_AROUND:
        return shape
    turns = [
        shapely.transform(shape, lambda xy, by=by: xy + np.array((by, 0.0)))
        for by in (-turn, 0.0, turn)
    ]
    return shapely.union_all(turns, grid_size=_FINEST)


def _outline(shape: Any, grid: Grid) -> bytes:
    period = grid.crs.period
    if period is not None:
        shape = _without_seam(shape, period / grid.affine.a)
    return bytes(shapely.to_wkb(shapely.simplify(shape, 0.25, preserve_topology=False)))
