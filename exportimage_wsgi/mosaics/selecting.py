"""Selecting: which items of a mosaic a picture needs.

No raster is opened for this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SourceError
from ..esri.rules import MosaicMethod
from ..geo.crs import CRS, project
from ..geo.extent import Extent, projected, projected_with_inside
from ..geo.grid import Grid, Window
from ..imagery.mosaic import Item
from ..imagery.sources import version_of
from . import failures
from .dataset import MosaicDataset
from .filtering import in_time, matching
from .ordering import Order, ranked
from .reaching import placed
from .table import ItemTable, Positions

_LATTICE = 33
_FAR = 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is drawn."""

    items: tuple[Item, ...]

    is_cut: bool = False
    """Are there more of them than may be drawn?"""

    left_out: tuple[str, ...] = ()
    """What is said of items that cannot be read."""


def select(dataset: MosaicDataset, grid: Grid, order: Order, outlined: bool) -> Selection:
    """The items that have pixels on the grid, the topmost first.

    Args:
        dataset: the mosaic.
        grid: of the picture.
        order: which of them, and how they are ordered.
        outlined: are their outlines wanted (their seamlines, if that is the method)?

    Raises:
        ValueError: the order speaks of a field or an item that there isn't.
        ItemError: an item is missing, and the service doesn't leave such items out.
    """
    table = dataset.table
    rows = ranked_positions(dataset, grid, order)
    seamed = order.method is MosaicMethod.SEAMLINE
    found: list[Item] = []
    left_out: list[str] = []
    most = dataset.settings.max_images
    for position, reach, outline in placed(table, rows, grid, outlined, seamed):
        if len(found) == most:
            return Selection(items=tuple(found), is_cut=True, left_out=tuple(left_out))
        item = _item(dataset, position, reach, outline)
        if isinstance(item, str):
            left_out.append(item)
        else:
            found.append(item)
    return Selection(items=tuple(found), left_out=tuple(left_out))


def ranked_positions(dataset: MosaicDataset, grid: Grid, order: Order) -> Positions:
    """The rows that may have pixels on the grid, the topmost first.

    Raises:
        ValueError: as `select`.
    """
    table = dataset.table
    _check(table, order)
    near = table.near(boxes_of(grid, table.crs))
    chosen = _restricted(dataset, near, grid, order)
    return ranked(table, chosen, grid, order)


def _check(table: ItemTable, order: Order) -> None:
    """What is wrong with a rule is told wherever the picture lies."""
    if order.method is MosaicMethod.ATTRIBUTE and order.sort_field is not None:
        table.field(order.sort_field)
    if order.method is MosaicMethod.SEAMLINE and not table.has_seamlines:
        raise ValueError("the method Seamline needs seamlines, and this mosaic has none")
    if order.method is MosaicMethod.LOCK_RASTER:
        known = table.numbers("objectid")[table.positions_of(order.rule.locked_ids)]
        missing = sorted({*order.rule.locked_ids} - {*known.tolist()})
        if missing:
            raise ValueError(f"lockRasterIds: there is no item {missing[0]}")
    if order.rule.where is not None:
        matching(table, order.rule.where, np.zeros(0, np.int64))


def boxes_of(grid: Grid, crs: CRS) -> list[tuple[float, float, float, float]]:
    """The box of the grid in another reference where items are, and beside it those a world away.

    Where an edge has no place in the reference, or isn't around what it encloses, it is boundless.
    """
    extent = projected_with_inside(grid.extent, crs) or _reachable(grid, crs)
    if extent is None:
        return []
    if crs.period is None:
        return [extent.bounds]
    if extent.width >= crs.period:
        return [(-_FAR, extent.ymin, _FAR, extent.ymax)]
    home = -round((extent.xmin + extent.xmax) / 2 / crs.period)
    shifts = [turn * crs.period for turn in range(home - 2, home + 3)]
    return [(extent.xmin + x, extent.ymin, extent.xmax + x, extent.ymax) for x in shifts]


def _reachable(grid: Grid, crs: CRS) -> Extent | None:
    box = grid.extent
    across = np.linspace(box.xmin, box.xmax, _LATTICE)
    up = np.linspace(box.ymin, box.ymax, _LATTICE)
    xs, ys = project(np.tile(across, _LATTICE), np.repeat(up, _LATTICE), grid.crs, crs)
    good = np.isfinite(xs) & np.isfinite(ys)
    if not good.any():
        return None
    # Something may lie between the last point that has a place and the first that has none.
    return Extent(xmin=-_FAR, ymin=-_FAR, xmax=_FAR, ymax=_FAR, crs=crs)


def _restricted(dataset: MosaicDataset, near: Positions, grid: Grid, order: Order) -> Positions:
    table, rule = dataset.table, order.rule
    if rule.object_ids is not None:
        near = np.intersect1d(near, table.positions_of(rule.object_ids))
    if rule.where is not None:
        near = matching(table, rule.where, near)
    if order.time is not None and dataset.settings.time:
        near = in_time(table, dataset.settings.time, order.time, near)
    if order.method is MosaicMethod.LOCK_RASTER:
        locked = dict.fromkeys(table.positions_of(rule.locked_ids).tolist())
        meant = {*near.tolist()}
        return np.array([p for p in locked if p in meant], np.int64)
    return _visible(table, near, grid)


def _visible(table: ItemTable, near: Positions, grid: Grid) -> Positions:
    """Less those that aren't drawn at the pixel size of the picture."""
    low, high = table.numbers("min_ps")[near], table.numbers("max_ps")[near]
    if not (low.any() or high.any()):
        return near
    extent = projected(grid.extent, table.crs)
    if extent is None:
        return near
    rows, columns = grid.shape_yx
    size = float(np.sqrt(extent.width / columns * extent.height / rows))
    slack = 1 + 1e-6
    visible: Positions = near[(low <= size * slack) & ((high == 0) | (size <= high * slack))]
    return visible


def _item(
    dataset: MosaicDataset, position: int, reach: Window, outline: bytes | None
) -> Item | str:
    """The item of a row, or what is said of it if it is to be left out."""
    table = dataset.table
    object_id = int(table.numbers("objectid")[position])
    skips = dataset.settings.on_failure == "skip"
    if table.rasters:
        raster, version = table.rasters[position], ""
    else:
        raster = table.value("source", position)
        try:
            version = version_of(raster)
        except SourceError as error:
            if skips:
                return f"item {object_id} is left out: {error}"
            version = "missing"
    reason = failures.known(raster, version) if skips else None
    if reason is not None:
        return f"item {object_id} is left out: {reason}"
    return Item(
        object_id=object_id,
        raster=raster,
        version=version,
        nodata=dataset.nodata,
        reach=reach,
        outline=outline,
    )
