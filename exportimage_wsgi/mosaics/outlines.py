"""Outlines of rasters: where their valid pixels lie, in pixels and in their own reference.

An outline never loses a valid pixel that is looked at. Of a raster without overviews all pixels
are; otherwise those of an overview, where islands smaller than its pixels may be missing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from ..geo.grid import Window
from ..geo.placement import pixels_to_points
from ..imagery.sources.handles import no_place_needed
from ..imagery.sources.source import Level, Source, SourceInfo

Polygon = Any
"""A polygon, or several, of shapely, which has no types."""

_FINE = 512
"""Pixels of the longer side of an overview that is fine enough."""
_CELLS = 512
"""Of the longer side of the mask that is outlined."""
_MOST_PIXELS = 1 << 28
"""More than these are looked at by steps, where there is no overview."""
_SIMPLER = 1.5
"""Cells that an outline may be off for having fewer corners: above one, for stairs to vanish."""
_MARGIN = 2
_STRIP_PIXELS = 1 << 22
_MOST_POINTS = 400
_SMALL_HOLE = 0.01
"""Part of the raster's area; smaller holes are filled."""
_STEPS = 22


def outline_in_pixels(source: Source) -> Polygon:
    """The outline of the valid pixels, column and row of the full resolution. Reads pixels.

    Where none is valid it is empty.

    Raises:
        SourceError: the raster cannot be read.
    """
    info = source.info
    rows, columns = info.grid.shape_yx
    whole = shapely.box(0, 0, columns, rows)
    if not info.masked:
        return whole
    index = _level(info.levels)
    mask, cell_yx = _coarse_mask(source, index)
    if mask.all() or not mask.any():
        return whole if mask.any() else shapely.from_wkt("POLYGON EMPTY")
    # Beside what simplifying may cut off, a cell for what an overview doesn't show.
    margin = _MARGIN if index == 0 else _MARGIN + 1
    return shapely.intersection(_around(mask, cell_yx, margin), whole)


def box_in_pixels(info: SourceInfo) -> Polygon:
    """The box of all pixels."""
    rows, columns = info.grid.shape_yx
    return shapely.box(0, 0, columns, rows)


def on_the_ground(outline: Polygon, info: SourceInfo) -> Polygon:
    """An outline in pixels as one in the raster's own reference."""
    if info.ground_points:
        outline = shapely.segmentize(outline, max(info.grid.shape_yx) / _STEPS)
        return shapely.transform(outline, lambda xy: _by_points(info, xy))
    a = info.grid.affine
    matrix, shift = np.array([[a.a, a.b], [a.d, a.e]]), np.array([a.c, a.f])
    return shapely.transform(outline, lambda xy: xy @ matrix.T + shift)


def _by_points(info: SourceInfo, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(pixels_to_points(info.ground_points, xy[:, 0], xy[:, 1]))


def _level(levels: tuple[Level, ...]) -> int:
    """The coarsest overview that is fine enough, else the full resolution, or steps of it."""
    stored = [
        i
        for i, each in enumerate(levels)
        if each.step == 1 and (i == 0 or max(each.shape_yx) >= _FINE)
    ]
    index = stored[-1]
    if np.prod(levels[index].shape_yx, dtype=np.float64) <= _MOST_PIXELS:
        return index
    small = (i for i, each in enumerate(levels) if np.prod(each.shape_yx) <= _MOST_PIXELS)
    return next(small, len(levels) - 1)


def _coarse_mask(source: Source, index: int) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Cells `(y, x)` in which any pixel is valid, and their rows and columns of full pixels."""
    level = source.info.levels[index]
    rows, columns = level.shape_yx
    factor = max(1, -(-max(rows, columns) // _CELLS))
    height = max(1, _STRIP_PIXELS // columns // factor) * factor
    strips = [
        _any(_valid(source, index, Window(rows=(top, bottom), columns=(0, columns))), factor)
        for top, bottom in pairwise([*range(0, rows, height), rows])
    ]
    return np.concatenate(strips), (level.scale_yx[0] * factor, level.scale_yx[1] * factor)


def _valid(source: Source, level: int, window: Window) -> NDArray[np.bool_]:
    info = source.info
    by_band = not info.pixel_type.is_integer or any(value is not None for value in info.nodata)
    bands = tuple(range(info.band_count)) if by_band else (0,)
    return source.read(level, window, bands).alpha() > 0


def _any(valid: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Cells of `factor` by `factor` pixels, cut at the far edges, in which any is true."""
    down = np.logical_or.reduceat(valid, np.arange(0, valid.shape[0], factor), axis=0)
    across: NDArray[np.bool_] = np.logical_or.reduceat(
        down, np.arange(0, valid.shape[1], factor), axis=1
    )
    return across


def _around(mask: NDArray[np.bool_], cell_yx: tuple[float, float], margin: int) -> Polygon:
    """Few-cornered polygons that hold all true cells, in full pixels."""
    grown = np.pad(mask, margin)
    for _ in range(margin):
        grown = _grown(grown)
    outline = shapely.simplify(_polygons(grown), _SIMPLER)
    outline = _without_small_holes(outline, _SMALL_HOLE * mask.size)
    if shapely.get_num_coordinates(outline) > _MOST_POINTS:
        if max(mask.shape) > 16:
            return _around(_any(mask, 2), (2 * cell_yx[0], 2 * cell_yx[1]), _MARGIN)
        outline = shapely.envelope(outline)
    scale = np.array([cell_yx[1], cell_yx[0]])
    return shapely.transform(outline, lambda xy: (xy - margin) * scale)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Together with the eight neighbours of each true cell."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown


def _polygons(mask: NDArray[np.bool_]) -> Polygon:
    from rasterio.features import shapes

    with no_place_needed():
        found = list(shapes(mask.astype(np.uint8), mask=mask, transform=Affine.identity()))
    return shapely.union_all([shapely.geometry.shape(geometry) for geometry, _ in found])


def _without_small_holes(outline: Polygon, least: float) -> Polygon:
    parts = []
    for part in shapely.get_parts(outline):
        holes = [ring for ring in part.interiors if shapely.area(shapely.polygons(ring)) >= least]
        parts.append(shapely.polygons(part.exterior, holes or None))
    return shapely.make_valid(shapely.union_all(parts))
