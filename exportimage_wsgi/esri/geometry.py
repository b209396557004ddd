"""Geometries: points, lines, polygons and envelopes as clients write them, read into arrays.

Three spellings are understood: Esri's JSON, `x,y` (or `xmin,ymin,xmax,ymax` of an envelope), and
JSON whose names carry no quotes, as QGIS sends it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..geo.crs import CRS, Coordinates
from .params import crs_of
from .texts import items, members, number, number_of, read_json

MOST_VERTICES = 250_000
_FARTHEST = 1e15
_BARE_NAME = re.compile(r"([{,]\s{0,20})([A-Za-z_][A-Za-z0-9_]{0,40})(\s{0,20}:)")


class GeometryType(Enum):
    """Kinds of geometries, by Esri's names."""

    POINT = "esriGeometryPoint"
    MULTIPOINT = "esriGeometryMultipoint"
    POLYLINE = "esriGeometryPolyline"
    POLYGON = "esriGeometryPolygon"
    ENVELOPE = "esriGeometryEnvelope"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """A geometry that isn't empty, with finite coordinates."""

    type: GeometryType

    parts: tuple[Coordinates, ...]
    """Each `(vertex, 2)`, x and y: the points, or the paths, or the closed rings (a point is
    inside a polygon where an odd number of rings surrounds it), or an envelope's one ring."""

    crs: CRS | None = None
    """`None`: not said."""

    @property
    def vertices(self) -> Coordinates:
        """`(vertex, 2)`: those of all parts."""
        return np.concatenate(self.parts)


_MEMBERS = {
    GeometryType.POINT: ("x",),
    GeometryType.MULTIPOINT: ("points",),
    GeometryType.POLYLINE: ("paths", "curvepaths"),
    GeometryType.POLYGON: ("rings", "curverings"),
    GeometryType.ENVELOPE: ("xmin",),
}
"""What tells the kind of a geometry in JSON."""

_LEAST = {GeometryType.MULTIPOINT: 1, GeometryType.POLYLINE: 2, GeometryType.POLYGON: 4}
"""Vertices that a part has at least, of a ring the last is its first."""


def geometry_type(text: str) -> GeometryType:
    """The kind of a name in any letter case, with `esriGeometry` before it or without.

    Raises:
        ValueError: there is no such kind.
    """
    wanted = text.lower().removeprefix("esrigeometry")
    for kind in GeometryType:
        if kind.value.lower().removeprefix("esrigeometry") == wanted:
            return kind
    raise ValueError(f"must be one of {', '.join(kind.value for kind in GeometryType)}")


def geometry(text: str) -> Geometry:
    """The geometry of a text; its kind is told by what it holds.

    Raises:
        ValueError: it isn't understood, is empty or has more than 250,000 vertices.
    """
    if text.startswith("{"):
        return geometry_of(_read(text))
    corners = [number(part) for part in items(text, 4)]
    if len(corners) == 2:
        return _made(GeometryType.POINT, [_coordinates([corners], "x,y")], None)
    if len(corners) == 4:
        return _envelope(corners, None)
    raise ValueError("must be JSON, x,y or xmin,ymin,xmax,ymax")


def _read(text: str) -> Any:
    """JSON, or what becomes JSON when its names are quoted."""
    try:
        return read_json(text)
    except ValueError:
        return read_json(_BARE_NAME.sub(r'\1"\2"\3', text))


def geometry_of(value: Any) -> Geometry:
    """The same of a JSON object.

    Raises:
        ValueError: as of `geometry`.
    """
    said = members(value, "a geometry")
    crs = said.get("spatialreference")
    reference = None if crs is None else crs_of(crs)
    for kind, names in _MEMBERS.items():
        if any(name in said for name in names):
            return _of_kind(kind, said, reference)
    raise ValueError("must have x and y, points, paths, rings, or the sides of an envelope")


def _of_kind(kind: GeometryType, said: Mapping[str, Any], crs: CRS | None) -> Geometry:
    if kind is GeometryType.ENVELOPE:
        sides = [number_of(said.get(side), side) for side in ("xmin", "ymin", "xmax", "ymax")]
        return _envelope(sides, crs)
    if kind is GeometryType.POINT:
        point = [number_of(said.get(name), name) for name in ("x", "y")]
        return _made(kind, [_coordinates([point], "x and y")], crs)
    name, *curved = _MEMBERS[kind]
    if any(each in said for each in curved):
        raise ValueError("curves are not supported; give their vertices")
    parts = [said[name]] if kind is GeometryType.MULTIPOINT else said[name]
    if not isinstance(parts, list) or sum(map(_length, parts)) > MOST_VERTICES:
        raise ValueError(f"{name} must be lists of at most {MOST_VERTICES} vertices")
    found = [_coordinates(part, name) for part in parts if part]
    if kind is GeometryType.POLYGON:
        found = [_closed(part) for part in found]
    return _made(kind, [part for part in found if len(part) >= _LEAST[kind]], crs)


def _length(part: Any) -> int:
    return len(part) if isinstance(part, list) else 1


def _made(kind: GeometryType, parts: list[Coordinates], crs: CRS | None) -> Geometry:
    if not parts:
        raise ValueError("must not be empty")
    return Geometry(type=kind, parts=tuple(parts), crs=crs)


def _envelope(corners: list[float], crs: CRS | None) -> Geometry:
    """Its sides in either order, as clients send boxes turned over."""
    (xmin, xmax), (ymin, ymax) = sorted(corners[0::2]), sorted(corners[1::2])
    ring = [(xmin, ymin), (xmin, ymax), (xmax, ymax), (xmax, ymin), (xmin, ymin)]
    return _made(GeometryType.ENVELOPE, [_coordinates(ring, "the sides")], crs)


def _coordinates(vertices: Any, name: str) -> Coordinates:
    """x and y of vertices, which may have a height and a measure behind them."""
    try:
        pairs = [(vertex[0], vertex[1]) for vertex in vertices]
        numeric = all(type(x) in (int, float) and type(y) in (int, float) for x, y in pairs)
    except (TypeError, IndexError, KeyError):
        numeric = False
    if not numeric:
        raise ValueError(f"{name} must be made of pairs of numbers")
    found = np.array(pairs, np.float64)
    if not (np.abs(found) <= _FARTHEST).all():
        raise ValueError("coordinates must lie within 1e15")
    return found


def _closed(ring: Coordinates) -> Coordinates:
    return ring if (ring[0] == ring[-1]).all() else np.concatenate([ring, ring[:1]])
