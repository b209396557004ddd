"""Meeting: a client's geometry as shapely has it, and which footprints it meets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..esri.geometry import Geometry, GeometryType
from ..esri.queries import SpatialRelation
from ..geo.crs import CRS, Coordinates, project
from ..geo.extent import Extent, projected_with_inside
from .table import ItemTable, Positions

_MOST_MENDED = 1_000
"""Vertices of a polygon that may cross itself, which can be as often as their square."""
_MOST_RINGS = 1_000
_PIECES = 64
_MOST_BENT = 20_000
_MARGIN = 0.01
_MOST_RELATED = 20_000_000
"""Vertices times footprints, of relations that look at each vertex for each footprint."""

_RELATIONS: dict[SpatialRelation, Callable[[Any, Any], Any]] = {
    SpatialRelation.INTERSECTS: shapely.intersects,
    SpatialRelation.CONTAINS: shapely.contains,
    SpatialRelation.CROSSES: shapely.crosses,
    SpatialRelation.OVERLAPS: shapely.overlaps,
    SpatialRelation.TOUCHES: shapely.touches,
    SpatialRelation.WITHIN: shapely.within,
}
_OF_BOXES = (SpatialRelation.ENVELOPE_INTERSECTS, SpatialRelation.INDEX_INTERSECTS)
_PREPARED = (SpatialRelation.INTERSECTS, SpatialRelation.CONTAINS)


def shape_of(geometry: Geometry) -> Any:
    """The geometry in its own reference; a polygon that crosses itself is mended.

    Raises:
        ValueError: a polygon crosses itself and has more than 1,000 vertices, or it has more than
            1,000 rings.
    """
    if geometry.type is GeometryType.POINT:
        return shapely.points(geometry.parts[0][0])
    if geometry.type is GeometryType.MULTIPOINT:
        return shapely.multipoints(geometry.vertices)
    if geometry.type is GeometryType.POLYLINE:
        return shapely.multilinestrings([shapely.linestrings(part) for part in geometry.parts])
    return _mended(_polygon(geometry.parts), len(geometry.vertices))


def _mended(shape: Any, vertices: int) -> Any:
    if shapely.is_valid(shape):
        return shape
    if vertices > _MOST_MENDED:
        raise ValueError(f"a polygon of more than {_MOST_MENDED} vertices must not cross itself")
    return shapely.make_valid(shape)


def _polygon(rings: Sequence[Coordinates]) -> Any:
    """Rings inside of an odd number of others are holes, whichever way they turn."""
    if len(rings) == 1:
        return shapely.polygons(rings[0])
    if len(rings) > _MOST_RINGS:
        raise ValueError(f"must have at most {_MOST_RINGS} rings")
    curves = [shapely.linearrings(ring) for ring in rings]
    areas = shapely.polygons(curves)
    inner, outer = shapely.STRtree(areas).query(
        shapely.points([ring[0] for ring in rings]), predicate="within"
    )
    inner, outer = inner[inner != outer], outer[inner != outer]
    depth = np.bincount(inner, minlength=len(rings))
    holes: dict[int, list[Any]] = {int(i): [] for i in np.flatnonzero(depth % 2 == 0)}
    for hole in map(int, np.flatnonzero(depth % 2)):
        around = outer[inner == hole]
        holes[int(around[np.argmax(depth[around])])].append(curves[hole])
    return shapely.multipolygons([shapely.polygons(curves[i], holes[i] or None) for i in holes])


def placed(table: ItemTable, shape: Any, crs: CRS) -> tuple[Any, ...]:
    """The parts of a shape near the items, in their reference; x may run around the world.

    Args:
        table: of the items.
        shape: of shapely.
        crs: its reference.

    Raises:
        ValueError: a part near the items has no place in their reference.
    """
    extent = _reach(table, crs)
    near = [shape] if extent is None else [_within(each, extent) for each in _turned(shape, crs)]
    bent = [_bent(each, crs, table.crs) for each in near if len(table) and not each.is_empty]
    if crs == table.crs:
        return tuple(bent)
    return tuple(turned for each in bent for turned in _turned(each, table.crs))


def _turned(shape: Any, crs: CRS) -> tuple[Any, ...]:
    """The shape, and where x runs around the world, also once around in either direction."""
    if crs.period is None:
        return (shape,)
    return shape, _moved(shape, -crs.period), _moved(shape, crs.period)


def _moved(shape: Any, across: float) -> Any:
    return shapely.transform(shape, lambda points: points + np.array([across, 0.0]))


def _reach(table: ItemTable, crs: CRS) -> Extent | None:
    """A box around all items with a margin, in a reference; `None` if there is none."""
    if table.box is None:
        return None
    xmin, ymin, xmax, ymax = table.box
    box = Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=table.crs)
    found = projected_with_inside(box, crs)
    if found is None:
        return None
    margin = _MARGIN * max(found.width, found.height)
    west, south, east, north = found.bounds
    return Extent(
        xmin=west - margin, ymin=south - margin, xmax=east + margin, ymax=north + margin, crs=crs
    )


def _within(shape: Any, extent: Extent) -> Any:
    """The part of a shape in a box."""
    xmin, ymin, xmax, ymax = shapely.bounds(shape)
    west, south, east, north = extent.bounds
    if west <= xmin and south <= ymin and xmax <= east and ymax <= north:
        return shape
    return shapely.intersection(shape, shapely.box(*extent.bounds))


def _bent(shape: Any, source: CRS, target: CRS) -> Any:
    """The shape in another reference, with vertices enough for its edges to bend.

    Raises:
        ValueError: it has no place there.
    """
    if source == target:
        return shape
    west, south, east, north = shapely.bounds(shape)
    longest = max(east - west, north - south) / _PIECES
    if longest > 0 and shapely.get_num_coordinates(shape) < _MOST_BENT:
        shape = shapely.segmentize(shape, longest)
    points = shapely.get_coordinates(shape)
    xs, ys = project(points[:, 0], points[:, 1], source, target)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise ValueError("not all of it has a place in the reference of the service")
    if target.period is not None and longest > 0 and not _is_points(shape):
        turns = np.round((np.unwrap(xs, period=target.period) - xs) / target.period)
        xs = xs + turns * target.period
    try:
        bent = shapely.set_coordinates(shape, np.column_stack([xs, ys]))
    except shapely.errors.GEOSException:  # type: ignore[attr-defined]  # it has no stubs
        raise ValueError("runs around a pole; give it in the service's reference") from None
    return _mended(bent, len(points))


def _is_points(shape: Any) -> bool:
    return bool(shapely.get_dimensions(shape) == 0)


def meeting(
    table: ItemTable, shapes: Sequence[Any], relation: SpatialRelation, positions: Positions
) -> Positions:
    """Those of the rows whose footprint one of the shapes is related to, in their order.

    Raises:
        ValueError: the shape has too many vertices for so many footprints.
    """
    met = np.zeros(len(positions), np.bool_)
    for shape in shapes:
        left = np.flatnonzero(~met)
        left = left[_have_common(table.bounds[positions[left]], shapely.bounds(shape))]
        met[left] = _are_met(table, shape, relation, positions[left])
    found: Positions = positions[met]
    return found


def _have_common(boxes: NDArray[np.float64], box: Any) -> NDArray[np.bool_]:
    xmin, ymin, xmax, ymax = boxes.T
    common: NDArray[np.bool_]
    common = (box[0] <= xmax) & (box[1] <= ymax) & (xmin <= box[2]) & (ymin <= box[3])
    return common


def _are_met(
    table: ItemTable, shape: Any, relation: SpatialRelation, near: Positions
) -> NDArray[np.bool_]:
    """Of rows whose boxes meet the shape's box."""
    if relation in _OF_BOXES:
        return np.ones(len(near), np.bool_)
    met = np.zeros(len(near), np.bool_)
    if relation in _PREPARED and _is_box(shape):
        met = _are_inside(table.bounds[near], shapely.bounds(shape))
    left = np.flatnonzero(~met)
    work = shapely.get_num_coordinates(shape) * len(left)
    if relation not in _PREPARED and work > _MOST_RELATED:
        raise ValueError("has too many vertices for this relation to so many items")
    shapely.prepare(shape)
    met[left] = _RELATIONS[relation](shape, table.footprints(near[left]))
    return met


def _is_box(shape: Any) -> bool:
    return bool(
        shapely.get_type_id(shape) == shapely.GeometryType.POLYGON
        and shapely.get_num_coordinates(shape) == 5
        and shapely.equals(shape, shapely.envelope(shape))
    )


def _are_inside(boxes: NDArray[np.float64], box: Any) -> NDArray[np.bool_]:
    xmin, ymin, xmax, ymax = boxes.T
    inside: NDArray[np.bool_] = (
        (box[0] <= xmin) & (box[1] <= ymin) & (xmax <= box[2]) & (ymax <= box[3])
    )
    return inside
