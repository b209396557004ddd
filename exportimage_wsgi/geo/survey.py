"""Surveys of a whole grid: what few exact positions tell of all of its pixels."""

from __future__ import annotations

from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import NDArray

from .crs import CRS, Coordinates
from .grid import Grid
from .placement import Placement, in_reference, on_raster, positions

# In shares of a grid: places that are asked for its steps, each to the left, to the right, above
# and below; and a lattice that reaches from edge to edge.
_CENTRES_YX = np.tile(np.mgrid[0.1:1:0.2, 0.1:1:0.2].reshape(2, -1), 4)
_ASIDE_YX = np.repeat([[0.0, 0.0, -1.0, 1.0], [-1.0, 1.0, 0.0, 0.0]], 25, axis=1)
_LATTICE = 11
_LATTICE_YX = np.mgrid[0 : 1 : _LATTICE * 1j, 0 : 1 : _LATTICE * 1j].reshape(2, -1)


@lru_cache(maxsize=4096)
def typical_steps(grid: Grid, placement: Placement) -> tuple[float, float] | None:
    """Source columns and rows that an output pixel passes, the median over the raster.

    `None` where no pixel of the grid lies on the raster.
    """
    height, width = grid.shape_yx
    side_x, side_y = width / 2e3, height / 2e3
    columns, rows = on_raster(placement, *_asked(grid, placement.crs))
    c, r = columns.reshape(4, -1), rows.reshape(4, -1)
    step_c = _passed(c, side_x, side_y, placement.period)
    step_r = _passed(r, side_x, side_y, None)
    known = np.isfinite(step_c) & np.isfinite(step_r)
    on = known & _near(c[0], r[0], placement)
    chosen = on if on.any() else known
    if not chosen.any():
        return None
    return median(step_c[chosen].tolist()), median(step_r[chosen].tolist())


# Items of a mosaic mostly have the same reference.
@lru_cache(maxsize=64)
def _asked(grid: Grid, crs: CRS) -> tuple[Coordinates, Coordinates]:
    """The places that tell the steps, in a raster's reference."""
    height, width = grid.shape_yx
    return in_reference(
        grid,
        crs,
        _CENTRES_YX[1] * width + _ASIDE_YX[1] * (width / 2e3),
        _CENTRES_YX[0] * height + _ASIDE_YX[0] * (height / 2e3),
    )


def _passed(
    found: Coordinates, side_x: float, side_y: float, period: float | None
) -> NDArray[np.float64]:
    """What an output pixel passes, from what lies to both sides of each place, above and below."""
    across, down = found[1] - found[0], found[3] - found[2]
    if period:
        across -= period * np.round(across / period)
        down -= period * np.round(down / period)
    steps: NDArray[np.float64] = np.hypot(across / (2 * side_x), down / (2 * side_y))
    return steps


def _near(columns: Coordinates, rows: Coordinates, placement: Placement) -> NDArray[np.bool_]:
    """Which positions lie on the raster?"""
    height, width = placement.shape_yx
    columns = placement.on_one_turn(columns)
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
    found[0] = placement.on_one_turn(found[0])
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
