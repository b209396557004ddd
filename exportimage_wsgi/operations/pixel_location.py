"""computePixelLocation: columns and rows of places in a raster (10.7)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ParameterError
from ..esri import params
from ..esri.geometry import GeometryType, geometry_of
from ..esri.texts import integer, members, read_json
from ..geo.crs import CRS
from ..geo.shapes import moved
from ..imagery.layer import placement_of
from ..service import ImageService
from .items import item_service
from .operation import Call
from .parameters import Parameter, said_in
from .query import has_items
from .reading import check_way

_MOST_PLACES = 10_000

Places = tuple[tuple[float, float, CRS | None], ...]
"""x, y and the reference of each, if it is said."""


def _places(text: str) -> Places:
    """Points of a JSON array, or of an object with geometryType and geometries."""
    value = read_json(text)
    if isinstance(value, dict):
        value = members(value, "geometries").get("geometries")
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_PLACES:
        raise ValueError(f"must be an array of 1 to {_MOST_PLACES} points")
    return tuple(_place(each) for each in value)


def _place(value: Any) -> tuple[float, float, CRS | None]:
    found = geometry_of(value)
    if found.type is not GeometryType.POINT:
        raise ValueError("must be points")
    x, y = found.vertices[0]
    return float(x), float(y), found.crs


PARAMETERS = (
    Parameter(
        name="geometries",
        argument="places",
        read=_places,
        hint='{"geometryType":"esriGeometryPoint","geometries":[{"x":-104,"y":35.6}]}',
        help="Points, as JSON.",
    ),
    Parameter(
        name="rasterId",
        argument="raster_id",
        read=integer,
        hint="1",
        help="Which raster of a mosaic; not of a single one.",
    ),
    Parameter(
        name="spatialReference",
        argument="crs",
        read=params.spatial_reference,
        hint="4326",
        help="Of points that don't say it; without it the service's own.",
    ),
)


def compute_pixel_location(service: ImageService, call: Call) -> dict[str, Any]:
    """Column and row of each point, counted from the outer corner of the first pixel, with
    fractions; NaN where a point has no place in the raster's reference.

    Raises:
        ParameterError: there are no points, or it isn't told of which raster.
    """
    said = said_in(call.arguments, PARAMETERS)
    if "places" not in said:
        raise ParameterError("geometries", "", "is missing")
    raster = _raster(service, said.get("raster_id"))
    placement = placement_of(raster.info)
    located = []
    for x, y, own in said["places"]:
        crs = own or said.get("crs") or service.crs
        check_way(crs, raster, "geometries")
        point = moved(np.array([[x, y]]), crs, raster.crs)
        columns, rows = placement.pixels(point[:, 0], point[:, 1])
        located.append({"x": _finite(columns[0]), "y": _finite(rows[0])})
    return {"geometries": located}


def _raster(service: ImageService, raster_id: int | None) -> ImageService:
    if not has_items(service):
        if raster_id not in (None, 1):
            raise ParameterError("rasterId", raster_id, "this service is one raster")
        return service
    if raster_id is None:
        raise ParameterError("rasterId", "", "is missing: a mosaic itself has no pixels")
    return item_service(service, str(raster_id))


def _finite(value: Any) -> float:
    return float(value) if np.isfinite(value) else float("nan")
