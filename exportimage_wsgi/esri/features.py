"""Features: polygons of shapely as Esri and as GeoJSON write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shapely


def rings_json(polygon: Any) -> dict[str, Any] | None:
    """`rings` of a polygon or of several: outer ones clockwise, holes the other way.

    `None` for nothing.
    """
    if polygon is None or polygon.is_empty:
        return None
    turned = shapely.get_parts(shapely.orient_polygons(polygon, exterior_cw=True))
    return {"rings": [_points(ring) for ring in shapely.get_rings(turned)]}


def geojson(polygon: Any) -> dict[str, Any] | None:
    """A Polygon or MultiPolygon of RFC 7946, of WGS 84: outer rings counter-clockwise, cut where
    they cross the antimeridian. `None` for nothing."""
    if polygon is None or polygon.is_empty:
        return None
    parts = [part for each in shapely.get_parts(polygon) for part in _cut(each)]
    turned = shapely.orient_polygons(parts, exterior_cw=False)
    coordinates = [[_points(ring) for ring in shapely.get_rings(part)] for part in turned]
    if len(coordinates) == 1:
        return {"type": "Polygon", "coordinates": coordinates[0]}
    return {"type": "MultiPolygon", "coordinates": coordinates}


def _cut(polygon: Any) -> Sequence[Any]:
    """The parts of a polygon between 180° W and 180° E, each moved there."""
    west, _, east, _ = shapely.bounds(polygon)
    if west >= -180 and east <= 180:
        return [polygon]
    found = []
    for turn in range(int((west + 180) // 360), int((east - 180) // 360) + 2):
        strip = shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90)
        common = shapely.intersection(shapely.make_valid(polygon), strip)
        areas = [each for each in shapely.get_parts(common) if shapely.area(each) > 0]
        found += [shapely.transform(each, lambda p, t=turn: p - (360.0 * t, 0.0)) for each in areas]
    return found


def _points(ring: Any) -> list[list[float]]:
    found: list[list[float]] = shapely.get_coordinates(ring).tolist()
    return found
