"""Grids: rectangles of the earth cut into pixels, and windows of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine

from .crs import CRS
from .extent import Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of whole pixels, half open; it may reach outside of its grid."""

    rows: tuple[int, int]
    """First row, row after the last."""

    columns: tuple[int, int]
    """First column, column after the last."""

    @property
    def shape_yx(self) -> tuple[int, int]:
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def pixels(self) -> int:
        rows, columns = self.shape_yx
        return rows * columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A rectangle of the earth cut into pixels."""

    crs: CRS
    """Reference system of the affine."""

    affine: Affine
    """Pixel corner (column, row) → CRS units."""

    shape_yx: tuple[int, int]
    """Rows, columns; both at least 1."""

    @classmethod
    def over(cls, extent: Extent, size_wh: tuple[int, int]) -> Grid:
        """A north-up grid that fills the extent exactly."""
        width, height = size_wh
        across, down = extent.width / width, -extent.height / height
        affine = Affine(across, 0.0, extent.xmin, 0.0, down, extent.ymax)
        return cls(crs=extent.crs, affine=affine, shape_yx=(height, width))

    @property
    def whole(self) -> Window:
        rows, columns = self.shape_yx
        return Window(rows=(0, rows), columns=(0, columns))

    @property
    def extent(self) -> Extent:
        """The envelope of the four corners."""
        rows, columns = self.shape_yx
        corners = [self.affine @ c for c in ((0, 0), (columns, 0), (0, rows), (columns, rows))]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return Extent(xmin=min(xs), ymin=min(ys), xmax=max(xs), ymax=max(ys), crs=self.crs)

    @property
    def pixel_size_xy(self) -> tuple[float, float]:
        """Lengths of a pixel's two edges in CRS units."""
        a = self.affine
        return float(np.hypot(a.a, a.d)), float(np.hypot(a.b, a.e))

    def window(self, rows: slice, columns: slice) -> Grid:
        """The part of this grid under the given pixels, aligned with it."""
        affine = self.affine @ Affine.translation(columns.start, rows.start)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return Grid(crs=self.crs, affine=affine, shape_yx=shape)
