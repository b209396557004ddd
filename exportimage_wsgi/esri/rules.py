"""Mosaic rules, in JSON (`mosaicRule`): which rasters are drawn, and how they overlap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ..errors import shown
from ..geo.crs import CRS
from ..pixels import MosaicOperation
from . import names
from .params import crs_of
from .rendering import RenderingRule, rendering_rule_of
from .texts import integers_of, members, number_of, read_json
from .where import parse_where
from .where.conditions import Condition
from .where.values import Row


class MosaicMethod(Enum):
    """What decides which of several rasters lies on top."""

    NONE = "none"
    CENTER = "center"
    NADIR = "nadir"
    VIEWPOINT = "viewpoint"
    ATTRIBUTE = "attribute"
    LOCK_RASTER = "lockraster"
    NORTHWEST = "northwest"
    SEAMLINE = "seamline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewpoint:
    """A point that is looked from."""

    x: float

    y: float

    crs: CRS | None = None
    """`None`: the service's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionRange:
    """A part of a cube, along one of its dimensions."""

    variable: str
    """Name, or nothing for all variables."""

    dimension: str

    values: tuple[tuple[float, float], ...]
    """First and last value of each range; the same twice for a single value."""

    is_slice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicRule:
    """Which rasters are drawn, in which order, and how their overlaps are resolved."""

    method: MosaicMethod | None = None
    """`None`: the service's own."""

    where: Condition | None = None

    object_ids: tuple[int, ...] | None = None
    """Rasters that may be drawn (`fids`)."""

    locked_ids: tuple[int, ...] = ()
    """Rasters that are drawn with the method LockRaster, in that order."""

    sort_field: str | None = None

    sort_value: float | str | None = None

    ascending: bool | None = None
    """`None`: the service's own."""

    viewpoint: Viewpoint | None = None

    operation: MosaicOperation | None = None
    """`None`: the service's own."""

    item_rendering_rule: RenderingRule | None = None

    dimensions: tuple[DimensionRange, ...] = ()

    parameter: str = field(default="mosaicRule", compare=False)
    """That it came by: errors name it."""

    received: str = field(default="", compare=False)
    """What it came as, cut short: errors repeat it."""

    def selects(self, row: Row) -> bool:
        """May the raster with these attributes (`objectid` among them) be drawn?

        A condition on an attribute that the raster doesn't have excludes nothing.
        """
        found = row.get("objectid")
        if self.object_ids is not None and found not in self.object_ids:
            return False
        if self.method is MosaicMethod.LOCK_RASTER and found not in self.locked_ids:
            return False
        return self.where is None or self.where.holds(row) is not False


_METHODS = {method.value: method for method in MosaicMethod} | {
    "byattribute": MosaicMethod.ATTRIBUTE
}
_METHOD_NAMES = (
    "esriMosaicNone", "esriMosaicCenter", "esriMosaicNadir", "esriMosaicViewpoint",
    "esriMosaicAttribute", "esriMosaicLockRaster", "esriMosaicNorthwest", "esriMosaicSeamline",
)  # fmt: skip
_OPERATIONS = {operation.value: operation for operation in MosaicOperation}
_FIELD = re.compile(r"[^\W\d]\w{0,127}")
_MOST_RANGES = 1000


def mosaic_rule(text: str) -> MosaicRule:
    """The rule of a JSON text.

    Raises:
        ValueError: it isn't JSON, or a member breaks its rule.
    """
    return replace(mosaic_rule_of(read_json(text)), received=shown(text))


def mosaic_rule_of(value: Any) -> MosaicRule:
    """The rule of a JSON object; members that we don't know are passed over.

    Raises:
        ValueError: a member breaks its rule.
    """
    said = members(value, "a mosaic rule")
    item_rule = said.get("itemrenderingrule")
    locked = said.get("lockrasterids")
    return _checked(
        MosaicRule(
            method=_method(said.get("mosaicmethod")),
            where=_where(said.get("where")),
            object_ids=integers_of(said["fids"], "fids") if "fids" in said else None,
            locked_ids=() if locked is None else integers_of(locked, "lockRasterIds"),
            sort_field=_sort_field(said.get("sortfield")),
            sort_value=_sort_value(said.get("sortvalue")),
            ascending=_ascending(said.get("ascending")),
            viewpoint=_viewpoint(said.get("viewpoint")),
            operation=_operation(said.get("mosaicoperation")),
            item_rendering_rule=None if item_rule is None else rendering_rule_of(item_rule),
            dimensions=_dimensions(said.get("multidimensionaldefinition")),
        )
    )


def _checked(rule: MosaicRule) -> MosaicRule:
    if rule.method is MosaicMethod.LOCK_RASTER and not rule.locked_ids:
        raise ValueError("the method LockRaster needs lockRasterIds")
    return rule


def _method(value: Any) -> MosaicMethod | None:
    if value is None or value == "":
        return None
    name = value.strip().lower().removeprefix("esrimosaic") if isinstance(value, str) else ""
    if name not in _METHODS:
        raise ValueError(f"mosaicMethod must be one of {', '.join(_METHOD_NAMES)}")
    return _METHODS[name]


def _operation(value: Any) -> MosaicOperation | None:
    if value is None or value == "":
        return None
    name = value.strip().lower().removeprefix("mt_") if isinstance(value, str) else ""
    if name not in _OPERATIONS:
        listed = ", ".join(f"MT_{known.upper()}" for known in _OPERATIONS)
        raise ValueError(f"mosaicOperation must be one of {listed}")
    return _OPERATIONS[name]


def _where(value: Any) -> Condition | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("where must be text")
    return parse_where(value) if value.strip() else None


def _sort_field(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _FIELD.fullmatch(value.strip()):
        raise ValueError("sortField must be the name of an attribute")
    return value.strip()


def _sort_value(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return number_of(value, "sortValue")


def _ascending(value: Any) -> bool | None:
    return None if value is None or value == "" else _flag(value, "ascending")


def _flag(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return names.boolean(value.strip())
    except (AttributeError, ValueError):
        raise ValueError(f"{name} must be true or false") from None


def _viewpoint(value: Any) -> Viewpoint | None:
    if value is None:
        return None
    said = members(value, "viewpoint")
    crs = said.get("spatialreference")
    return Viewpoint(
        x=number_of(said.get("x"), "viewpoint.x"),
        y=number_of(said.get("y"), "viewpoint.y"),
        crs=None if crs is None else crs_of(crs),
    )


def _dimensions(value: Any) -> tuple[DimensionRange, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MOST_RANGES:
        raise ValueError(f"multidimensionalDefinition must be a list of at most {_MOST_RANGES}")
    return tuple(_dimension(members(each, "multidimensionalDefinition")) for each in value)


def _dimension(said: Mapping[str, Any]) -> DimensionRange:
    variable, dimension = said.get("variablename", ""), said.get("dimensionname", "")
    values = said.get("values", [])
    if not isinstance(variable, str) or not isinstance(dimension, str):
        raise ValueError("variableName and dimensionName must be text")
    if not isinstance(values, list) or len(values) > _MOST_RANGES:
        raise ValueError(f"values must be a list of at most {_MOST_RANGES}")
    return DimensionRange(
        variable=variable,
        dimension=dimension,
        values=tuple(_range(each) for each in values),
        is_slice=_flag(said.get("isslice", False), "isSlice"),
    )


def _range(value: Any) -> tuple[float, float]:
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2:
        raise ValueError("a range of values must be a pair")
    return number_of(pair[0], "values"), number_of(pair[1], "values")
