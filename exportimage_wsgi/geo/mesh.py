"""The mesh: which source pixel lies under each pixel of a grid.

Exact positions are found for the nodes of a lattice, 16 output pixels apart and anchored to the
whole output grid, so that a block of the output sees the same mesh however the output is cut.
Between the nodes positions are interpolated; cells in which that would be off by more than
0.01 pixel, or that a projection tears apart, get exact positions for each of their pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..compiled import compiled
from .cells import CELL, Cells, Reach, between, corners, passed
from .crs import CRS, Coordinates, project
from .grid import Grid, Window

TOLERANCE = 0.01
"""Largest error of an interpolated position, in pixels of the level that is read."""

_FARTHEST = 1e12
"""Pixels from a raster's corner; compiled code takes positions for integers of 64 bits."""

# In shares of a grid: places that are asked for its steps, each to the left, to the right, above
# and below; and a lattice that reaches from edge to edge.
_CENTRES_YX = np.tile(np.mgrid[0.1:1:0.2, 0.1:1:0.2].reshape(2, -1), 4)
_ASIDE_YX = np.repeat([[0.0, 0.0, -1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]], 25, axis=1)
_LATTICE = 11
_LATTICE_YX = np.mgrid[0 : 1 : _LATTICE * 1j, 0 : 1 : _LATTICE * 1j].reshape(2, -1)

GroundPoints = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the pixels of a raster lie: by an affine, or by ground control points."""

    crs: CRS
    """Reference of the affine, or of the points."""

    affine: Affine
    """Pixel corner (column, row) → CRS units; without meaning where there are points."""

    shape_yx: tuple[int, int]
    """Rows, columns."""

    ground_points: GroundPoints = ()
    """Column, row, x, y of each."""

    @property
    def period(self) -> float | None:
        """Columns after which the world begins again, where the raster lies that way."""
        across = self.crs.period
        if across is None or self.ground_points or self.affine.b or self.affine.d:
            return None
        return abs(across / self.affine.a)

    @property
    def is_cylinder(self) -> bool:
        """Does the raster go around the world, its last column beside its first?"""
        return self.period is not None and abs(self.period - self.shape_yx[1]) < 0.05

    def pixels(self, xs: Coordinates, ys: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Columns and rows (of pixel corners, fractional) of points in the raster's CRS."""
        if self.ground_points:
            return _points_to_pixels(self.ground_points, xs, ys)
        back = ~self.affine
        columns = back.a * xs + back.b * ys + back.c if back.b else back.a * xs + back.c
        rows = back.d * xs + back.e * ys + back.f if back.d else back.e * ys + back.f
        return columns, rows


def _points_to_pixels(
    points: GroundPoints, xs: Coordinates, ys: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """By GDAL's polynomial through the points, as gdalwarp places such a raster."""
    finite = np.isfinite(xs) & np.isfinite(ys)
    columns, rows = np.full(xs.shape, np.nan), np.full(xs.shape, np.nan)
    if finite.any():
        with _gcp_transformer(points) as transformer:
            found = transformer.rowcol(xs[finite], ys[finite], op=_as_it_is)
        rows[finite], columns[finite] = np.asarray(found[0]), np.asarray(found[1])
    return columns, rows


def pixels_to_points(
    points: GroundPoints, columns: Coordinates, rows: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """The places of pixel corners by GDAL's polynomial through the points."""
    with _gcp_transformer(points) as transformer:
        xs, ys = transformer.xy(rows, columns, offset="ul")
    return np.asarray(xs, np.float64), np.asarray(ys, np.float64)


def _gcp_transformer(points: GroundPoints) -> Any:
    from rasterio.control import GroundControlPoint
    from rasterio.transform import GCPTransformer

    gcps = [GroundControlPoint(col=c, row=r, x=x, y=y, z=0.0) for c, r, x, y in points]
    return GCPTransformer(gcps)


def _as_it_is(value: Any) -> Any:
    return value


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


def positions(
    grid: Grid, placement: Placement, columns: Coordinates, rows: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """Exact source columns and rows of places given in pixels of the output grid.

    Places that have no position, or one beyond all reason, come back as NaN.
    """
    a = grid.affine
    xs = a.a * columns + a.c if a.b == 0 else a.a * columns + a.b * rows + a.c
    ys = a.e * rows + a.f if a.d == 0 else a.d * columns + a.e * rows + a.f
    xs, ys = project(xs, ys, grid.crs, placement.crs)
    found = placement.pixels(xs, ys)
    with np.errstate(invalid="ignore"):
        bad = ~((np.abs(found[0]) < _FARTHEST) & (np.abs(found[1]) < _FARTHEST))
    if bad.any():
        found[0][bad] = found[1][bad] = np.nan
    return found


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


def mesh(
    grid: Grid,
    placement: Placement,
    window: Window,
    steps: tuple[float, float],
    scale_yx: tuple[float, float] = (1.0, 1.0),
) -> Mesh:
    """Source positions of the pixels of a window of the output grid; see `cells`."""
    found = cells(grid, placement, window, steps, scale_yx)
    return mesh_of(found, grid, placement, window, scale_yx)


def mesh_of(
    found: Cells,
    grid: Grid,
    placement: Placement,
    window: Window,
    scale_yx: tuple[float, float],
) -> Mesh:
    """The positions that follow from cells, and exact ones where none do."""
    where = np.empty((2, *window.shape_yx))
    top, left = window.rows[0], window.columns[0]
    between(found.columns, found.rows, found.straight, top, left, where[0], where[1])
    if not found.straight.all():
        _exactly(grid, placement, window, found, scale_yx, where)
    if placement.period:
        _wrap(where[0], placement.period / scale_yx[1], _first_column(placement) / scale_yx[1])
    return Mesh(where[0], where[1], found.steps, found.first_yx)


def is_on_this_side(placement: Placement, reach: Reach, scale_x: float) -> bool:
    """Do the columns under a window, as its cells tell them, lie on one turn around the world?"""
    if not placement.period:
        return True
    first = _first_column(placement) / scale_x
    return reach.least_x >= first and reach.most_x < first + placement.period / scale_x


def _first_column(placement: Placement) -> float:
    """Where the columns are cut open: at the raster's edge, else opposite its middle."""
    width = placement.shape_yx[1]
    return 0.0 if placement.is_cylinder else width / 2 - (placement.period or 0.0) / 2


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


@lru_cache(maxsize=4096)
def typical_steps(grid: Grid, placement: Placement) -> tuple[float, float] | None:
    """Source columns and rows that an output pixel passes, the median over the raster.

    `None` where no pixel of the grid lies on the raster.
    """
    height, width = grid.shape_yx
    side_x, side_y = width / 2e3, height / 2e3
    columns, rows = positions(
        grid,
        placement,
        _CENTRES_YX[1] * width + _ASIDE_YX[1] * side_x,
        _CENTRES_YX[0] * height + _ASIDE_YX[0] * side_y,
    )
    c, r = columns.reshape(4, -1), rows.reshape(4, -1)
    period = placement.period
    across, down = c[1] - c[0], c[3] - c[2]
    if period:
        across -= period * np.round(across / period)
        down -= period * np.round(down / period)
    step_c = np.hypot(across / (2 * side_x), down / (2 * side_y))
    step_r = np.hypot((r[1] - r[0]) / (2 * side_x), (r[3] - r[2]) / (2 * side_y))
    known = np.isfinite(step_c) & np.isfinite(step_r)
    on = known & _near(c[0], r[0], placement)
    chosen = on if on.any() else known
    if not chosen.any():
        return None
    return median(step_c[chosen].tolist()), median(step_r[chosen].tolist())


def _near(columns: Coordinates, rows: Coordinates, placement: Placement) -> NDArray[np.bool_]:
    """Which positions lie on the raster?"""
    height, width = placement.shape_yx
    if placement.period:
        first = _first_column(placement)
        columns = columns - placement.period * np.floor((columns - first) / placement.period)
    with np.errstate(invalid="ignore"):
        return (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)


def surely_inside(grid: Grid, placement: Placement) -> bool:
    """Is it certain that every pixel of the grid lies on the raster?

    Told from a lattice of exact positions: all must lie inside, farther from the edge than the
    raster can bulge between them. `False` may be over-cautious, `True` is never wrong where the
    projection is smooth.
    """
    height, width = grid.shape_yx
    if placement.period and not placement.is_cylinder:
        steps = typical_steps(grid, placement)
        if steps is None or steps[0] * width > placement.period:
            return False  # Wider than the world: all of the lattice may lie on one meridian.
    x, y = _LATTICE_YX[1] * (width - 1) + 0.5, _LATTICE_YX[0] * (height - 1) + 0.5
    found = [p.reshape(_LATTICE, _LATTICE) for p in positions(grid, placement, x, y)]
    if placement.period:
        first = _first_column(placement)
        found[0] -= placement.period * np.floor((found[0] - first) / placement.period)
        if placement.is_cylinder:
            found[0] = np.full_like(found[0], placement.shape_yx[1] / 2)
    limits = placement.shape_yx[1], placement.shape_yx[0]
    return all(_lies_within(p, limit) for p, limit in zip(found, limits, strict=True))


def _lies_within(positions: Coordinates, limit: int) -> bool:
    if not np.isfinite(positions).all():
        return False
    bend = max(np.abs(np.diff(positions, 2, axis=axis)).max() for axis in (0, 1))
    margin = float(bend) + 1e-6
    return bool(positions.min() >= margin and positions.max() <= limit - margin)
