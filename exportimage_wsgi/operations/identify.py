"""identify: the value of a service at a place, and the rasters that lie there (10.0)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..esri import names, params, rendering
from ..esri.geometry import Geometry, GeometryType
from ..esri.rendering import RenderingRule
from ..esri.replies import point_json
from ..geo.crs import Coordinates
from ..geo.shapes import centroid, moved
from ..service import ImageService
from .operation import Call
from .overlapping import Items, dataset_of, feature_set, items_at, items_in, shares, value_of_item
from .parameters import Parameter, said_in
from .reading import (
    GEOMETRY,
    PIXEL_SIZE,
    SELECTION,
    Reading,
    asked_geometry,
    reading_of,
    values_at,
)
from .values import value_text

_KINDS = (
    GeometryType.POINT,
    GeometryType.POLYGON,
    GeometryType.ENVELOPE,
    GeometryType.MULTIPOINT,
)
_BOOLEAN = ("true", "false")
_USUAL_ITEMS = 20
MOST_ITEMS = 1000

PARAMETERS = (
    *GEOMETRY,
    *SELECTION,
    Parameter(
        name="renderingRules",
        argument="rendering_rules",
        read=rendering.rendering_rules,
        hint='[{"rasterFunction":"None"}]',
        help="Raster functions whose values are given, too.",
    ),
    PIXEL_SIZE,
    Parameter(
        name="returnGeometry",
        argument="return_geometry",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Give the footprints of the rasters (default true).",
    ),
    Parameter(
        name="returnCatalogItems",
        argument="return_catalog_items",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Give the rasters of a mosaic that lie there (default true).",
    ),
    Parameter(
        name="returnPixelValues",
        argument="return_pixel_values",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Give the value of each of those rasters, too (default true).",
    ),
    Parameter(
        name="maxItemCount",
        argument="max_item_count",
        read=params.count,
        hint="5",
        help="Rasters that are given at most; 20 where it isn't said, never more than 1000.",
    ),
    Parameter(
        name="mapExtent",
        argument="map_extent",
        read=str,
        hint="-105,35,-104,36",
        help="Of the client's map. With imageDisplay the answer is one of a map service, too.",
    ),
    Parameter(
        name="imageDisplay",
        argument="image_display",
        read=str,
        hint="800,600,96",
        help="Width, height and resolution of the client's map.",
    ),
)


def identify(service: ImageService, call: Call) -> dict[str, Any]:
    """The value at a point, or at the centre of another geometry; this reads pixels.

    Raises:
        ParameterError: a parameter breaks its rule.
    """
    said = said_in(call.arguments, PARAMETERS)
    place = asked_geometry(service, said, _KINDS)
    x, y = _location(place)
    assert place.crs is not None
    reading = reading_of(service, said, place)
    point = moved(np.array([[x, y]]), place.crs, service.crs)
    pixels = values_at(reading, point, call.runner)[0]
    text = value_text(pixels, ", ")
    location = point_json(x, y, place.crs, call.version)
    found = _items(reading, place, point[0], said)
    reply: dict[str, Any] = {
        "objectId": 0,
        "name": "Pixel",
        "value": text,
        "location": location,
        "properties": None,
        "catalogItems": None,
        "catalogItemVisibilities": [],
    }
    if "rendering_rules" in said:
        rules = said["rendering_rules"]
        reply["processedValues"] = [_processed(reading, rule, point, call) for rule in rules]
    if found is not None:
        reply |= _catalogue(reading, found, place, point[0], said, call.version)
    if "map_extent" in said and "image_display" in said:
        reply["results"] = [_as_of_a_map(service, text, location)]
    return reply


def _items(
    reading: Reading, place: Geometry, point: Coordinates, said: Mapping[str, Any]
) -> Items | None:
    """Those of a mosaic that are to be given."""
    dataset = dataset_of(reading.service)
    if dataset is None or not said.get("return_catalog_items", True):
        return None
    is_point = place.type is GeometryType.POINT
    items = items_at(reading, dataset, point) if is_point else items_in(reading, dataset, place)
    return items.first(min(said.get("max_item_count", _USUAL_ITEMS), MOST_ITEMS))


def _catalogue(
    reading: Reading,
    items: Items,
    place: Geometry,
    point: Coordinates,
    said: Mapping[str, Any],
    version: float,
) -> dict[str, Any]:
    """The items, their own values, and the share that each has in the value."""
    assert place.crs is not None
    values = [value_of_item(reading, object_id, point) for object_id in items.ids]
    # Blanks alone part these, unlike those of `value`: clients split them there.
    texts = [value_text(pixels, " ") for pixels in values]
    with_values = said.get("return_pixel_values", True)
    with_geometry = said.get("return_geometry", True)
    return {
        "properties": {"Values": texts} if with_values else None,
        "catalogItems": feature_set(items, place.crs, version, with_geometry),
        "catalogItemVisibilities": shares(reading, items.dataset, values),
    }


def _processed(reading: Reading, rule: RenderingRule, point: Coordinates, call: Call) -> str:
    """The value that a raster function makes there."""
    ruled = replace(reading, said={**reading.said, "rendering_rule": rule})
    return value_text(values_at(ruled, point, call.runner)[0], ", ")


def _location(place: Geometry) -> tuple[float, float]:
    """The point itself, the mean of several, or the centre of gravity."""
    if place.type in (GeometryType.POINT, GeometryType.MULTIPOINT):
        x, y = place.vertices.mean(axis=0)
        return float(x), float(y)
    return centroid(place.parts)


def _as_of_a_map(service: ImageService, text: str, location: dict[str, Any]) -> dict[str, Any]:
    """The same as a map service tells it: QGIS reads nothing else."""
    values = text.split(", ") if service.info.band_count > 1 else [text]
    bands = service.info.band_names if len(values) == service.info.band_count else ("Pixel",)
    return {
        "layerId": 0,
        "layerName": service.name.rpartition("/")[2],
        "displayFieldName": "",
        "value": text,
        "attributes": dict(zip(bands, values, strict=True)),
        "geometryType": GeometryType.POINT.value,
        "geometry": location,
    }
