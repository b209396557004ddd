"""Sampling: the places on lines and in areas that values are taken at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..esri.geometry import Geometry, GeometryType
from ..geo.crs import Coordinates
from ..geo.extent import Extent
from ..geo.grid import Grid
from ..geo.shapes import along, centroid, length
from ..imagery.masks import inside

MOST_PLACES = 1000
_USUAL_COUNT = 100
_TRIES = 4


def places_of(place: Geometry, said: Mapping[str, Any]) -> Coordinates:
    """The places `(place, 2)` in the reference of the geometry.

    Args:
        place: the geometry.
        said: `sample_count`, `sample_distance`, if they are.

    Raises:
        ParameterError: there would be too many.
    """
    count, step = said.get("sample_count"), said.get("sample_distance")
    if count is not None and count > MOST_PLACES:
        raise ParameterError("sampleCount", count, f"must be at most {MOST_PLACES}")
    if place.type in (GeometryType.POINT, GeometryType.MULTIPOINT):
        return _few(place.vertices)
    if place.type is GeometryType.POLYLINE:
        return _on_lines(place, count, step)
    return _in_area(place, count or _USUAL_COUNT, step)


def _few(places: Coordinates) -> Coordinates:
    if len(places) > MOST_PLACES:
        rule = f"has more than {MOST_PLACES} places; give fewer, or of a line the sampleCount"
        raise ParameterError("geometry", f"{len(places)} vertices", rule)
    return places


def _on_lines(place: Geometry, count: int | None, step: float | None) -> Coordinates:
    """The vertices, or places as far from each other as is said."""
    total = sum(length(part) for part in place.parts)
    if total == 0 or (count is None and step is None):
        return _few(place.vertices)
    if step is None:
        assert count is not None
        step = total / max(count - 1, 1) * (1 if count > 1 else 2)
    if total / step + len(place.parts) > MOST_PLACES + 1:
        _refuse_distance(step, total / step)
    return np.concatenate([along(part, step) for part in place.parts])


def _refuse_distance(step: float, found: float) -> None:
    rule = f"gives about {min(found, 1e15):.0f} places, at most {MOST_PLACES} are allowed"
    raise ParameterError("sampleDistance", f"{step:.12g}", rule)


def _in_area(place: Geometry, count: int, step: float | None) -> Coordinates:
    """Places of a square lattice inside the rings; where none is, the centre."""
    vertices = place.vertices
    (west, south), (east, north) = vertices.min(axis=0), vertices.max(axis=0)
    area = (east - west) * (north - south)
    if area == 0:
        return np.array([centroid(place.parts)])
    if step is not None:
        if area / step**2 > MOST_PLACES * 100:
            _refuse_distance(step, area / step**2)
        return _checked(_lattice(place, step), step)
    step = math.sqrt(area / count)
    for _ in range(_TRIES):
        found = _lattice(place, step)
        if 0.8 * count <= len(found) <= 1.1 * count:
            break
        step *= math.sqrt(len(found) / count)
        step = max(step, math.sqrt(area / (MOST_PLACES * 100)))
    return found[:MOST_PLACES]


def _checked(places: Coordinates, step: float) -> Coordinates:
    if len(places) > MOST_PLACES:
        _refuse_distance(step, len(places))
    return places


def _lattice(place: Geometry, step: float) -> Coordinates:
    """Points of a lattice about the middle of the box that are inside, row by row from the
    north; the centre where there are none."""
    vertices = place.vertices
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    columns, rows = (max(1, math.floor(side / step + 1e-9)) for side in high - low)
    assert place.crs is not None
    box = Extent(
        xmin=middle[0] - columns * step / 2,
        ymin=middle[1] - rows * step / 2,
        xmax=middle[0] + columns * step / 2,
        ymax=middle[1] + rows * step / 2,
        crs=place.crs,
    )
    grid = Grid.over(box, (columns, rows))
    y, x = np.nonzero(inside(place.parts, grid, grid.whole))
    a = grid.affine
    found = np.column_stack([a.c + a.a * (x + 0.5), a.f + a.e * (y + 0.5)])
    return found if len(found) else np.array([centroid(place.parts)])
