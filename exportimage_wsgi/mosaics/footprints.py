"""Footprints: outlines of many rasters in the reference of the service, each in one piece.

x may run past the antimeridian; the middle of a footprint lies within one turn around the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..geo.crs import CRS, project
from ..geo.extent import span_of

Polygons = NDArray[Any]
"""Polygons of shapely, by item."""

NOWHERE: Any = shapely.from_wkt("POLYGON EMPTY")

_STEPS = 4 * 22
_LOOKS = 257
_LONGEST_EDGE = 1 / 6
"""Of an outline's size, that a projection leaves of pieces of it."""


def projected_outlines(outlines: Polygons, source: CRS, target: CRS) -> Polygons:
    """Outlines of one reference in another, with densified edges.

    What of an outline has no place in the target is left out; one without any is empty.

    Raises:
        UnknownCRSError: nothing leads from one reference to the other.
    """
    placed = _sound(outlines if source == target else _moved(outlines, source, target))
    for i in np.flatnonzero(_is_cut(placed, target)):
        placed[i] = min(placed[i], in_one_piece(placed[i], target), key=_width)
    return _near_the_middle(placed, target)


def _moved(outlines: Polygons, source: CRS, target: CRS) -> Polygons:
    """Densified and projected; mended where they are torn or reach beyond the projection."""
    lengths = np.maximum(shapely.length(outlines) / _STEPS, 1e-12)
    dense = shapely.segmentize(outlines, lengths)
    xy, owner = shapely.get_coordinates(dense, return_index=True)
    found = np.column_stack(project(xy[:, 0], xy[:, 1], source, target))
    lost = np.zeros(len(outlines), np.bool_)
    lost[owner[~np.isfinite(found).all(axis=1)]] = True
    found[lost[owner]] = xy[lost[owner]]
    placed: Polygons = shapely.set_coordinates(dense, found)
    if target.period is None:
        lost |= are_torn_apart(placed)
    for i in np.flatnonzero(lost):
        placed[i] = _reachable(outlines[i], source, target)
    for i in np.flatnonzero(~lost & _is_torn(placed, target)):
        placed[i] = in_one_piece(placed[i], target)
    return placed


def _is_cut(polygons: Polygons, crs: CRS) -> NDArray[np.bool_]:
    """Which have parts that are far from each other, as at both ends of the world."""
    several = shapely.get_num_geometries(polygons) > 1
    if crs.period is None:
        return np.zeros(len(polygons), np.bool_)
    cut: NDArray[np.bool_] = several & (_width(polygons) > crs.period / 2)
    return cut


def _width(polygons: Any) -> Any:
    bounds = shapely.bounds(polygons)
    return bounds[..., 2] - bounds[..., 0]


def _sound(polygons: Polygons) -> Polygons:
    polygons = polygons.copy()
    broken = ~shapely.is_valid(polygons)
    if broken.any():
        polygons[broken] = shapely.buffer(shapely.make_valid(polygons[broken]), 0)
    return polygons


def _is_torn(polygons: Polygons, crs: CRS) -> NDArray[np.bool_]:
    """Which have an edge of more than half the world."""
    torn = np.zeros(len(polygons), np.bool_)
    if crs.period is None:
        return torn
    rings, owner = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    jumps = (np.abs(np.diff(xy[:, 0])) > crs.period / 2) & (ring[1:] == ring[:-1])
    torn[owner[ring[1:][jumps]]] = True
    return torn


def are_torn_apart(polygons: Polygons) -> NDArray[np.bool_]:
    """Which have an edge so long, though all were cut into pieces, that they lie across the seam of
    a projection, or about a point that it draws as a line?"""
    parts, owners = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    with np.errstate(invalid="ignore"):  # What has no place is infinitely far.
        edges = np.hypot(*np.diff(points, axis=0).T)
    along = ring[1:] == ring[:-1]
    longest = np.zeros(len(polygons))
    np.maximum.at(longest, owners[part[ring[1:][along]]], edges[along])
    bounds = shapely.bounds(polygons)
    sizes = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    return np.asarray(longest > _LONGEST_EDGE * sizes)


def in_one_piece(polygon: Any, crs: CRS) -> Any:
    """A polygon whose rings jump across the antimeridian, or which is cut there, in one piece;
    around a pole with the pole."""
    parts = [_mended_part(part, crs) for part in shapely.get_parts(polygon)]
    middles = np.array([shapely.bounds(part)[[0, 2]].mean() for part in parts])
    period = crs.period or 360.0
    shifts = np.round((middles - middles[0]) / period) * period
    moved = [_shifted(part, -shift) for part, shift in zip(parts, shifts, strict=True)]
    # Without the lines that mending leaves over.
    return shapely.buffer(shapely.union_all(shapely.make_valid(moved)), 0)


def _mended_part(part: Any, crs: CRS) -> Any:
    exterior = _unwrapped(shapely.get_coordinates(part.exterior), crs)
    period = crs.period or 360.0
    if abs(exterior[-1, 0] - exterior[0, 0]) > period / 2:
        return _around_a_pole(exterior, crs)
    middle = (exterior[:, 0].min() + exterior[:, 0].max()) / 2
    holes = []
    for ring in part.interiors:
        hole = _unwrapped(shapely.get_coordinates(ring), crs)
        if abs(hole[-1, 0] - hole[0, 0]) < period / 2:
            hole[:, 0] -= np.round((hole[:, 0].mean() - middle) / period) * period
            holes.append(hole)
    return shapely.make_valid(_polygon(exterior, holes))


def _polygon(exterior: NDArray[np.float64], holes: Sequence[NDArray[np.float64]] = ()) -> Any:
    return shapely.polygons(exterior, [shapely.linearrings(hole) for hole in holes] or None)


def _unwrapped(xy: NDArray[np.float64], crs: CRS) -> NDArray[np.float64]:
    return np.column_stack([np.unwrap(xy[:, 0], period=crs.period or 360.0), xy[:, 1]])


def _around_a_pole(ring: NDArray[np.float64], crs: CRS) -> Any:
    """The ring, which goes once around the world, closed by way of the pole."""
    period = crs.period or 360.0
    pole = _pole_beyond(ring[:, 1], crs)
    (x0, _), (x1, _) = ring[0], ring[-1]
    cap = shapely.make_valid(_polygon(np.vstack([ring, [(x1, pole), (x0, pole)]])))
    low, high = -period / 2, period / 2
    world = shapely.box(low, -2 * period, high, 2 * period)
    turns = range(int((low - max(x0, x1)) // period), int((high - min(x0, x1)) // period) + 2)
    pieces = [shapely.intersection(_shifted(cap, turn * period), world) for turn in turns]
    return shapely.union_all(pieces)


def _pole_beyond(ys: NDArray[np.float64], crs: CRS) -> float:
    """y of the pole that a ring goes around."""
    south, north = (-90.0, 90.0) if crs.period is None else crs.poles_y
    return float(max(north, ys.max()) if ys.mean() > 0 else min(south, ys.min()))


def _shifted(polygon: Any, by: float) -> Any:
    return shapely.transform(polygon, lambda xy: xy + np.array((by, 0.0))) if by else polygon


def _reachable(outline: Any, source: CRS, target: CRS) -> Any:
    """The box around what of an outline has a place in the target."""
    west, south, east, north = shapely.bounds(outline)
    across, up = np.linspace(west, east, 65), np.linspace(south, north, _LOOKS)
    xs, ys = project(np.tile(across, len(up)), np.repeat(up, len(across)), source, target)
    good = np.isfinite(xs) & np.isfinite(ys)
    if target.period is not None:
        good &= np.abs(xs) <= target.period
    if not good.any():
        return NOWHERE
    left, right = xs[good].min(), xs[good].max()
    if source.period is not None:
        shape = len(up), len(across)
        left, right = span_of(xs.reshape(shape), good.reshape(shape), target)
    return shapely.box(left, ys[good].min(), right, ys[good].max())


def side_by_side(polygons: Polygons, crs: CRS) -> Polygons:
    """Shifted by whole turns so that together they are as narrow as they can be, if that is less
    than half the world: islands on both sides of the antimeridian are neighbours."""
    if crs.period is None or not len(polygons):
        return polygons
    bounds, period = shapely.bounds(polygons), crs.period
    west, widths = bounds[:, 0] % period, bounds[:, 2] - bounds[:, 0]
    order = np.argsort(west)
    reached = np.maximum.accumulate((west + widths)[order])
    gaps = np.append(west[order][1:], west[order[0]] + period) - reached
    widest = int(np.argmax(gaps))
    if not gaps[widest] > period / 2:
        return polygons
    first = west[order[(widest + 1) % len(order)]]
    places = first + (west - first) % period
    middle = (places.min() + (places + widths).max()) / 2
    places -= np.ceil(middle / period - 0.5) * period
    moved = polygons.copy()
    turns = np.round((places - bounds[:, 0]) / period)
    for i in np.flatnonzero(turns):
        moved[i] = _shifted(polygons[i], turns[i] * period)
    return moved


def _near_the_middle(polygons: Polygons, crs: CRS) -> Polygons:
    """Shifted by whole turns, so that the middle of each lies within half a turn of zero."""
    if crs.period is None or not len(polygons):
        return polygons
    bounds = shapely.bounds(polygons)
    middle = np.nan_to_num((bounds[:, 0] + bounds[:, 2]) / 2)
    turns = np.ceil(middle / crs.period - 0.5)
    for i in np.flatnonzero(turns):
        polygons[i] = _shifted(polygons[i], -turns[i] * crs.period)
    return polygons
