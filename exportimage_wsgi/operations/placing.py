"""Where an export lies: the box of a request becomes the grid of the output."""

from __future__ import annotations

import math

import numpy as np

from ..errors import ParameterError, SizeLimitError, UnknownCRSError
from ..geo.crs import CRS, crs_from_wkid, project, transformer
from ..geo.extent import Extent, projected, span_of
from ..geo.grid import Grid
from ..service import ImageService
from .request import ExportRequest

DEFAULT_SIZE = 400, 400
WGS84 = crs_from_wkid(4326)
_LARGEST_COORDINATE = 1e15
_FINEST_PIXEL = 1e-100
"""In units of the picture's reference; the area of a finer pixel may be none to a double."""
_LARGEST_MAP = 1e8
"""Metres from the origin: maps of the whole world reach a fifth of that, or else to infinity."""


def plan_grid(service: ImageService, request: ExportRequest) -> Grid:
    """The grid of the output: the box in the picture's reference, cut into `size` pixels.

    With `adjustAspectRatio` the short side grows in that reference, after projection (spec §2.6).
    """
    width, height = size_wh = request.size or service.settings.fitted(DEFAULT_SIZE)
    _check_size(service, width, height)
    _check_same_world(service, request)
    target = request.image_sr or service.crs
    asked = requested_extent(service, request)
    if request.validate_extent:
        _check_within(service, request, asked)
    extent = projected(asked, target)
    if request.bbox is None and not _is_within(extent, _LARGEST_MAP * target.units_per_metre):
        extent = _reachable_part(asked, target)
    if extent is None or not _is_within(extent, _LARGEST_COORDINATE):
        rule = f"not all of the box has a place in {target.code or 'imageSR'}"
        raise ParameterError("bbox", text_of(request), rule)
    if request.adjust_aspect_ratio:
        extent = extent.widened(width, height)
    _check_resolution(request, extent, width, height)
    return Grid.over(extent, size_wh)


def requested_extent(service: ImageService, request: ExportRequest) -> Extent:
    """The box as it was asked for; the service's own where nothing was asked."""
    if request.bbox is None:
        return service.extent
    xmin, ymin, xmax, ymax = request.bbox
    crs = request.bbox_sr or service.crs
    if max(abs(c) for c in request.bbox) > _LARGEST_COORDINATE:
        raise ParameterError("bbox", text_of(request), "coordinates must lie within 1e15")
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs)


def _is_within(extent: Extent | None, reach: float) -> bool:
    return extent is not None and max(abs(side) for side in extent.bounds) <= reach


def text_of(request: ExportRequest) -> str:
    """The box as an error repeats it."""
    return "full extent" if request.bbox is None else ",".join(f"{c:.12g}" for c in request.bbox)


def _check_size(service: ImageService, width: int, height: int) -> None:
    most_wide, most_high = service.max_image_size
    if width > most_wide or height > most_high:
        rule = f"at most {most_wide},{most_high} (max_image_size)"
        raise SizeLimitError("size", f"{width},{height}", rule)


def _check_same_world(service: ImageService, request: ExportRequest) -> None:
    """A reference of another planet leads nowhere."""
    for name, crs in (("bboxSR", request.bbox_sr), ("imageSR", request.image_sr)):
        try:
            if crs is not None and crs != service.crs:
                transformer(crs, service.crs)
        except UnknownCRSError as error:
            raise ParameterError(name, crs, str(error)) from None


def _check_within(service: ImageService, request: ExportRequest, asked: Extent) -> None:
    own = projected(asked, service.crs)
    if own is None or not service.extent.contains(own):
        rule = "goes beyond the extent of the service (validateExtent=true)"
        raise ParameterError("bbox", text_of(request), rule)


def _check_resolution(request: ExportRequest, extent: Extent, width: int, height: int) -> None:
    """A pixel must be wider than what a double can tell apart at that place."""
    pixel = min(extent.width / width, extent.height / height)
    finest = max(64 * math.ulp(max(abs(c) for c in extent.bounds)), _FINEST_PIXEL)
    if not pixel > finest:
        raise ParameterError("bbox", text_of(request), "too small for the precision of coordinates")


def _reachable_part(asked: Extent, target: CRS) -> Extent | None:
    """The envelope of what of a box has a place in the target reference, as near to the area that
    the reference is meant for as the box comes."""
    across = np.linspace(asked.xmin, asked.xmax, 65)
    up = np.linspace(asked.ymin, asked.ymax, 257)
    x, y = np.tile(across, len(up)), np.repeat(up, len(across))
    xs, ys = project(x, y, asked.crs, target)
    reach = _LARGEST_MAP * target.units_per_metre
    if target.period is not None:
        reach = target.period / 2 * (1 + 1e-9)
    good = (np.abs(xs) <= 2 * reach) & (np.abs(ys) <= reach)
    meant = good & target.is_meant_for(*project(x, y, asked.crs, WGS84))
    good = meant if meant.any() else good
    if not good.any():
        return None
    west, east = xs[good].min(), xs[good].max()
    south, north = ys[good].min(), ys[good].max()
    if asked.crs.period is not None:
        shape = len(up), len(across)
        west, east = span_of(xs.reshape(shape), good.reshape(shape), target)
    if west == east or south == north:
        return None
    return Extent(xmin=west, ymin=south, xmax=east, ymax=north, crs=target)


def globe_extent(service: ImageService) -> Extent | None:
    """The service in degrees, between the poles and at most once around the world; `None` where
    no part of it has a place there."""
    asked = service.extent
    extent = projected(asked, WGS84) or _reachable_part(asked, WGS84)
    if extent is None:
        return None
    west, east = extent.xmin, extent.xmax
    if east - west >= 360:
        west, east = -180.0, 180.0
    south, north = max(extent.ymin, -90.0), min(extent.ymax, 90.0)
    return Extent(xmin=west, ymin=south, xmax=east, ymax=north, crs=WGS84)


def on_the_globe(grid: Grid, request: ExportRequest) -> Grid:
    """The grid as KML can place it: between the poles, and at most once around the world."""
    west, south, east, north = grid.extent.bounds
    if east - west >= 360:
        west, east = -180.0, 180.0
    south, north = max(south, -90.0), min(north, 90.0)
    if not south < north:
        raise ParameterError("bbox", text_of(request), "no part of the box lies between the poles")
    rows, columns = grid.shape_yx
    extent = Extent(xmin=west, ymin=south, xmax=east, ymax=north, crs=grid.crs)
    return Grid.over(extent, (columns, rows))
