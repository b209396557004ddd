"""Orders: which item of a mosaic lies on top of which.

The methods are those of `mosaicRule` (spec: exportImage §4); ties are broken by OBJECTID, so that
neighbouring pictures agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from ..esri.params import TimeRange
from ..esri.rules import MosaicMethod, MosaicRule, Viewpoint
from ..esri.texts import number
from ..esri.where.values import text_of
from ..geo.crs import CRS, project
from ..geo.grid import Grid
from .columns import milliseconds_in
from .settings import MosaicSettings
from .table import ItemTable, Positions


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


def ranked(table: ItemTable, chosen: Positions, grid: Grid, order: Order) -> Positions:
    """Those rows, the topmost first.

    Raises:
        ValueError: a value or a viewpoint of the order cannot be compared with the items'.
    """
    found = _ranked(table, chosen, grid, order)
    return found if order.ascending else found[::-1]


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
        return _distance(x, y, _centre(grid, table.crs), table.crs)
    if order.method not in (MosaicMethod.NADIR, MosaicMethod.VIEWPOINT):
        return None
    nadir_x, nadir_y = (table.numbers(name)[chosen] for name in ("nadir_x", "nadir_y"))
    known = np.isfinite(nadir_x) & np.isfinite(nadir_y)
    x, y = np.where(known, nadir_x, x), np.where(known, nadir_y, y)
    if order.method is MosaicMethod.NADIR:
        return _distance(x, y, _centre(grid, table.crs), table.crs)
    assert order.rule.viewpoint is not None
    return _distance(x, y, _point(order.rule.viewpoint, table.crs), table.crs)


def _distance(
    x: NDArray[Any], y: NDArray[Any], point: tuple[float, float], crs: CRS
) -> NDArray[np.float64]:
    """The shorter way around the world, rounded to a billionth of the longest one, so that what is
    equally far is so in every picture."""
    across = x - point[0]
    if crs.period is not None:
        across -= crs.period * np.round(across / crs.period)
    distance = np.hypot(across, y - point[1])
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
    return folded != text_of(value).strip().casefold(), folded


def _base(value: float | str | None, kind: str) -> float | None:
    """The value asked for as a number; dates in milliseconds since 1970.

    Raises:
        ValueError: it is neither.
    """
    if value is None or value == "":
        return None
    is_date = kind == "esriFieldTypeDate"
    moment = milliseconds_in(value) if is_date and isinstance(value, str) else None
    if moment is not None:
        return moment
    try:
        return number(value) if isinstance(value, str) else float(value)
    except ValueError:
        wanted = "a date or " if is_date else ""
        raise ValueError(f"sortValue must be {wanted}a number for this field") from None
