"""Rasters of the world and of a zone of UTM, and grids that are laid over them."""

from __future__ import annotations

from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.extent import Extent
from exportimage_wsgi.geo.grid import Grid, Window
from exportimage_wsgi.geo.mesh import Mesh, cells, mesh_of
from exportimage_wsgi.geo.placement import Placement

WORLD = Placement(
    crs=crs_from_wkid(4326), affine=Affine(0.25, 0, -180, 0, -0.25, 90), shape_yx=(720, 1440)
)
UTM = Placement(
    crs=crs_from_wkid(32633), affine=Affine(10, 0, 450000, 0, -10, 5580000), shape_yx=(3000, 3000)
)


def grid_over(bounds, wkid, size_wh):
    xmin, ymin, xmax, ymax = bounds
    box = Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs_from_wkid(wkid))
    return Grid.over(box, size_wh)


def mesh_over(
    grid: Grid,
    placement: Placement,
    window: Window | None = None,
    steps: tuple[float, float] = (1.0, 1.0),
) -> Mesh:
    """Where the pixels of a window lie on the full resolution; of the whole grid without one."""
    window = window or grid.whole
    return mesh_of(cells(grid, placement, window, steps), grid, placement, window)
