"""Reprojecting: footprints as replies show them, in any reference and as roughly as is asked."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geo.crs import CRS, Coordinates, project
from ..geo.extent import Extent, projected
from .table import ItemTable, Positions

_PIECES = 16
_STRAIGHT = 1e-5
"""Of a footprint's size: a vertex that is as near to its neighbours' line is left out."""


def outlines(
    table: ItemTable,
    positions: Positions,
    target: CRS,
    *,
    offset: float = 0.0,
    decimals: int | None = None,
) -> NDArray[Any]:
    """The footprints of rows in a reference, as polygons of shapely.

    Where a part has no place in the reference it is cut off; `None` stands for those without any
    place. x runs on past the antimeridian.

    Args:
        table: of the items.
        positions: rows.
        target: the reference.
        offset: by which an outline may be off, in units of the reference.
        decimals: of coordinates.
    """
    shapes = table.footprints(positions)
    if target != table.crs:
        shapes = _bent(shapes, table.crs, target)
    if offset > 0:
        shapes = shapely.simplify(shapes, offset)
    if decimals is not None:
        shapes = shapely.transform(shapes, lambda points: np.round(points, decimals))
    return shapes


def _bent(shapes: NDArray[Any], source: CRS, target: CRS) -> NDArray[Any]:
    """With vertices enough for edges to bend; those that aren't needed are left out again."""
    dense = shapely.segmentize(shapes, np.maximum(_size(shapes) / _PIECES, 1e-12))
    parts, owners = shapely.get_parts(dense, return_index=True)
    rings, within = shapely.get_rings(parts, return_index=True)
    points, along = shapely.get_coordinates(rings, return_index=True)
    projected_points = np.column_stack(project(points[:, 0], points[:, 1], source, target))
    ends = np.searchsorted(along, np.arange(len(rings) + 1))
    bent = [_ring(projected_points[i:j], target) for i, j in pairwise(ends)]
    polygons: list[list[Any]] = [[] for _ in shapes]
    for part, owner in enumerate(owners):
        shell, *holes = (bent[ring] for ring in np.flatnonzero(within == part))
        if shell is not None:
            inner = [shapely.linearrings(hole) for hole in holes if hole is not None]
            polygons[owner].append(shapely.polygons(shapely.linearrings(shell), inner or None))
    return np.array([_together(each) for each in polygons], dtype=object)


def _ring(points: Coordinates, target: CRS) -> Coordinates | None:
    """The ring of the vertices that have a place; `None` if they enclose nothing."""
    points = points[np.isfinite(points).all(axis=1)]
    if target.period is not None and len(points):
        points = _unwound(points, target, target.period)
    if len(points) < 3:
        return None
    return np.concatenate([points, points[:1]])


def _unwound(points: Coordinates, target: CRS, period: float) -> Coordinates:
    """The vertices with x running on past the antimeridian; a ring around a pole takes it in."""
    xs = np.unwrap(points[:, 0], period=period)
    if abs(xs[-1] - xs[0]) > period / 2:
        pole = target.poles_y[bool(np.mean(points[:, 1]) > 0)]
        return _around_a_pole(points[:-1] if xs[-1] > xs[0] else points[:0:-1], period, pole)
    middle = (xs.min() + xs.max()) / 2
    return np.column_stack([xs - period * math.floor(middle / period + 0.5), points[:, 1]])


def _around_a_pole(points: Coordinates, period: float, pole: float) -> Coordinates:
    """The vertices from the western to the eastern edge of the map, and back along the pole.

    Args:
        points: of an open ring, eastwards.
        period: width of the map.
        pole: its y.
    """
    half = period / 2
    xs = (points[:, 0] + half) % period - half
    first = int(np.argmin(xs))
    xs, ys = np.roll(xs, -first), np.roll(points[:, 1], -first)
    share = (half - xs[-1]) / (xs[0] + period - xs[-1])
    seam = ys[-1] + share * (ys[0] - ys[-1])
    return np.column_stack(
        [[-half, *xs, half, half, -half], [seam, *ys, seam, pole, pole]],
    )


def _together(polygons: list[Any]) -> Any:
    """One shape without needless vertices, or `None`."""
    if not polygons:
        return None
    shape = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    shape = shapely.simplify(shape, _STRAIGHT * float(_size(shape)))
    if not shapely.is_valid(shape):
        shape = shapely.make_valid(shape)
    areas = [part for part in shapely.get_parts(shape) if shapely.area(part) > 0]
    return shapely.multipolygons(areas) if len(areas) > 1 else (areas[0] if areas else None)


def _size(shapes: Any) -> Any:
    bounds = shapely.bounds(shapes)
    return np.maximum(bounds[..., 2] - bounds[..., 0], bounds[..., 3] - bounds[..., 1])


def extent_of(table: ItemTable, positions: Positions, target: CRS) -> Extent | None:
    """The box around the footprints of rows; `None` of no rows, or where it has no place."""
    if not len(positions):
        return None
    xmin, ymin = table.bounds[positions, :2].min(axis=0)
    xmax, ymax = table.bounds[positions, 2:].max(axis=0)
    box = Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=table.crs)
    return projected(box, target)
