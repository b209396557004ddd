"""getSamples: values of a service at many places, along lines or all over an area (10.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ParameterError
from ..esri import names, params
from ..esri.geometry import GeometryType
from ..esri.replies import point_json
from ..geo.crs import Coordinates
from ..geo.shapes import moved
from ..mosaics.dataset import MosaicDataset
from ..mosaics.table import Field
from ..pixels import Pixels
from ..running import Runner
from ..service import ImageService
from .operation import Call
from .overlapping import (
    Items,
    attributes_by_id,
    dataset_of,
    is_data,
    items_at,
    named_fields,
    value_of_item,
)
from .parameters import Parameter, said_in, shared_parameters
from .reading import (
    GEOMETRY,
    PIXEL_SIZE,
    SELECTION,
    Reading,
    asked_geometry,
    reading_of,
    value_at,
    values_at,
)
from .sampling import places_of
from .values import value_text

_MOST_ITEMS = 20
"""Of a mosaic that are looked at in one place."""

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
    fields = _fields(service, said)
    places = places_of(place, said)
    points = moved(places, crs, service.crs)
    dataset = dataset_of(service)
    if dataset is None:
        found = [[sample] for sample in _of_one_raster(reading, points, call.runner)]
    else:
        sampler = _Sampler(reading, dataset, fields, said.get("first_only", True), points)
        found = list(call.runner.pieces(sampler, len(points), call.runner.stop()))
    samples = [
        {"location": point_json(float(x), float(y), crs, call.version), "locationId": index}
        | sample
        for index, ((x, y), there) in enumerate(zip(places, found, strict=True))
        for sample in there
    ]
    return {"samples": samples}


def _fields(service: ImageService, said: Mapping[str, Any]) -> tuple[Field, ...]:
    """Those of the mosaic's items that are asked for; a single raster has none."""
    names, dataset = said.get("out_fields", ()), dataset_of(service)
    if dataset is not None:
        return named_fields(dataset, names) if names else ()
    for name in names:
        if name != "*":
            raise ParameterError("outFields", name, "this service has no such field")
    return ()


def _of_one_raster(reading: Reading, points: Coordinates, runner: Runner) -> list[dict[str, Any]]:
    resolution = sum(reading.service.pixel_size_xy) / 2
    found = values_at(reading, points, runner)
    return [_sample(pixels, 1, resolution, {}) for pixels in found]


def _sample(
    pixels: Pixels | None, raster: int | None, resolution: float, told: dict[str, Any]
) -> dict[str, Any]:
    return {
        "value": value_text(pixels, " "),
        "rasterId": raster,
        "resolution": resolution,
        "attributes": told,
    }


@dataclass(frozen=True, slots=True)
class _Sampler:
    """Samples a mosaic at one of many points."""

    reading: Reading
    dataset: MosaicDataset
    fields: tuple[Field, ...]
    first_only: bool
    points: Coordinates

    def __call__(self, index: int) -> list[dict[str, Any]]:
        """The value of the mosaic, or of each item that is data there; this reads pixels."""
        point = self.points[index]
        items = items_at(self.reading, self.dataset, point).first(_MOST_ITEMS)
        own = self._own_values(items, point)
        usual = sum(self.reading.service.pixel_size_xy) / 2
        if self.first_only:
            pixels = value_at(self.reading, point)
            own = {next(iter(own), None): pixels} if is_data(pixels) else {}
        told = dict([(None, {}), *attributes_by_id(items, self.fields).items()])
        sizes = dict([(None, usual), *self._sizes(items).items()])
        found = [
            _sample(pixels, raster, sizes[raster], told[raster]) for raster, pixels in own.items()
        ]
        return found or [_sample(None, None, usual, {})]

    def _own_values(self, items: Items, point: Coordinates) -> dict[int | None, Pixels | None]:
        """By item; only of the first that is data, if no more are wanted."""
        found: dict[int | None, Pixels | None] = {}
        for object_id in items.ids:
            is_certain = self.first_only and len(items.ids) == 1
            pixels = None if is_certain else value_of_item(self.reading, object_id, point)
            if is_certain or is_data(pixels):
                found[object_id] = pixels
                if self.first_only:
                    break
        return found

    def _sizes(self, items: Items) -> dict[int, float]:
        """Pixel size of each item."""
        sizes = self.dataset.table.numbers("low_ps")[items.positions].tolist()
        return dict(zip(items.ids, sizes, strict=True))
