"""Reading: values at places, on the views of exportImage, so that they are those of its pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import ParameterError, UnknownCRSError
from ..esri import params
from ..esri.geometry import Geometry, GeometryType, geometry, geometry_type
from ..geo.crs import CRS, Coordinates, transformer
from ..geo.shapes import moved
from ..imagery.view import read
from ..pixels import Interpolation, Pixels
from ..running import Runner
from ..service import ImageService
from .export_image import Export, export_image, persistently
from .parameters import Parameter, shared_parameters
from .request import ExportRequest

GEOMETRY = (
    Parameter(
        name="geometry",
        argument="geometry",
        read=geometry,
        hint='{"x":-104,"y":35.6,"spatialReference":{"wkid":4326}}',
        help="Where: x,y, or a geometry as JSON.",
    ),
    Parameter(
        name="geometryType",
        argument="geometry_type",
        read=geometry_type,
        choices=tuple(kind.value for kind in GeometryType),
        help="Kind of the geometry; it must be what the geometry shows by itself.",
    ),
    Parameter(
        name="inSR",
        argument="geometry_sr",
        read=params.spatial_reference,
        hint="4326",
        help="Spatial reference of a geometry that doesn't say it; without it the service's own.",
    ),
    Parameter(
        name="sr",
        argument="map_sr",
        read=params.spatial_reference,
        hint="4326",
        help="The same, as map services call it; inSR goes before it.",
    ),
)

SELECTION = shared_parameters("mosaicRule", "renderingRule", "time", "sliceId")

PIXEL_SIZE = Parameter(
    name="pixelSize",
    argument="pixel_size",
    read=params.pixel_size,
    hint="30,30",
    help="Resolution that is read, x,y in units of the service or JSON; by default its own.",
)

_TOGETHER = 50
"""Places that are read in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a service is read at places."""

    service: ImageService

    said: Mapping[str, Any]
    """Arguments of `ExportRequest`: what is selected, and how it is interpolated."""

    pixel_size_xy: tuple[float, float]
    """In units of the service."""


def reading_of(service: ImageService, said: Mapping[str, Any], near: Geometry) -> Reading:
    """The reading that was asked for.

    Args:
        service: what is read.
        said: the arguments of the operation.
        near: where; a pixel size in another reference is measured there.
    """
    names = [parameter.argument for parameter in SELECTION]
    chosen = {name: said[name] for name in names if name in said}
    chosen["interpolation"] = said.get("interpolation", Interpolation.NEAREST)
    return Reading(service=service, said=chosen, pixel_size_xy=pixel_size_of(service, said, near))


def asked_geometry(
    service: ImageService, said: Mapping[str, Any], kinds: Sequence[GeometryType]
) -> Geometry:
    """The geometry that was asked for, with its reference.

    Raises:
        ParameterError: there is none, it isn't of one of the kinds or of the one that was said,
            or nothing leads from its reference to the service's.
    """
    found: Geometry | None = said.get("geometry")
    if found is None:
        raise ParameterError("geometry", "", "is missing")
    if found.type not in kinds:
        listed = ", ".join(kind.value for kind in kinds)
        raise ParameterError("geometry", found.type.value, f"must be one of {listed}")
    if said.get("geometry_type") not in (None, found.type):
        rule = f"the geometry is an {found.type.value}"
        raise ParameterError("geometryType", said["geometry_type"].value, rule)
    crs = found.crs or said.get("geometry_sr") or said.get("map_sr") or service.crs
    check_way(crs, service)
    return Geometry(type=found.type, parts=found.parts, crs=crs)


def check_way(crs: CRS, service: ImageService, parameter: str = "geometry") -> None:
    """Raises: ParameterError: nothing leads from the reference to the service's."""
    try:
        if crs != service.crs:
            transformer(crs, service.crs)
    except UnknownCRSError as error:
        raise ParameterError(parameter, crs, str(error)) from None


def pixel_size_of(
    service: ImageService, said: Mapping[str, Any], near: Geometry
) -> tuple[float, float]:
    """Width and height of a pixel in units of the service, never wider than the service."""
    asked = said.get("pixel_size")
    if asked is None:
        return service.pixel_size_xy
    (across, down), crs = asked
    if crs is not None and crs != service.crs:
        check_way(crs, service, "pixelSize")
        across, down = _measured(across, down, crs, service, near)
    extent = service.extent
    return min(across, extent.width), min(down, extent.height)


def _measured(
    across: float, down: float, crs: CRS, service: ImageService, near: Geometry
) -> tuple[float, float]:
    """The size of a pixel of another reference, at the middle of the geometry."""
    assert near.crs is not None
    vertices = near.vertices
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    x, y = moved(middle[None], near.crs, crs)[0]
    corners = np.array([[x, y], [x + across, y], [x, y + down]])
    at, right, up = moved(corners, crs, service.crs)
    sizes = math.dist(at, right), math.dist(at, up)
    if not all(0 < size < math.inf for size in sizes):
        rule = "has no size in the reference of the service at this place"
        raise ParameterError("pixelSize", f"{across:.12g},{down:.12g}", rule)
    return sizes


def values_at(reading: Reading, points: Coordinates, runner: Runner) -> list[Pixels | None]:
    """One pixel `(band, 1, 1)` for each point `(point, 2)` in the service's reference; `None`
    where the service has nothing. This reads the rasters."""
    parts = [points[i : i + _TOGETHER] for i in range(0, len(points), _TOGETHER)]
    work = partial(_read_part, reading, parts)
    found: list[Pixels | None] = []
    for pixels in runner.pieces(work, len(parts), runner.stop()):
        found += pixels
    return found


def _read_part(reading: Reading, parts: list[Coordinates], index: int) -> list[Pixels | None]:
    return [value_at(reading, point) for point in parts[index]]


def value_at(reading: Reading, point: Coordinates) -> Pixels | None:
    """The pixel of a picture of one pixel about the point; this reads the rasters."""
    x, y = (float(side) for side in point)
    extent = reading.service.extent
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    if extent.crs.period is not None:
        x = extent.xmin + (x - extent.xmin) % extent.crs.period
    if not (extent.xmin <= x <= extent.xmax and extent.ymin <= y <= extent.ymax):
        return None
    across, down = (size / 2 for size in reading.pixel_size_xy)
    request = ExportRequest(
        bbox=(x - across, y - down, x + across, y + down),
        size=(1, 1),
        format="bsq",
        adjust_aspect_ratio=False,
        **reading.said,
    )
    return read_all(reading.service, request)


def read_all(service: ImageService, request: ExportRequest) -> Pixels:
    """All pixels of a small picture; items that cannot be read are left out where they may be."""

    def deed(export: Export) -> Pixels:
        return read(export.plan.view, export.plan.view.grid.whole)

    return persistently(export_image(service, request), deed)
