"""The table of a mosaic's items: a row an item, and which rows lie where.

The same columns, by the same names, are those of the GeoParquet file that keeps it, where the four
sides of a footprint's box are one column, `bbox`, as that format has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ..geo.crs import CRS

Positions = NDArray[np.int64]
"""Rows of the table, counted from 0."""

COLUMNS: dict[str, pa.DataType] = {
    "objectid": pa.int64(),
    "name": pa.string(),
    "source": pa.string(),
    "version": pa.string(),
    "crs": pa.string(),
    "pixel_type": pa.string(),
    "bands": pa.int32(),
    "low_ps": pa.float64(),
    "min_ps": pa.float64(),
    "max_ps": pa.float64(),
    "center_x": pa.float64(),
    "center_y": pa.float64(),
    "nadir_x": pa.float64(),
    "nadir_y": pa.float64(),
    "xmin": pa.float64(),
    "ymin": pa.float64(),
    "xmax": pa.float64(),
    "ymax": pa.float64(),
    "geometry": pa.binary(),
    "seamline": pa.binary(),
}
"""What every table has; all other columns are attributes, of type string, int64, float64 or
timestamp[ms, UTC].

objectid: from 1, unique, ascending. name: of the file, without its ending, or of the STAC item.
source: address of the raster. version: of a local file when it was indexed. crs: definition of the
raster's reference. pixel_type: Esri's code, null if unknown. bands: null if unknown. low_ps: its
pixel size in units of the service's reference. min_ps, max_ps: pixel sizes of pictures that it is
drawn in, 0 for any. center_x, center_y, the box, geometry (the footprint) and seamline (or null):
in the service's reference; geometries are WKB. nadir_x, nadir_y: null if unknown.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """An attribute as clients see it."""

    name: str
    """In its own spelling."""

    column: str
    """Of the table."""

    type: str
    """Esri's: esriFieldTypeOID, String, Integer, Double or Date, all with that prefix."""

    length: int | None = None
    """Of text."""


FIXED_FIELDS = (
    Field(name="OBJECTID", column="objectid", type="esriFieldTypeOID"),
    Field(name="Name", column="name", type="esriFieldTypeString", length=200),
    Field(name="MinPS", column="min_ps", type="esriFieldTypeDouble"),
    Field(name="MaxPS", column="max_ps", type="esriFieldTypeDouble"),
    Field(name="LowPS", column="low_ps", type="esriFieldTypeDouble"),
    Field(name="CenterX", column="center_x", type="esriFieldTypeDouble"),
    Field(name="CenterY", column="center_y", type="esriFieldTypeDouble"),
)
"""Fields of the columns that every table has, as clients see them."""


def _esri_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "esriFieldTypeDate"
    if pa.types.is_integer(kind):
        return "esriFieldTypeInteger"
    return "esriFieldTypeDouble" if pa.types.is_floating(kind) else "esriFieldTypeString"


@dataclass(frozen=True, eq=False, kw_only=True)
class ItemTable:
    """The items of a mosaic, in the order of their OBJECTID. A value; equal by `version`."""

    crs: CRS
    """Of footprints: the service's."""

    rows: pa.Table
    """`COLUMNS`, then attributes."""

    version: str
    """Changes whenever a row does."""

    rasters: tuple[Any, ...] = field(default=(), repr=False)
    """By row, where any item is an open source: these, and the addresses of the others."""

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __eq__(self, other: object) -> bool:
        return bool(isinstance(other, ItemTable) and self.version == other.version)

    def __hash__(self) -> int:
        return hash(self.version)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is found when it is needed."""
        kept = ("crs", "rows", "version", "rasters")
        return {name: self.__dict__[name] for name in kept}

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """What clients see and may ask for, OBJECTID first; never addresses of files."""
        own = [
            Field(
                name=column.name,
                column=column.name,
                type=_esri_type(column.type),
                length=1000 if pa.types.is_string(column.type) else None,
            )
            for column in self.rows.schema
            if column.name not in COLUMNS
        ]
        return (*FIXED_FIELDS, *own)

    def field(self, name: str) -> Field:
        """The field of a name in any letter case.

        Raises:
            ValueError: there is none; the message lists those that there are.
        """
        found = self._fields_by_name.get(name.casefold())
        if found is None:
            listed = ", ".join(each.name for each in self.fields)
            raise ValueError(f"there is no field {name}; fields are {listed}")
        return found

    @cached_property
    def _fields_by_name(self) -> dict[str, Field]:
        return {each.name.casefold(): each for each in self.fields}

    def numbers(self, column: str) -> NDArray[Any]:
        """A column of numbers; null is NaN in floats. Kept, and not to be written to."""
        found = self._numbers.get(column)
        if found is None:
            found = self.rows.column(column).to_numpy()
            found.flags.writeable = False
            self._numbers[column] = found
        return found

    @cached_property
    def _numbers(self) -> dict[str, NDArray[Any]]:
        return {}

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """`(row, 4)`: xmin, ymin, xmax, ymax of the footprints."""
        return np.column_stack([self.numbers(name) for name in ("xmin", "ymin", "xmax", "ymax")])

    @cached_property
    def box(self) -> tuple[float, float, float, float] | None:
        """xmin, ymin, xmax, ymax of all footprints; `None` of no rows."""
        if not len(self):
            return None
        low = [float(self.numbers(name).min()) for name in ("xmin", "ymin")]
        high = [float(self.numbers(name).max()) for name in ("xmax", "ymax")]
        return low[0], low[1], high[0], high[1]

    @cached_property
    def _tree(self) -> shapely.STRtree:
        # Lines from corner to corner: the tree looks at their boxes alone, and they are small.
        corners = self.bounds.reshape(-1, 2, 2)
        return shapely.STRtree(shapely.linestrings(corners))

    def prepare(self) -> None:
        """Make now what the first search would otherwise wait for: seconds for a million rows."""
        assert self._tree is not None

    @property
    def everywhere(self) -> Positions:
        """All rows."""
        return np.arange(len(self), dtype=np.int64)

    def near(self, boxes: Sequence[tuple[float, float, float, float]]) -> Positions:
        """The rows whose footprints' boxes meet one of the boxes, ascending."""
        asked = [shapely.box(*box) for box in boxes]
        found = self._tree.query(asked)[1]
        return np.unique(found).astype(np.int64)

    def footprints(self, positions: Positions) -> NDArray[Any]:
        """Polygons of shapely, in the service's reference."""
        return self._geometries("geometry", positions)

    def seamlines(self, positions: Positions) -> NDArray[Any]:
        """Polygons of shapely; those of rows without one are `None`."""
        return self._geometries("seamline", positions)

    @cached_property
    def has_seamlines(self) -> bool:
        return bool(self.rows.column("seamline").null_count < len(self))

    def _geometries(self, column: str, positions: Positions) -> NDArray[Any]:
        wkb = self.rows.column(column).take(pa.array(positions)).to_numpy(zero_copy_only=False)
        return np.asarray(shapely.from_wkb(wkb))

    def positions_of(self, object_ids: Sequence[int]) -> Positions:
        """The rows of ids, in their order; ids that no row has are left out."""
        known = self.numbers("objectid")
        asked = np.asarray([i for i in object_ids if -(2**63) <= i < 2**63], np.int64)
        if not len(known) or not len(asked):
            return np.zeros(0, np.int64)
        places = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        found: Positions = places[known[places] == asked].astype(np.int64)
        return found

    def value(self, column: str, position: int) -> Any:
        """One value of a row, as Python has it; `None` for null."""
        return self.rows.column(column)[int(position)].as_py()
