"""Mosaicking: the items that a request selects become one layer of a view."""

from __future__ import annotations

import math

from ..errors import ParameterError
from ..esri.rules import MosaicMethod
from ..geo.extent import projected
from ..geo.grid import Grid
from ..imagery.mosaic import Mosaic
from ..mosaics.dataset import MosaicDataset
from ..mosaics.ordering import Order, order_of
from ..mosaics.selecting import Selection, select
from ..pixels import Interpolation, MosaicOperation, NoDataRule
from .request import ExportRequest

_LEAST_FEATHER = 4.0
"""Pixels of the picture: at small scales, too, an edge must not be seen."""

_OF_NUMBERS = (MosaicOperation.MEAN, MosaicOperation.BLEND, MosaicOperation.SUM)
_OF_AN_ORDER = (MosaicOperation.MIN, MosaicOperation.MAX)


def plan_mosaic(
    dataset: MosaicDataset,
    request: ExportRequest,
    grid: Grid,
    bands: tuple[int, ...],
    interpolation: Interpolation,
    nodata_rule: NoDataRule | None,
) -> tuple[Mosaic, tuple[str, ...]]:
    """The layer that a request selects, and what the client should know of it. Opens no raster.

    Raises:
        ParameterError: the rule speaks of what the mosaic doesn't have.
    """
    operation = _operation(dataset, request)
    order = order_asked(dataset, request)
    seamed = order.method is MosaicMethod.SEAMLINE
    selection = _selection(dataset, request, grid, order, operation, seamed)
    blends = operation is MosaicOperation.BLEND
    mosaic = Mosaic(
        items=selection.items,
        operation=operation,
        bands=bands,
        pixel_type=dataset.info.pixel_type,
        interpolation=_interpolation(dataset, interpolation),
        nodata_rule=nodata_rule,
        unscale=dataset.unscale,
        is_clipped=seamed,
        feather=_feather(dataset, grid) if blends else 0.0,
    )
    return mosaic, _notes(dataset, selection)


def _interpolation(dataset: MosaicDataset, asked: Interpolation) -> Interpolation:
    """Indices into a palette are never interpolated."""
    if dataset.info.palette is not None and asked is not Interpolation.MAJORITY:
        return Interpolation.NEAREST
    return asked


def _parameter(request: ExportRequest) -> str:
    return "mosaicRule" if request.mosaic_rule is None else request.mosaic_rule.parameter


def _operation(dataset: MosaicDataset, request: ExportRequest) -> MosaicOperation:
    rule, info = request.mosaic_rule, dataset.info
    operation = (rule and rule.operation) or dataset.settings.operation
    name = f"MT_{operation.name}"
    if info.palette is not None and operation in _OF_NUMBERS:
        raise ParameterError(_parameter(request), name, "values are indices into a palette")
    if info.pixel_type.is_complex and operation in _OF_AN_ORDER:
        raise ParameterError(_parameter(request), name, "complex values have no order")
    return operation


def order_asked(dataset: MosaicDataset, request: ExportRequest) -> Order:
    """The order that a request asks for, or else the service's own.

    Raises:
        ParameterError: the rule wants something that neither says.
    """
    try:
        return order_of(dataset.settings, request.mosaic_rule, request.time)
    except ValueError as error:
        raise ParameterError(_parameter(request), _said(request), str(error)) from None


def _selection(
    dataset: MosaicDataset,
    request: ExportRequest,
    grid: Grid,
    order: Order,
    operation: MosaicOperation,
    seamed: bool,
) -> Selection:
    try:
        return select(dataset, grid, order, seamed or operation is MosaicOperation.BLEND)
    except ValueError as error:
        raise ParameterError(_parameter(request), _said(request), str(error)) from None


def _said(request: ExportRequest) -> str:
    """What an error repeats of the rule."""
    rule = request.mosaic_rule
    if rule is None:
        return ""
    return rule.received or "…"


def _feather(dataset: MosaicDataset, grid: Grid) -> float:
    """Width of the fading edge in pixels of the picture."""
    own = dataset.info.grid
    box = projected(grid.extent, own.crs)
    if box is None:
        return _LEAST_FEATHER
    rows, columns = grid.shape_yx
    across, down = own.pixel_size_xy
    passed = math.sqrt((box.width / columns / across) * (box.height / rows / down))
    return max(dataset.settings.blend_width / passed, _LEAST_FEATHER)


def _notes(dataset: MosaicDataset, selection: Selection) -> tuple[str, ...]:
    if not selection.is_cut:
        return selection.left_out
    most = dataset.settings.max_images
    cut = f"more items overlap here than maxMosaicImageCount={most}: the others are left out"
    return (cut, *selection.left_out)
