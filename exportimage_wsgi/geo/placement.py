"""Placements: where the pixels of a raster lie, and which of them lie under those of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine

from .crs import CRS, Coordinates, project
from .grid import Grid

_FARTHEST = 1e12
"""Pixels from a raster's corner; compiled code takes positions for integers of 64 bits."""

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

    @property
    def first_column(self) -> float:
        """Where the columns are cut open: at the raster's edge, else opposite its middle."""
        width = self.shape_yx[1]
        return 0.0 if self.is_cylinder else width / 2 - (self.period or 0.0) / 2

    def on_one_turn(self, columns: Coordinates) -> Coordinates:
        """The columns, brought to one turn around the world where the raster lies that way."""
        period = self.period
        if not period:
            return columns
        return columns - period * np.floor((columns - self.first_column) / period)

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


def positions(
    grid: Grid, placement: Placement, columns: Coordinates, rows: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """Exact source columns and rows of places given in pixels of the output grid.

    Places that have no position, or one beyond all reason, come back as NaN.
    """
    return on_raster(placement, *in_reference(grid, placement.crs, columns, rows))


def in_reference(
    grid: Grid, crs: CRS, columns: Coordinates, rows: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """Places given in pixels of the output grid, as coordinates of a reference."""
    a = grid.affine
    xs = a.a * columns + a.c if a.b == 0 else a.a * columns + a.b * rows + a.c
    ys = a.e * rows + a.f if a.d == 0 else a.d * columns + a.e * rows + a.f
    return project(xs, ys, grid.crs, crs)


def on_raster(
    placement: Placement, xs: Coordinates, ys: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """The columns and rows of `positions`, of coordinates in the raster's reference."""
    found = placement.pixels(xs, ys)
    with np.errstate(invalid="ignore"):
        bad = ~((np.abs(found[0]) < _FARTHEST) & (np.abs(found[1]) < _FARTHEST))
    if bad.any():
        found[0][bad] = found[1][bad] = np.nan
    return found
