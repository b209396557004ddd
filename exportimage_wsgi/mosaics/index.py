"""The index: one GeoParquet file that keeps the table of a mosaic, and what was found for it.

Version 1.1 of GeoParquet: any program that reads it can show the footprints. The box of a
footprint is its column `bbox`; `described` keeps what was found in a raster, for the next index;
the metadata `exportimage_wsgi` holds what isn't of one item.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import shapely

from ..errors import SourceError
from ..geo.crs import CRS
from ..imagery.sources.versions import display_name, is_address
from ..pixels import Statistics
from .as_raster import Options
from .items import Description
from .keeping import KeepingError, crs_of, description_of, together_of, told, told_together
from .settings import MosaicSettings
from .table import COLUMNS, ItemTable
from .tables import open_parquet
from .together import Together

Kept = tuple[str, Description] | None
"""What was found in a raster, and the version it is known by."""

_FORMAT = 1
_KEY = b"exportimage_wsgi"
_BOX = ("xmin", "ymin", "xmax", "ymax")
_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an index holds, but for the descriptions."""

    table: ItemTable

    together: Together

    statistics: tuple[Statistics, ...] | None

    next_id: int
    """Of the next item that is new: ids are never used again."""

    shape: str
    """See `shape_of`."""


def shape_of(what: Any, settings: MosaicSettings, options: Options) -> str:
    """Changes with what an index is made of and how, but not with the files themselves."""
    parts = what if isinstance(what, (list, tuple)) else [what]
    folder = os.path.dirname(os.path.abspath(settings.index or ""))
    files = (*parts, settings.table, settings.seamlines)
    facts = (
        # So that a folder can move together with its index.
        [None if file is None else _relative(os.fspath(file), folder) for file in files],
        *(settings.pattern, settings.types, settings.asset),
        *(settings.crs, settings.bands, settings.pixel_type),
        manner_digest(settings, options),
    )
    return hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def manner_digest(settings: MosaicSettings, options: Options) -> str:
    """Changes with how each raster is looked at."""
    facts = _FORMAT, options.unscale, options.nodata, settings.footprints, settings.tags
    return hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=16).hexdigest()


# --- reading ---------------------------------------------------------------------------------


def load(path: str, shape: str | None = None) -> Index:
    """The index of a file.

    Args:
        path: of the file.
        shape: that it must have been made with, if any.

    Raises:
        SourceError: it is damaged, of another version, or was made with other settings.
    """
    name, again = display_name(path), "make it again by `exportimage-wsgi index`"
    said = metadata(path)
    if said.get("format") != _FORMAT:
        raise SourceError(f"{name} is no index of this version: {again}")
    if shape is not None and said.get("shape") != shape:
        raise SourceError(f"{name} was made with other settings: {again}")
    try:
        rows = parquet.read_table(path, columns=_columns(path))
        table = ItemTable(
            crs=crs_of(said["crs"]), rows=_rows(rows, path), version=str(said["version"])
        )
        statistics = said["statistics"]
        return Index(
            table=table,
            together=together_of(said["together"]),
            statistics=None if statistics is None else tuple(_statistics(s) for s in statistics),
            next_id=int(said["next_id"]),
            shape=str(said["shape"]),
        )
    except (pa.ArrowException, OSError, KeepingError, KeyError, ValueError, TypeError) as error:
        raise SourceError(f"{name} is damaged: {again}") from error


def metadata(path: str) -> dict[str, Any]:
    """What is kept beside the rows; nothing where it isn't an index of ours.

    Raises:
        SourceError: it is no Parquet file, or was cut off.
    """
    with open_parquet(path) as file:
        kept = (file.schema_arrow.metadata or {}).get(_KEY)
    try:
        said = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _columns(path: str) -> list[str]:
    with open_parquet(path) as file:
        return [name for name in file.schema_arrow.names if name != "described"]


def _rows(rows: pa.Table, path: str) -> pa.Table:
    """As `COLUMNS` has them, with whole addresses."""
    box = rows.column("bbox").combine_chunks()
    columns = {}
    for name, kind in COLUMNS.items():
        values = box.field(name) if name in _BOX else rows.column(name)
        columns[name] = values.cast(kind)
    columns["source"] = _whole(columns["source"], os.path.dirname(os.path.abspath(path)))
    attributes = [name for name in rows.column_names if name not in COLUMNS and name != "bbox"]
    # In one piece: Arrow would copy a column of several whenever some of its rows are taken.
    return pa.table(columns | {name: rows.column(name) for name in attributes}).combine_chunks()


def _whole(sources: Any, folder: str) -> Any:
    """Absolute addresses, spelt as `find` spells them: what is known of an item goes by them."""
    import pyarrow.compute as compute

    is_whole = compute.match_substring_regex(sources, r"^(?:/|[A-Za-z]:[\\/]|[a-z0-9+]+://)")
    whole = compute.binary_join_element_wise(folder, sources, "/")
    if compute.any(compute.starts_with(sources, "../")).as_py():  # It takes seconds of a million.
        whole = pa.array([os.path.normpath(each) for each in whole.to_pylist()], whole.type)
    return compute.if_else(is_whole, sources, whole)


def _statistics(numbers: Any) -> Statistics:
    minimum, maximum, mean, deviation = (float(number) for number in numbers)
    return Statistics(minimum=minimum, maximum=maximum, mean=mean, deviation=deviation)


def load_descriptions(path: str) -> dict[tuple[str, str], Description]:
    """What was found in each raster that was opened for the index; see `describing.Known`.

    Raises:
        SourceError: the index is damaged.
    """
    try:
        rows = parquet.read_table(path, columns=["source", "described"])
        sources = _whole(rows.column("source"), os.path.dirname(os.path.abspath(path)))
        said = [text and json.loads(text) for text in rows.column("described").to_pylist()]
        pairs = zip(sources.to_pylist(), said, strict=True)
        return {(source, each["version"]): description_of(each) for source, each in pairs if each}
    except (pa.ArrowException, OSError, KeepingError, ValueError, KeyError) as error:
        raise SourceError(f"{display_name(path)} is damaged") from error


# --- writing ---------------------------------------------------------------------------------


def save(path: str, index: Index, descriptions: Sequence[Kept], manner: str) -> None:
    """Write the index beside its place, and rename it.

    Args:
        path: of the file.
        index: what it holds.
        descriptions: of each row, with the version that it is known by; `None` for a raster
            that was never opened.
        manner: see `manner_digest`.

    Raises:
        OSError: it cannot be written.
    """
    rows = _stored(index.table, descriptions, os.path.dirname(os.path.abspath(path)))
    ours = {
        "format": _FORMAT,
        "shape": index.shape,
        "manner": manner,
        "version": index.table.version,
        "crs": index.table.crs.definition,
        "together": told_together(index.together),
        "statistics": index.statistics and [astuple(each) for each in index.statistics],
        "next_id": index.next_id,
    }
    rows = rows.replace_schema_metadata(
        {_KEY: json.dumps(ours), b"geo": json.dumps(_geo(index.table))}
    )
    temporary = f"{path}.{os.getpid()}.part"
    try:
        parquet.write_table(rows, temporary, compression="zstd", row_group_size=_ROWS)
        with open(temporary, "r+b") as written:  # Windows flushes nothing that can't be written.
            os.fsync(written.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _stored(table: ItemTable, descriptions: Sequence[Kept], folder: str) -> pa.Table:
    rows = table.rows
    columns = {n: rows.column(n) for n in rows.column_names if n not in _BOX}
    columns["source"] = pa.array([_relative(s, folder) for s in columns["source"].to_pylist()])
    box = [rows.column(name).combine_chunks() for name in _BOX]
    columns["bbox"] = pa.StructArray.from_arrays(box, _BOX)
    columns["described"] = pa.array([_described(each) for each in descriptions], pa.string())
    return pa.table(columns)


def _described(kept: Kept) -> str | None:
    return None if kept is None else json.dumps(told(kept[1]) | {"version": kept[0]})


def _relative(source: str, folder: str) -> str:
    """The address of a local raster from the folder of the index; others as they are."""
    if is_address(source):
        return source
    try:
        return os.path.relpath(source, folder).replace(os.sep, "/")
    except ValueError:  # On another drive.
        return source


def _geo(table: ItemTable) -> dict[str, Any]:
    """The metadata of GeoParquet 1.1."""
    low, high = table.bounds[:, :2].min(axis=0), table.bounds[:, 2:].max(axis=0)
    geometry = _geometry_column(table.crs, table.footprints(table.everywhere))
    geometry["bbox"] = [*low.tolist(), *high.tolist()]
    geometry["covering"] = {"bbox": {side: ["bbox", side] for side in _BOX}}
    columns = {"geometry": geometry}
    if table.has_seamlines:
        columns["seamline"] = _geometry_column(table.crs, table.seamlines(table.everywhere))
    return {"version": "1.1.0", "primary_column": "geometry", "columns": columns}


def _geometry_column(crs: CRS, shapes: Any) -> dict[str, Any]:
    kinds = set(np.unique(shapely.get_type_id(shapes)).tolist())
    names = [name for number, name in ((3, "Polygon"), (6, "MultiPolygon")) if number in kinds]
    return {"encoding": "WKB", "geometry_types": names, "crs": crs.proj.to_json_dict()}
