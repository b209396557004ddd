"""The mesh: which source pixel lies under each pixel of a grid.

Exact positions are found for the nodes of a lattice, 16 output pixels apart and anchored to the
whole output grid, so that a block of the output sees the same mesh however the output is cut.
Between the nodes positions are interpolated; cells in which that would be off by more than
0.01 pixel, or that a projection tears apart, get exact positions for each of their pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from .cells import CELL, Cells, Reach, between, corners, passed
from .crs import Coordinates
from .grid import Grid, Window
from .placement import Placement, positions

TOLERANCE = 0.01
"""Largest error of an interpolated position, in pixels of the level that is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Source positions of the pixels of one window, in pixels of the level that is read."""

    columns: Coordinates
    """`(y, x)`: fractional source columns of pixel centres; NaN where there is no place."""

    rows: Coordinates
    """`(y, x)`: fractional source rows."""

    steps: NDArray[np.float64]
    """`(cell y, cell x, 2)`: source columns and rows passed in one output pixel."""

    first_cell_yx: tuple[int, int]
    """Cell of the lattice that `steps[0, 0]` speaks of."""


def cells(
    grid: Grid,
    placement: Placement,
    window: Window,
    steps: tuple[float, float],
    scale_yx: tuple[float, float] = (1.0, 1.0),
) -> Cells:
    """The cells of the mesh that a window of the output grid touches.

    Args:
        grid: the whole output grid; the lattice is anchored to its corner.
        placement: of the raster.
        window: part of the output grid.
        steps: columns and rows of the full resolution that an output pixel passes, for cells that
            tell nothing.
        scale_yx: rows and columns of the full resolution in a pixel of the level that is read, in
            whose pixels all is told.
    """
    (top, bottom), (left, right) = window.rows, window.columns
    first = top // CELL, left // CELL
    last = -(-bottom // CELL), -(-right // CELL)
    columns, rows = _nodes(grid, placement, first, last)
    if scale_yx != (1.0, 1.0):
        columns, rows = columns / scale_yx[1], rows / scale_yx[0]
    period = (placement.period or 0.0) / scale_yx[1]
    columns, rows, straight = corners(columns, rows, period, TOLERANCE)
    own_steps = steps[0] / scale_yx[1], steps[1] / scale_yx[0]
    if CELL * own_steps[0] > period / 4 > 0:
        # The nodes are too far apart to tell which way around the world the next one lies.
        straight[:] = False
    return Cells(columns, rows, straight, passed(columns, rows, straight, own_steps), first)


def mesh_of(
    found: Cells,
    grid: Grid,
    placement: Placement,
    window: Window,
    scale_yx: tuple[float, float] = (1.0, 1.0),
) -> Mesh:
    """The positions that follow from cells, and exact ones where none do."""
    where = np.empty((2, *window.shape_yx))
    top, left = window.rows[0], window.columns[0]
    between(found.columns, found.rows, found.straight, top, left, where[0], where[1])
    if not found.straight.all():
        _exactly(grid, placement, window, found, scale_yx, where)
    if placement.period:
        _wrap(where[0], placement.period / scale_yx[1], placement.first_column / scale_yx[1])
    return Mesh(where[0], where[1], found.steps, found.first_yx)


def is_on_this_side(placement: Placement, reach: Reach, scale_x: float) -> bool:
    """Do the columns under a window, as its cells tell them, lie on one turn around the world?"""
    if not placement.period:
        return True
    first = placement.first_column / scale_x
    return reach.least_x >= first and reach.most_x < first + placement.period / scale_x


def _nodes(
    grid: Grid, placement: Placement, first: tuple[int, int], last: tuple[int, int]
) -> tuple[Coordinates, Coordinates]:
    """Exact positions of the nodes around the cells, and of one more ring of nodes."""
    rows = np.arange(first[0] - 1, last[0] + 2, dtype=np.float64) * CELL
    columns = np.arange(first[1] - 1, last[1] + 2, dtype=np.float64) * CELL
    shape = len(rows), len(columns)
    across, down = np.broadcast_to(columns, shape), np.broadcast_to(rows[:, None], shape)
    found = positions(grid, placement, across.ravel(), down.ravel())
    return found[0].reshape(shape), found[1].reshape(shape)


def _exactly(
    grid: Grid,
    placement: Placement,
    window: Window,
    found: Cells,
    scale_yx: tuple[float, float],
    where: NDArray[np.float64],
) -> None:
    """Fill in the pixels of the cells that are not straight."""
    rows, columns = np.arange(*window.rows), np.arange(*window.columns)
    y, x = found.first_yx
    bent = ~found.straight[np.ix_(rows // CELL - y, columns // CELL - x)]
    where_y, where_x = np.nonzero(bent)
    xs, ys = columns[where_x].astype(np.float64), rows[where_y].astype(np.float64)
    exact = positions(grid, placement, xs + 0.5, ys + 0.5)
    where[0][bent], where[1][bent] = exact[0] / scale_yx[1], exact[1] / scale_yx[0]


@compiled
def _wrap(columns: Any, period: float, first: float) -> None:  # pragma: no cover - compiled
    flat = columns.ravel()
    for i in range(flat.size):
        flat[i] -= period * np.floor((flat[i] - first) / period)
