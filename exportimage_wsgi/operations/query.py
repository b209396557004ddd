"""query: items of a mosaic by attributes, place and time (spec: imageservice.md §3)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import shapely

from ..errors import ParameterError
from ..esri.queries import Sorting
from ..esri.replies import extent_json, finite, spatial_reference_json
from ..geo.crs import CRS
from ..mosaics.dataset import MosaicDataset
from ..mosaics.filtering import in_time, matching
from ..mosaics.meeting import meeting, placed, shape_of
from ..mosaics.reprojecting import extent_of, outlines
from ..mosaics.summaries import Records, distinct, in_order, summarised
from ..mosaics.table import Field, ItemTable, Positions
from ..service import ImageService
from .operation import Answer, Call, File
from .placing import WGS84
from .query_request import QueryRequest, parse_query
from .records import OBJECT_ID, attributes, attributes_of, features, field_json, geojson_features

GEOJSON = "geojson"
_EVERY = "*"
_SHAPE = "shape"


def has_items(service: ImageService) -> bool:
    """Is it a mosaic, which has a catalogue?"""
    return isinstance(service.source, MosaicDataset)


def query(service: ImageService, call: Call) -> Answer:
    """The items that a client asks for, or what it asks of them."""
    request = parse_query(call.arguments)
    dataset = service.source
    assert isinstance(dataset, MosaicDataset)
    found = _Query(dataset, request, call.arguments, call.version)
    if call.arguments.get("f", "").lower() != GEOJSON:
        return found.answer()
    text = json.dumps(finite(found.geojson()), separators=(",", ":"), allow_nan=False)
    return File(content=text.encode(), media_type="application/geo+json")


@contextmanager
def _blamed(name: str, arguments: Mapping[str, str]) -> Iterator[None]:
    """Rules that are broken inside are those of a parameter."""
    try:
        yield
    except ValueError as error:
        raise ParameterError(name, arguments.get(name.lower(), ""), str(error)) from None


def selected(
    dataset: MosaicDataset, request: QueryRequest, arguments: Mapping[str, str]
) -> Positions:
    """The rows that a request selects, ascending.

    Raises:
        ParameterError: it speaks of what the table doesn't have.
    """
    table = dataset.table
    rows, shapes = table.everywhere, None
    if request.object_ids is not None:
        rows = np.unique(table.positions_of(request.object_ids))
    if request.geometry is not None:
        with _blamed("geometry", arguments):
            crs = request.geometry.crs or request.in_sr or table.crs
            shapes = placed(table, shape_of(request.geometry), crs)
        near = _near(table, shapes)
        rows = near if len(rows) == len(table) else np.intersect1d(rows, near)
    if request.pixel_size is not None:
        rows = _drawn_at(table, request.pixel_size, rows)
    if request.time is not None and dataset.settings.time:
        rows = in_time(table, dataset.settings.time, request.time, rows)
    if request.where is not None:
        with _blamed("where", arguments):
            rows = matching(table, request.where, rows)
    if shapes is not None:
        with _blamed("geometry", arguments):
            rows = meeting(table, shapes, request.spatial_rel, rows)
    return rows


def _near(table: ItemTable, shapes: Sequence[Any]) -> Positions:
    boxes = [tuple(float(side) for side in shapely.bounds(shape)) for shape in shapes]
    return table.near(boxes) if boxes else table.everywhere[:0]  # type: ignore[arg-type]


def _drawn_at(table: ItemTable, pixel_size: float, rows: Positions) -> Positions:
    """The rows that are drawn in pictures of a pixel size; 0 is any, and so is null."""
    low = np.nan_to_num(table.numbers("min_ps")[rows])
    high = np.nan_to_num(table.numbers("max_ps")[rows])
    found: Positions = rows[(low <= pixel_size) & ((high == 0) | (pixel_size <= high))]
    return found


class _Query:
    """A request and what it selects."""

    def __init__(
        self,
        dataset: MosaicDataset,
        request: QueryRequest,
        arguments: Mapping[str, str],
        version: float,
    ) -> None:
        self._table, self._settings = dataset.table, dataset.settings
        self._request, self._arguments, self._version = request, arguments, version
        self._rows = selected(dataset, request, arguments)

    # --- kinds of answers -------------------------------------------------------------------

    def answer(self) -> dict[str, Any]:
        """Esri's JSON."""
        request, crs = self._request, self._request.out_sr or self._table.crs
        if request.return_ids_only:
            ids = self._table.numbers("objectid")[self._ordered()]
            return {"objectIdFieldName": OBJECT_ID, "objectIds": ids.tolist()}
        if request.return_count_only or request.return_extent_only:
            return self._summary(crs)
        records = self._records()
        if records is not None:
            return self._listed(records)
        page, is_more = self._page(self._ordered())
        fields = self._fields()
        reply = {
            "objectIdFieldName": OBJECT_ID,
            "fields": [field_json(field) for field in fields],
            "geometryType": "esriGeometryPolygon",
            "spatialReference": spatial_reference_json(crs, self._version),
            "features": features(attributes(self._table, fields, page), self._outlines(page, crs)),
        }
        return reply | _exceeded(is_more)

    def geojson(self) -> dict[str, Any]:
        """A FeatureCollection of RFC 7946; of counts and ids the same JSON as Esri's."""
        request = self._request
        if request.return_ids_only or request.return_count_only or request.return_extent_only:
            return self.answer()
        if request.out_sr not in (None, WGS84):
            received = self._arguments["outsr"]
            raise ParameterError("outSR", received, "GeoJSON is always in WGS 84 (4326)")
        records = self._records()
        if records is not None:
            rows, is_more = self._page(np.arange(records.rows.num_rows))
            told = attributes_of(records.fields, records.rows.take(rows))
            return _collection(geojson_features((), told, None), is_more)
        page, is_more = self._page(self._ordered())
        told = attributes(self._table, self._fields(), page)
        ids = self._table.numbers("objectid")[page].tolist()
        return _collection(geojson_features(ids, told, self._outlines(page, WGS84)), is_more)

    def _summary(self, crs: CRS) -> dict[str, Any]:
        """The count, the extent, or both."""
        request = self._request
        reply: dict[str, Any] = {}
        if request.return_count_only:
            records = self._records()
            reply["count"] = len(self._rows) if records is None else records.rows.num_rows
        if request.return_extent_only:
            reply["extent"] = self._extent(crs)
        return reply

    def _extent(self, crs: CRS) -> dict[str, Any]:
        """Of no items its sides are NaN, as Esri writes it."""
        extent = extent_of(self._table, self._rows, crs)
        if extent is not None:
            return extent_json(extent, self._version)
        if len(self._rows):
            rule = "the box around the items has no place there"
            raise ParameterError("outSR", self._arguments.get("outsr", ""), rule)
        sides = dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), math.nan)
        return sides | {"spatialReference": spatial_reference_json(crs, self._version)}

    def _listed(self, records: Records) -> dict[str, Any]:
        rows, is_more = self._page(np.arange(records.rows.num_rows))
        told = attributes_of(records.fields, records.rows.take(rows))
        reply = {
            "fields": [field_json(field) for field in records.fields],
            "features": features(told, None),
        }
        return reply | _exceeded(is_more)

    # --- parts of them ----------------------------------------------------------------------

    def _records(self) -> Records | None:
        """Statistics or differing values, if they are asked for."""
        request = self._request
        if request.out_statistics is not None:
            with _blamed("groupByFieldsForStatistics", self._arguments):
                groups = self._named(request.group_by_fields)
            with _blamed("outStatistics", self._arguments):
                return summarised(
                    self._table,
                    request.out_statistics,
                    groups,
                    request.order_by_fields,
                    self._rows,
                )
        if not request.return_distinct_values:
            return None
        if not self._fields():
            raise ParameterError("returnDistinctValues", "true", "must have outFields, too")
        with _blamed("orderByFields", self._arguments):
            return distinct(self._table, self._fields(), request.order_by_fields, self._rows)

    def _fields(self) -> tuple[Field, ...]:
        """Those of the reply."""
        asked = self._request.out_fields or (OBJECT_ID,)
        if _EVERY in asked:
            return self._table.fields
        with _blamed("outFields", self._arguments):
            return self._named(tuple(name for name in asked if name.lower() != _SHAPE))

    def _named(self, names: Sequence[str]) -> tuple[Field, ...]:
        return tuple(dict.fromkeys(self._table.field(name) for name in names))

    def _ordered(self) -> Positions:
        with _blamed("orderByFields", self._arguments):
            sortings: tuple[Sorting, ...] = self._request.order_by_fields
            return in_order(self._table, sortings, self._rows)

    def _page(self, rows: Positions) -> tuple[Positions, bool]:
        """The part of the rows that is asked for, and whether more follow."""
        request, most = self._request, self._settings.max_records
        count = most if request.result_record_count is None else request.result_record_count
        end = request.result_offset + min(count, most)
        return rows[request.result_offset : end], end < len(rows)

    def _outlines(self, page: Positions, crs: CRS) -> Any:
        if not self._request.return_geometry:
            return None
        return outlines(
            self._table,
            page,
            crs,
            offset=self._request.max_allowable_offset,
            decimals=self._request.geometry_precision,
        )


def _exceeded(is_more: bool) -> dict[str, Any]:
    return {"exceededTransferLimit": True} if is_more else {}


def _collection(found: Iterator[dict[str, Any]], is_more: bool) -> dict[str, Any]:
    reply = {"type": "FeatureCollection", "features": list(found)}
    return reply | ({"properties": _exceeded(True), **_exceeded(True)} if is_more else {})
