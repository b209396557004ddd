"""Selecting: which items of a mosaic a picture needs, and in which order they lie on each other.

No raster is opened for this. The methods are those of `mosaicRule` (spec: exportImage §4); ties are
broken by OBJECTID, so that neighbouring pictures agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow
import shapely
from numpy.typing import NDArray

from ..errors import SourceError
from ..esri.params import TimeRange
from ..esri.rules import MosaicMethod, MosaicRule, Viewpoint
from ..esri.texts import moment, number
from ..geo.crs import CRS, project
from ..geo.extent import Extent, projected
from ..geo.grid import Grid, Window
from ..imagery.mosaic import Item
from ..imagery.sources import version_of
from . import failures
from .dataset import MosaicDataset
from .filtering import in_time, matching
from .settings import MosaicSettings
from .table import ItemTable, Positions

_BATCH = 512
_LATTICE = 33
_FAR = 1e300
_MARGIN = 2.0
_SLACK = 0.005
"""Of an item's own size: footprints are drawn roughly."""
_PIECES = 64
"""Of a footprint's outline, where it must be bent into another reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which items may be drawn, and which lies on top: a rule in which nothing is left unsaid."""

    method: MosaicMethod

    rule: MosaicRule
    """As the client gave it, for what restricts the items."""

    sort_field: str | None = None

    sort_value: float | str | None = None

    ascending: bool = True

    time: TimeRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is drawn."""

    items: tuple[Item, ...]

    is_cut: bool = False
    """Are there more of them than may be drawn?"""

    left_out: tuple[str, ...] = ()
    """What is said of items that cannot be read."""


def order_of(settings: MosaicSettings, rule: MosaicRule | None, time: TimeRange | None) -> Order:
    """The client's rule, completed by the service's own.

    Raises:
        ValueError: the method wants something that neither says.
    """
    asked = rule or MosaicRule()
    method = asked.method or settings.method
    own = asked.sort_field is None
    field = settings.sort_field if own else asked.sort_field
    value = settings.sort_value if own and asked.sort_value is None else asked.sort_value
    ascending = settings.ascending if asked.ascending is None else asked.ascending
    if method is MosaicMethod.ATTRIBUTE and field is None:
        raise ValueError("the method Attribute needs a sortField")
    if method is MosaicMethod.VIEWPOINT and asked.viewpoint is None:
        raise ValueError("the method Viewpoint needs a viewpoint")
    return Order(
        method=method,
        rule=asked,
        sort_field=field,
        sort_value=value,
        ascending=ascending,
        time=time,
    )


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
    ranked = ranked_positions(dataset, grid, order)
    seamed = order.method is MosaicMethod.SEAMLINE
    found: list[Item] = []
    left_out: list[str] = []
    most = dataset.settings.max_images
    for position, reach, outline in _placed(table, ranked, grid, outlined, seamed):
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
    ranked = _ranked(table, chosen, grid, order)
    return ranked if order.ascending else ranked[::-1]


# --- which ----------------------------------------------------------------------------------


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
    """The box of the grid in another reference, and beside it those a world away.

    Where an edge has no place in the reference it is the box of what has one.
    """
    extent = projected(grid.extent, crs) or _reachable(grid, crs)
    if extent is None:
        return []
    if crs.period is None:
        return [extent.bounds]
    if extent.width >= crs.period:
        return [(-_FAR, extent.ymin, _FAR, extent.ymax)]
    return [
        (extent.xmin + turn * crs.period, extent.ymin, extent.xmax + turn * crs.period, extent.ymax)
        for turn in (-2, -1, 0, 1, 2)
    ]


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


# --- in which order ---------------------------------------------------------------------------


def _ranked(table: ItemTable, chosen: Positions, grid: Grid, order: Order) -> Positions:
    if order.method is MosaicMethod.LOCK_RASTER or not len(chosen):
        return chosen
    if order.method is MosaicMethod.ATTRIBUTE:
        return _by_attribute(table, chosen, order)
    keys = _keys(table, chosen, grid, order)
    return chosen if keys is None else chosen[np.lexsort((chosen, keys))]


def _keys(
    table: ItemTable, chosen: Positions, grid: Grid, order: Order
) -> NDArray[np.float64] | None:
    """What each row is ordered by; `None`: by its OBJECTID."""
    x, y = (table.numbers(name)[chosen] for name in ("center_x", "center_y"))
    if order.method is MosaicMethod.NORTHWEST:
        return np.asarray(x - y)
    if order.method is MosaicMethod.CENTER:
        return _distance(x, y, _centre(grid, table.crs))
    if order.method not in (MosaicMethod.NADIR, MosaicMethod.VIEWPOINT):
        return None
    nadir_x, nadir_y = (table.numbers(name)[chosen] for name in ("nadir_x", "nadir_y"))
    known = np.isfinite(nadir_x) & np.isfinite(nadir_y)
    x, y = np.where(known, nadir_x, x), np.where(known, nadir_y, y)
    if order.method is MosaicMethod.NADIR:
        return _distance(x, y, _centre(grid, table.crs))
    assert order.rule.viewpoint is not None
    return _distance(x, y, _point(order.rule.viewpoint, table.crs))


def _distance(x: NDArray[Any], y: NDArray[Any], point: tuple[float, float]) -> NDArray[np.float64]:
    """Rounded to a billionth, so that what is equally far is so in every picture."""
    distance = np.hypot(x - point[0], y - point[1])
    scale = float(distance.max(initial=0.0)) or 1.0
    return np.asarray(np.round(distance / scale, 9))


def _centre(grid: Grid, crs: CRS) -> tuple[float, float]:
    box = grid.extent
    xs, ys = project([(box.xmin + box.xmax) / 2], [(box.ymin + box.ymax) / 2], grid.crs, crs)
    x, y = float(xs[0]), float(ys[0])
    if np.isfinite(x) and np.isfinite(y):
        return x, y
    return 0.0, 0.0


def _point(viewpoint: Viewpoint, crs: CRS) -> tuple[float, float]:
    xs, ys = project([viewpoint.x], [viewpoint.y], viewpoint.crs or crs, crs)
    if not (np.isfinite(xs[0]) and np.isfinite(ys[0])):
        raise ValueError("the viewpoint has no place in the reference of the service")
    return float(xs[0]), float(ys[0])


def _by_attribute(table: ItemTable, chosen: Positions, order: Order) -> Positions:
    """By the distance to the value asked for, or by the value itself. Rows without one come last,
    in either direction."""
    assert order.sort_field is not None
    field = table.field(order.sort_field)
    column = table.rows.column(field.column).take(pyarrow.array(chosen))
    missing = column.is_null().to_numpy()
    known = chosen[~missing]
    if field.type == "esriFieldTypeString":
        keys = _text_keys(column.drop_null().to_pylist(), order.sort_value)
        ranked = known[np.lexsort((known, *reversed(keys)))]
    else:
        if field.type == "esriFieldTypeDate":
            column = column.cast(pyarrow.int64())
        numbers = column.drop_null().to_numpy().astype(np.float64)
        base = _base(order.sort_value, field.type)
        ranked = known[np.lexsort((known, numbers if base is None else np.abs(numbers - base)))]
    ends = [ranked, chosen[missing]]
    return np.concatenate(ends if order.ascending else ends[::-1])


def _text_keys(texts: list[str], value: float | str | None) -> tuple[NDArray[Any], ...]:
    """What equals the value comes first, then by the alphabet."""
    folded = np.array([text.casefold() for text in texts], dtype=object).astype(str)
    if value is None:
        return (folded,)
    wanted = value if isinstance(value, str) else f"{value:g}"
    return folded != wanted.strip().casefold(), folded


def _base(value: float | str | None, kind: str) -> float | None:
    """The value asked for as a number; dates in milliseconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return moment(value) if kind == "esriFieldTypeDate" else number(value)
        except ValueError:
            pass
        try:
            return number(value)
        except ValueError:
            wanted = "a date or " if kind == "esriFieldTypeDate" else ""
            raise ValueError(f"sortValue must be {wanted}a number for this field") from None
    return float(value)


# --- where on the picture ----------------------------------------------------------------------


def _placed(
    table: ItemTable, ranked: Positions, grid: Grid, outlined: bool, seamed: bool
) -> Iterator[tuple[int, Window, bytes | None]]:
    """Of those rows that reach the grid: the row, its part of the grid and its outline there."""
    rest = iter(ranked.tolist())
    while batch := list(islice(rest, _BATCH)):
        positions = np.array(batch, np.int64)
        footprints = table.footprints(positions)
        moved = _on_the_grid(footprints, table.crs, grid)
        bounds = shapely.bounds(moved)
        if seamed:
            seamlines = _seamlines(table, positions, footprints)
            moved = _on_the_grid(seamlines, table.crs, grid)
        for position, shape, box in zip(batch, moved, bounds, strict=True):
            reach = _reach(box, grid)
            if reach is not None:
                usable = outlined and np.isfinite(box).all()
                yield position, reach, _outline(shape) if usable else None


def _seamlines(table: ItemTable, positions: Positions, footprints: NDArray[Any]) -> NDArray[Any]:
    """An item without a seamline ends at its footprint."""
    seamlines = table.seamlines(positions)
    return np.where(shapely.is_missing(seamlines), footprints, seamlines)


def _on_the_grid(shapes: NDArray[Any], crs: CRS, grid: Grid) -> NDArray[Any]:
    """The shapes in pixels of the grid: column and row."""
    back = ~grid.affine
    if crs != grid.crs:
        lengths = shapely.length(shapes) / _PIECES
        shapes = shapely.segmentize(shapes, np.where(lengths > 0, lengths, 1.0))

    def moved(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        xs, ys = project(xy[:, 0], xy[:, 1], crs, grid.crs)
        return np.column_stack([back.a * xs + back.c, back.e * ys + back.f])

    return np.asarray(shapely.transform(shapes, moved))


def _reach(box: NDArray[np.float64], grid: Grid) -> Window | None:
    """The part of the grid that something with this box in pixels reaches."""
    rows, columns = grid.shape_yx
    if not np.isfinite(box).all():
        return grid.whole
    left, top, right, bottom = box
    margin_x = _MARGIN + _SLACK * (right - left)
    margin_y = _MARGIN + _SLACK * (bottom - top)
    down = _clipped(top - margin_y, bottom + margin_y, rows)
    period = grid.crs.period
    if period is None:
        across = _clipped(left - margin_x, right + margin_x, columns)
    else:
        turn = period / grid.affine.a
        across = _around(left - margin_x, right + margin_x, columns, turn)
    if down is None or across is None:
        return None
    return Window(rows=down, columns=across)


def _clipped(low: float, high: float, size: int) -> tuple[int, int] | None:
    first = max(0, int(np.floor(max(low, -1.0))))
    last = min(size, int(np.ceil(min(high, size + 1.0))))
    return (first, last) if first < last else None


def _around(low: float, high: float, size: int, turn: float) -> tuple[int, int] | None:
    """As `_clipped`, where the same thing comes again after a turn around the world."""
    if high - low > turn / 2:  # It may be torn apart at the seam of the world.
        return 0, size
    first = -int(np.floor(high / turn))
    parts = []
    for turns in range(first, first + int(np.ceil(size / turn)) + 2):
        part = _clipped(low + turns * turn, high + turns * turn, size)
        if part is not None:
            parts.append(part)
    return (min(p[0] for p in parts), max(p[1] for p in parts)) if parts else None


def _outline(shape: Any) -> bytes:
    return bytes(shapely.to_wkb(shapely.simplify(shape, 0.25, preserve_topology=False)))


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
