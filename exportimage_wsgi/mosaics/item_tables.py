"""Tables of items: CSV, Parquet and GeoParquet with a column of paths, and stac-geoparquet.

The path stands in the column `source`, `path`, `location`, `href`, `file`, `filename`, `uri` or
`url`, the first of these that there is; it is relative to the table. A column `name` or `id` calls
the item. A column of polygons is its footprint, one named `seamline` its seamline (WKB or WKT);
all others are attributes. Rows with `proj:` columns as of STAC are never opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import shapely
from shapely.lib import ShapelyError

from ..errors import SourceError
from ..geo.crs import CRS
from ..imagery.sources.versions import display_name
from ..rasters import stem
from .addresses import resolved
from .columns import free_name
from .items import Attribute, Found
from .known import known_description
from .stac_items import ItemReader
from .tables import WGS84, Frame, geo_metadata, is_csv, open_parquet, polygons, read_frame

_PATHS = ("source", "path", "location", "href", "file", "filename", "uri", "url")
_NAMES = ("name", "id")
_SEAMLINE = "seamline"
_BATCH = 10_000


def items_of_table(path: str, asset: str | None) -> tuple[Found, ...]:
    """The items of a table, in its order.

    Args:
        path: of the table.
        asset: of STAC items.

    Raises:
        SourceError: it cannot be understood, or has no column of paths.
    """
    if not is_csv(path):
        file = open_parquet(path)
        kinds = {field.name: field.type for field in file.schema_arrow}
        if "id" in kinds and pa.types.is_struct(kinds.get("assets", pa.null())):
            return tuple(_stac_items(path, file, asset))
    return tuple(_rows(path, read_frame(path)))


# --- a row a raster --------------------------------------------------------------------------


def _rows(path: str, frame: Frame) -> Iterator[Found]:
    name = display_name(path)
    by_name = {column.casefold(): column for column in frame.columns}
    location = next((by_name[each] for each in _PATHS if each in by_name), None)
    if location is None:
        raise SourceError(f"{name} has no column of paths: {', '.join(_PATHS)}")
    called = next((by_name[each] for each in _NAMES if each in by_name), None)
    seamline = by_name.get(_SEAMLINE)
    fixed = {location, called, seamline, frame.geometry}
    attributes = _attribute_names([each for each in frame.columns if each not in fixed])
    crs = frame.crs or WGS84
    outlines = None if frame.geometry is None else polygons(name, frame, frame.geometry)
    lines = None if seamline is None else polygons(name, frame, seamline)
    for i, raster in enumerate(frame.columns[location]):
        if not raster:
            raise SourceError(f"{name}: row {i + 1} has no path in column {location}")
        row = {column: values[i] for column, values in frame.columns.items()}
        address = resolved(str(raster), path)
        outline = outlines[i] if outlines else None
        yield Found(
            raster=address,
            name=str(row[called]) if called and row[called] is not None else stem(address),
            place=str(raster),
            attributes={new: _scalar(row[old]) for old, new in attributes.items()},
            known=_known(row, outline, crs),
            outline=outline,
            outline_crs=crs if outlines or lines else None,
            seamline=lines[i] if lines else None,
        )


def _attribute_names(columns: list[str]) -> dict[str, str]:
    """Column of the table → column of ours."""
    names: dict[str, str] = {}
    for column in columns:
        if not column.casefold().startswith(("proj:", "raster:", "bbox")):
            names[column] = free_name(column, names.values())
    return names


def _scalar(value: Any) -> Attribute:
    """A value as an attribute: lists as text, what is nested deeper as nothing."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(each) for each in value)
    return None if isinstance(value, (dict, bytes)) else value


def _known(row: Mapping[str, Any], outline: bytes | None, crs: CRS) -> Any:
    if not any(key.startswith("proj:") for key in row):
        return None
    return known_description(row, {}, outline, crs)


# --- stac-geoparquet -------------------------------------------------------------------------

_NO_PROPERTIES = {
    *("type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets"),
    "collection",
}


def _stac_items(path: str, file: Any, asset: str | None) -> Iterator[Found]:
    name = display_name(path)
    geometry, crs = geo_metadata(path, file.schema_arrow)
    reader = ItemReader(asset=asset, document=path)
    try:
        for batch in file.iter_batches(_BATCH):
            for row in batch.to_pylist():
                properties = {k: v for k, v in row.items() if k not in _NO_PROPERTIES}
                yield reader.item(
                    name=str(row["id"]),
                    geometry=_shape(row.get(geometry or "geometry")),
                    bbox=row.get("bbox"),
                    crs=crs or WGS84,
                    properties=properties,
                    assets={key: each for key, each in (row["assets"] or {}).items() if each},
                )
    except (pa.ArrowException, OSError, ShapelyError) as error:
        raise SourceError(f"{name} cannot be read: {error}") from error


def _shape(wkb: bytes | None) -> Any:
    return None if wkb is None else shapely.from_wkb(wkb)
