"""Attributes of items: from names of files, a joined table, tags, and the table of items itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..errors import SourceError, shown
from ..geo.crs import CRS
from ..words import counted, twins
from .columns import column, column_name
from .items import Found, MosaicItem
from .patterns import attributes, compiled
from .settings import MosaicSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """What is said of items elsewhere, by their place, their source or their name."""

    columns: tuple[str, ...] = ()

    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Key of an item → values by column."""

    lines: Mapping[str, bytes] = field(default_factory=dict)
    """Key of an item → WKB of its seamline."""

    lines_crs: CRS | None = None

    @classmethod
    def of(cls, settings: MosaicSettings) -> Join:
        """What the settings name; this reads the files.

        Raises:
            SourceError: one of them is missing or cannot be understood.
        """
        from .joining import joined_lines, joined_rows

        columns, rows = joined_rows(settings.table) if settings.table else ((), {})
        lines, crs = joined_lines(settings.seamlines) if settings.seamlines else ({}, None)
        return cls(columns=columns, rows=rows, lines=lines, lines_crs=crs)

    def row(self, found: Found) -> Mapping[str, Any]:
        """The values of an item; nothing where the table has no row for it."""
        return next((self.rows[key] for key in _keys(found) if key in self.rows), {})

    def seamline(self, found: Found) -> tuple[bytes | None, CRS | None]:
        """WKB and its reference; nothing where the file has no seamline for it."""
        line = next((self.lines[key] for key in _keys(found) if key in self.lines), None)
        return line, self.lines_crs if line is not None else None


def _keys(found: Found) -> tuple[str, ...]:
    """What a row may call an item, the most certain first."""
    file = found.place.rpartition("/")[2]
    return (found.raster if isinstance(found.raster, str) else "", found.place, file, found.name)


def attribute_columns(
    items: Sequence[MosaicItem], settings: MosaicSettings, join: Join
) -> dict[str, pa.Array]:
    """The columns of attributes, in the order: table of items, pattern, joined table, tags.

    Raises:
        SourceError: the pattern matches no item, a value isn't of the type that `types` says, or
            `types` names what isn't an attribute.
    """
    if settings.pattern is not None:
        _check_pattern(settings.pattern, [item.found.place for item in items])
    rows = [_said(item, settings, join) for item in items]
    names = dict.fromkeys(name for row in rows for name in row)
    kinds = {column_name(name): kind for name, kind in settings.types}
    unknown = [name for name in kinds if name not in names]
    if unknown:
        listed = ", ".join(names) or "none"
        raise SourceError(f"types: there is no attribute {unknown[0]}; attributes are {listed}")
    for name, other in twins(names).items():
        raise SourceError(f"two attributes are called {other} and {name}: rename one")
    found = {}
    for name in names:
        try:
            found[name] = column(name, [row.get(name) for row in rows], kinds.get(name))
        except ValueError as error:
            raise SourceError(str(error)) from error
    return found


def _check_pattern(pattern: str, places: Sequence[str]) -> None:
    """Raises: SourceError: it matches no place, so that it says nothing of any item."""
    expression = compiled(pattern)
    if not any(expression.search(place) for place in places):
        looked_at = counted(len(places), "raster")
        raise SourceError(
            f"mosaic.pattern={shown(pattern)}: matches the name of none of {looked_at}, "
            f"such as {shown(places[0])}"
        )


def _said(item: MosaicItem, settings: MosaicSettings, join: Join) -> dict[str, Any]:
    said: dict[str, Any] = dict(item.found.attributes)
    if settings.pattern is not None:
        said |= attributes(compiled(settings.pattern), item.found.place)
    said |= dict.fromkeys(join.columns) | dict(join.row(item.found))
    return said | dict(item.description.tags)
