"""Tables from outside: CSV, Parquet and GeoParquet, GeoJSON."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import shapely
from shapely.lib import ShapelyError

from ..errors import SourceError, UnknownCRSError
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ..imagery.sources.versions import display_name, is_address
from ..words import counted
from .documents import read_document, read_json

WGS84 = crs_from_wkid(4326)
_GEOMETRIES = ("geometry", "geom", "wkt", "wkb_geometry", "the_geom")
_EPSG_NAME = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:[0-9.]{0,8}:?([0-9]{4,6})", re.ASCII)
_LONGEST_FIELD = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A table: columns of equal length."""

    columns: dict[str, list[Any]]
    """Values as Python has them; text where the file has nothing but text. Geometries are WKB."""

    geometry: str | None = None
    """Name of the column of geometries."""

    crs: CRS | None = None
    """Of the geometries; `None` is WGS 84."""


def read_frame(path: str) -> Frame:
    """A table of CSV (UTF-8, with a header), or of Parquet by any other ending.

    Raises:
        SourceError: it is missing or cannot be understood.
    """
    return _csv(path) if is_csv(path) else _parquet(path)


def is_csv(path: str) -> bool:
    """By its ending, behind which an address may have a query."""
    plain = path.partition("?")[0] if is_address(path) else path
    return plain.lower().endswith(".csv")


def read_features(path: str) -> Frame:
    """As `read_frame`, and by the ending json or geojson a collection of GeoJSON features."""
    if path.lower().endswith((".json", ".geojson")):
        return _geojson(path)
    return read_frame(path)


def polygons(name: str, frame: Frame, column: str) -> list[bytes | None]:
    """WKB of a column of WKB or WKT.

    Raises:
        SourceError: it holds anything but polygons.
    """
    values = [value or None for value in frame.columns[column]]
    try:
        is_text = any(isinstance(value, str) for value in values)
        shapes = np.asarray(shapely.from_wkt(values) if is_text else shapely.from_wkb(values))
    except (ShapelyError, TypeError) as error:
        raise SourceError(f"{name}: column {column} is neither WKB nor WKT") from error
    kinds = set(shapely.get_type_id(shapes).tolist()) - {-1, 3, 6}
    if kinds or not np.isfinite(shapely.get_coordinates(shapes)).all():
        raise SourceError(f"{name}: column {column} holds other geometries than polygons")
    found: list[bytes | None] = list(shapely.to_wkb(shapely.force_2d(shapes)))
    return found


def _csv(path: str) -> Frame:
    name = display_name(path)
    try:
        text = read_document(path).decode("utf-8-sig")
        csv.field_size_limit(_LONGEST_FIELD)
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is no CSV in UTF-8") from error
    except csv.Error as error:
        raise SourceError(f"{name} is no CSV: {error}") from error
    if not rows:
        raise SourceError(f"{name} is empty")
    header = [each.strip() for each in rows[0]]
    if len({each.casefold() for each in header}) < len(header) or "" in header:
        raise SourceError(f"{name}: the first line must name the columns, each once")
    body = [row for row in rows[1:] if row]
    for number, row in enumerate(body, 2):
        if len(row) != len(header):
            told = counted(len(row), "value")
            raise SourceError(f"{name}: row {number} has {told}, not {len(header)}")
    columns = {each: [row[i] or None for row in body] for i, each in enumerate(header)}
    return _with_geometry(name, columns)


def _with_geometry(name: str, columns: dict[str, list[Any]]) -> Frame:
    """A column of WKT as geometries."""
    found = next((each for each in columns if each.casefold() in _GEOMETRIES), None)
    if found is None:
        return Frame(columns=columns)
    try:
        shapes = shapely.from_wkt(columns[found])
    except ShapelyError as error:
        raise SourceError(f"{name}: column {found} is no WKT: {error}") from error
    return Frame(columns=columns | {found: list(shapely.to_wkb(shapes))}, geometry=found)


def open_parquet(path: str) -> Any:
    """A Parquet file, to be read; one behind a URL is fetched.

    Raises:
        SourceError: it is missing, cut off or something else.
    """
    name = display_name(path)
    try:
        where = pa.BufferReader(read_document(path)) if is_address(path) else path
        return parquet.ParquetFile(where)
    except FileNotFoundError as error:
        raise SourceError(f"{name} is missing") from error
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{name} is no Parquet, or was cut off: {error}") from error


def _parquet(path: str) -> Frame:
    file = open_parquet(path)
    try:
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{display_name(path)} cannot be read: {error}") from error
    geometry, crs = geo_metadata(path, table.schema)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return Frame(columns=columns, geometry=geometry, crs=crs)


def geo_metadata(path: str, schema: Any) -> tuple[str | None, CRS | None]:
    """The primary column of geometries of a GeoParquet file, and its reference.

    Raises:
        SourceError: its metadata or its reference isn't understood.
    """
    said = (schema.metadata or {}).get(b"geo")
    if said is None:
        return None, None
    name = display_name(path)
    try:
        geo = json.loads(said)
        primary = str(geo["primary_column"])
        column = geo["columns"][schema.field(primary).name]
        if column["encoding"] != "WKB":
            raise SourceError(f"{name}: geometries must be WKB, not {column['encoding']}")
        return primary, _crs_of_projjson(column.get("crs"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{name}: its geo metadata is not understood") from error


def _crs_of_projjson(said: Any) -> CRS | None:
    """`None` for nothing said: longitude and latitude of WGS 84."""
    import pyproj

    if said is None:
        return None
    try:
        return crs_from_wkt(pyproj.CRS.from_json_dict(said).to_wkt())
    except (pyproj.exceptions.CRSError, UnknownCRSError) as error:
        raise ValueError("its reference is not understood") from error


def _geojson(path: str) -> Frame:
    name, found = display_name(path), read_json(path)
    features = found.get("features")
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise SourceError(f"{name} is no collection of GeoJSON features")
    properties = [each.get("properties") or {} for each in features]
    if not all(isinstance(each, dict) for each in properties):
        raise SourceError(f"{name} has a feature whose properties are no object")
    names = dict.fromkeys(key for each in properties for key in each)
    try:
        shapes = [_shape(each.get("geometry")) for each in features]
    except (ValueError, TypeError, KeyError, AttributeError, ShapelyError) as error:
        raise SourceError(f"{name} has a geometry that is not understood: {error}") from error
    columns = {key: [each.get(key) for each in properties] for key in names}
    crs = _named_crs(found.get("crs"), name)
    return Frame(columns=columns | {"geometry": shapes}, geometry="geometry", crs=crs)


def _named_crs(member: Any, name: str) -> CRS | None:
    """The reference that GeoJSON of before RFC 7946 names, as GDAL still writes it."""
    properties = member.get("properties") if isinstance(member, dict) else None
    named = properties.get("name") if isinstance(properties, dict) else None
    if member is None or (isinstance(named, str) and named.endswith("CRS84")):
        return None
    found = _EPSG_NAME.fullmatch(named) if isinstance(named, str) else None
    try:
        if found is not None:
            return crs_from_wkid(int(found[1]))
    except UnknownCRSError:
        pass
    raise SourceError(f"{name}: its crs is not understood; it is WGS 84, or EPSG's by its number")


def _shape(geometry: Any) -> bytes | None:
    if geometry is None:
        return None
    return bytes(shapely.to_wkb(shapely.geometry.shape(geometry)))
