"""Tables that are joined to the items: more attributes, and seamlines."""

from __future__ import annotations

from typing import Any

from ..errors import SourceError
from ..geo.crs import CRS
from ..imagery.sources.versions import display_name
from .columns import free_name, name_fault
from .tables import WGS84, Frame, polygons, read_features, read_frame

_KEYS = ("name", "source", "path", "location", "href", "file", "filename")


def joined_rows(path: str) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    """The columns of a table, and its rows by what its column `name` calls an item.

    An item's name, the name of its file, or its path; the column may also be called source,
    path, location, href, file or filename.

    Raises:
        SourceError: the table is missing, cannot be understood, has no such column, two rows for
            one item, or a column that cannot be an attribute.
    """
    frame = read_frame(path)
    key = _key_column(frame, path)
    names = [name for name in frame.columns if name != key and name != frame.geometry]
    for name in names:
        fault = name_fault(name)
        if fault:
            raise SourceError(f"{display_name(path)}: column {fault}")
    columns: dict[str, str] = {}
    for name in names:
        columns[name] = free_name(name, columns.values())
    rows: dict[str, dict[str, Any]] = {}
    values = {name: frame.columns[name] for name in names}
    for i, item in enumerate(frame.columns[key]):
        if item is None:
            continue
        row = {columns[name]: values[name][i] for name in names}
        if rows.setdefault(str(item), row) is not row:
            raise SourceError(f"{display_name(path)}: two rows are called {item}")
    return tuple(columns.values()), rows


def _key_column(frame: Frame, path: str) -> str:
    by_name = {name.casefold(): name for name in frame.columns}
    found = next((by_name[key] for key in _KEYS if key in by_name), None)
    if found is None:
        raise SourceError(
            f"{display_name(path)} has no column name (or {', '.join(_KEYS[1:])}) "
            "that says which item a row belongs to"
        )
    return found


def joined_lines(path: str) -> tuple[dict[str, bytes], CRS]:
    """Seamlines by the name of their item: WKB of polygons, and their reference.

    Raises:
        SourceError: the file is missing, or isn't polygons with names.
    """
    name, frame = display_name(path), read_features(path)
    key = _key_column(frame, path)
    if frame.geometry is None:
        raise SourceError(f"{name} has no geometries, so it holds no seamlines")
    pairs = zip(frame.columns[key], polygons(name, frame, frame.geometry), strict=True)
    lines = {str(item): line for item, line in pairs if item is not None and line is not None}
    return lines, frame.crs or WGS84
