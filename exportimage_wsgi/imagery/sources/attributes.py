"""Attribute tables: what a raster's file says of each of its values, found once for a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from ...errors import SourceError
from .complaints import watched_reading
from .gdal import GdalSource
from .handles import pool

_KINDS: dict[str, type] = {"0": int, "1": float, "2": str}
_MOST_ROWS = 65_536
_MOST_KNOWN = 1024
_USAGES = {"5": "Value", "6": "Red", "7": "Green", "8": "Blue"}
"""GDAL's usages of columns that clients know by a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table."""

    name: str

    kind: type
    """int, float or str."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeTable:
    """A row for each value."""

    columns: tuple[Column, ...]

    rows: tuple[tuple[Any, ...], ...]
    """In the order of the columns."""


_known: dict[str, AttributeTable | None] = {}


def attribute_table(source: Any) -> AttributeTable | None:
    """The table that the raster's file, or one beside it, carries; this opens the file.

    Only rasters of one band of integers are asked, and only those that GDAL reads.

    Raises:
        SourceError: the file cannot be opened any more.
    """
    if not isinstance(source, GdalSource):
        return None
    info = source.info
    if info.band_count != 1 or not info.pixel_type.is_integer:
        return None
    if info.version not in _known:
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[info.version] = _read(source)
    return _known[info.version]


def _read(source: GdalSource) -> AttributeTable | None:
    """By way of a VRT, in which GDAL writes down the tables of all formats."""
    import defusedxml.ElementTree
    import rasterio.shutil
    from rasterio.io import MemoryFile

    with (
        pool.handle(source.path, source.info.version, None) as dataset,
        watched_reading(source.path),
        MemoryFile(ext=".vrt") as file,
    ):
        rasterio.shutil.copy(dataset, file.name, driver="VRT")
        file.seek(0)
        written = file.read()
    try:
        root = defusedxml.ElementTree.fromstring(written)
    except (ParseError, ValueError) as error:
        raise SourceError("the attribute table of the raster cannot be read") from error
    band = source.stored.bands[0]
    found = root.find(f"VRTRasterBand[@band='{band}']/GDALRasterAttributeTable")
    return None if found is None else _table(found)


def _table(found: Element) -> AttributeTable:
    """The table of GDAL's XML; its rows beyond 65,536 are left out."""
    columns = tuple(_column(field) for field in found.findall("FieldDefn"))
    rows = found.findall("Row")[:_MOST_ROWS]
    return AttributeTable(
        columns=_named(found, columns), rows=tuple(_row(r, columns) for r in rows)
    )


def _column(field: Element) -> Column:
    return Column(name=field.findtext("Name", ""), kind=_KINDS.get(field.findtext("Type", ""), str))


def _named(found: Element, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns, of which one with a usage gets the name that clients know, if none has it."""
    taken = {column.name.casefold() for column in columns}
    usages = [_USAGES.get(field.findtext("Usage", "")) for field in found.findall("FieldDefn")]
    return tuple(
        Column(name=usage, kind=column.kind)
        if usage is not None and usage.casefold() not in taken
        else column
        for usage, column in zip(usages, columns, strict=True)
    )


def _row(row: Element, columns: tuple[Column, ...]) -> tuple[Any, ...]:
    texts = [cell.text or "" for cell in row.findall("F")]
    return tuple(_value(text, column.kind) for text, column in zip(texts, columns, strict=False))


def _value(text: str, kind: type) -> Any:
    if kind is str:
        return text
    try:
        return int(float(text)) if kind is int else float(text)
    except (ValueError, OverflowError):
        return None
