"""getSamples: values of a service at many places, along lines or all over an area (10.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..esri import names, params
from ..esri.geometry import Geometry, GeometryType
from ..esri.replies import point_json
from ..geo.crs import Coordinates
from ..geo.extent import Extent
from ..geo.grid import Grid
from ..geo.shapes import along, centroid, length, moved
from ..imagery.masks import inside
from ..service import ImageService
from .operation import Call
from .parameters import Parameter, said_in, shared_parameters
from .reading import GEOMETRY, PIXEL_SIZE, SELECTION, asked_geometry, reading_of, values_at
from .values import value_text

MOST_PLACES = 1000
_USUAL_COUNT = 100
_TRIES = 4

PARAMETERS = (
    *GEOMETRY,
    Parameter(
        name="sampleDistance",
        argument="sample_distance",
        read=params.distance,
        hint="100",
        help="Distance of places on a line or in an area, in units of the geometry.",
    ),
    Parameter(
        name="sampleCount",
        argument="sample_count",
        read=params.count,
        hint="100",
        help="About so many places on a line or in an area, at most 1000; 100 in an area where "
        "nothing is said, the vertices of a line.",
    ),
    *SELECTION,
    PIXEL_SIZE,
    *shared_parameters("interpolation"),
    Parameter(
        name="returnFirstValueOnly",
        argument="first_only",
        read=names.boolean,
        choices=("true", "false"),
        help="Only the value of the topmost raster of a mosaic (default true), or of each.",
    ),
    Parameter(
        name="outFields",
        argument="out_fields",
        read=params.field_names,
        hint="*",
        help="Attributes of the rasters that are given along.",
    ),
)


def get_samples(service: ImageService, call: Call) -> dict[str, Any]:
    """The values at the places of a geometry; this reads pixels.

    Raises:
        ParameterError: a parameter breaks its rule, or there would be too many places.
    """
    said = said_in(call.arguments, PARAMETERS)
    place = asked_geometry(service, said, tuple(GeometryType))
    crs = place.crs
    assert crs is not None
    reading = reading_of(service, said, place)
    _check_fields(said)
    places = _places(place, said)
    found = values_at(reading, moved(places, crs, service.crs), call.runner)
    resolution = sum(service.pixel_size_xy) / 2
    samples = [
        {
            "location": point_json(float(x), float(y), crs, call.version),
            "locationId": index,
            "value": value_text(pixels, " "),
            "rasterId": 1,
            "resolution": resolution,
            "attributes": {},
        }
        for index, ((x, y), pixels) in enumerate(zip(places, found, strict=True))
    ]
    return {"samples": samples}


def _check_fields(said: Mapping[str, Any]) -> None:
    for name in said.get("out_fields", ()):
        if name != "*":
            raise ParameterError("outFields", name, "this service has no such field")


def _places(place: Geometry, said: Mapping[str, Any]) -> Coordinates:
    """`(place, 2)` in the reference of the geometry."""
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
