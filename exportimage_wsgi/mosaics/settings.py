"""What the operator says of a mosaic; everything has a default."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from ..errors import UnknownCRSError, shown
from ..esri.rules import MosaicMethod
from ..geo.crs import crs_from_wkid
from ..pixels import MosaicOperation, PixelType
from .columns import KINDS, names_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicSettings:
    """How items are found and described, and how they are laid over each other by default."""

    index: str | None = None
    """Path of the GeoParquet file that `exportimage-wsgi index` writes; in memory without it."""

    pattern: str | None = None
    """Regular expression searched in file names; its named groups become attributes."""

    table: str | None = None
    """Path of a CSV or (Geo)Parquet table with more attributes, joined by `name`."""

    seamlines: str | None = None
    """Path of a GeoJSON or GeoParquet file of polygons, joined by `name`."""

    tags: tuple[str, ...] = ()
    """Names of metadata tags of the files that become attributes."""

    types: tuple[tuple[str, str], ...] = ()
    """Attribute → `text`, `integer`, `number` or `date`, where that isn't to be guessed."""

    time: tuple[str, ...] = ()
    """Attributes of the instant, or of the start and the end, of an item."""

    asset: str | None = None
    """Of STAC items: the asset that is served; by default the one with the role `data`."""

    footprints: str = "outline"
    """`outline`: of the valid pixels, where there are others; `box`: of the raster."""

    crs: int | None = None
    """Number of the service's spatial reference; by default the one that most items have."""

    pixel_size: float | None = None
    """Of the service, in units of its reference; by default the finest of the items."""

    pixel_type: PixelType | None = None
    """Of the service; by default the smallest type that holds those of all items."""

    bands: int | None = None
    """Of the service; by default as many as most items have."""

    method: MosaicMethod = MosaicMethod.NONE
    """Of requests that don't say."""

    operation: MosaicOperation = MosaicOperation.FIRST
    """Of requests that don't say."""

    sort_field: str | None = None
    """Of the method Attribute."""

    sort_value: float | str | None = None
    """Of the method Attribute; the nearest to it lies on top."""

    ascending: bool = True

    max_images: int = 1000
    """Items in one picture (`maxMosaicImageCount`)."""

    max_records: int = 1000
    """Items in one answer of `query` (`maxRecordCount`)."""

    blend_width: float = 50.0
    """Pixels of the service within which MT_BLEND fades."""

    on_failure: str = "fail"
    """`fail`: an item that cannot be read fails the export; `skip`: it is left out, and told."""

    def __post_init__(self) -> None:
        """Take names as TOML has them, and refuse what breaks a rule.

        Raises:
            ValueError: by the name of the setting.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            try:
                object.__setattr__(self, each.name, checked_setting(each.name, value))
            except ValueError as error:
                raise ValueError(f"mosaic.{each.name}={shown(repr(value))}: {error}") from None
        fault = contradiction({each.name: getattr(self, each.name) for each in fields(self)})
        if fault:
            raise ValueError(f"mosaic.{fault}")


def checked_setting(name: str, value: Any) -> Any:
    """The value of a setting as `MosaicSettings` holds it.

    Raises:
        ValueError: the rule that it breaks.
    """
    return _CHECKS[name](value)


def contradiction(said: Mapping[str, Any]) -> str | None:
    """What is wrong with settings that are sound each by itself; `None` for nothing."""
    if said.get("method") is MosaicMethod.ATTRIBUTE and not said.get("sort_field"):
        return "method: attribute needs sort_field"
    if said.get("sort_value") is not None and not said.get("sort_field"):
        return "sort_value: needs sort_field"
    return None


def _text_or_none(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise ValueError("must be text")


def _index(value: Any) -> str | None:
    path = _text_or_none(value)
    if path is not None and (not path.lower().endswith(".parquet") or "://" in path):
        raise ValueError("must be the path of a file that ends in .parquet")
    return path


def _pattern(value: Any) -> str | None:
    from .patterns import compiled

    pattern = _text_or_none(value)
    if pattern is not None:
        compiled(pattern)
    return pattern


def _texts(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, (list, tuple)) and all(isinstance(v, str) and v for v in listed):
        return tuple(listed)
    raise ValueError("must be a list of names")


def _tags(value: Any) -> tuple[str, ...]:
    tags = _texts(value)
    fault = names_fault(tags)
    if fault:
        raise ValueError(fault)
    return tags


def _types(value: Any) -> tuple[tuple[str, str], ...]:
    pairs = tuple(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, tuple) or any(len(pair) != 2 for pair in pairs):
        raise ValueError("must be a table of attributes")
    for name, kind in pairs:
        if kind not in KINDS:
            raise ValueError(f"the type of {name} must be one of {', '.join(KINDS)}")
    return tuple((name, kind) for name, kind in pairs)


def _time(value: Any) -> tuple[str, ...]:
    names = _texts(value)
    if len(names) > 2:
        raise ValueError("must be one attribute, or that of the start and that of the end")
    return names


def _crs(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be the number of a spatial reference")
    try:
        crs_from_wkid(value)
    except UnknownCRSError as error:
        raise ValueError(str(error)) from None
    return value


def _is_finite(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _pixel_size(value: Any) -> float | None:
    if value is None or (_is_finite(value) and value > 0):
        return None if value is None else float(value)
    raise ValueError("must be a number above 0")


def _blend_width(value: Any) -> float:
    if _is_finite(value) and 0 <= value <= 10_000:
        return float(value)
    raise ValueError("must be a number from 0 to 10000")


def _count(most: int) -> Callable[[Any], int]:
    def checked(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
            return value
        raise ValueError(f"must be a whole number from 1 to {most}")

    return checked


def _bands(value: Any) -> int | None:
    return None if value is None else _count(65_535)(value)


def _sort_value(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    if _is_finite(value):
        return float(value)
    raise ValueError("must be a number or text")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _one_of(*names: str) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"must be {' or '.join(names)}")

    return checked


def _member(kind: type[Enum], names: Mapping[str, Enum]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if isinstance(value, kind) and value in names.values():
            return value
        if isinstance(value, str) and value in names:
            return names[value]
        raise ValueError(f"must be one of {', '.join(names)}")

    return checked


_METHODS = {each.value: each for each in MosaicMethod if each is not MosaicMethod.LOCK_RASTER}
_TYPES = {each.name: each for each in PixelType}


def _pixel_type(value: Any) -> PixelType | None:
    found: PixelType | None = None if value is None else _member(PixelType, _TYPES)(value)
    return found


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "index": _index,
    "pattern": _pattern,
    "table": _text_or_none,
    "seamlines": _text_or_none,
    "tags": _tags,
    "types": _types,
    "time": _time,
    "asset": _text_or_none,
    "footprints": _one_of("outline", "box"),
    "crs": _crs,
    "pixel_size": _pixel_size,
    "pixel_type": _pixel_type,
    "bands": _bands,
    "method": _member(MosaicMethod, _METHODS),
    "operation": _member(MosaicOperation, {each.value: each for each in MosaicOperation}),
    "sort_field": _text_or_none,
    "sort_value": _sort_value,
    "ascending": _flag,
    "max_images": _count(100_000),
    "max_records": _count(100_000),
    "blend_width": _blend_width,
    "on_failure": _one_of("fail", "skip"),
}
