"""Queries of a catalogue: the table of their parameters, and how they become a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ParameterError
from ..esri import geometry, names, params, queries
from ..esri.geometry import Geometry, GeometryType
from ..esri.params import TimeRange
from ..esri.queries import OutStatistic, Sorting, SpatialRelation
from ..esri.where import parse_where
from ..esri.where.conditions import Condition
from ..geo.crs import CRS
from .parameters import Parameter, said_in

_BOOLEAN = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryRequest:
    """What a client asks of a catalogue. `None` means "not said"."""

    where: Condition | None = None

    object_ids: tuple[int, ...] | None = None

    time: TimeRange | None = None

    geometry: Geometry | None = None

    geometry_type: GeometryType | None = None

    in_sr: CRS | None = None
    """Of a geometry that doesn't say its own."""

    spatial_rel: SpatialRelation = SpatialRelation.INTERSECTS

    pixel_size: float | None = None

    out_fields: tuple[str, ...] | None = None

    return_geometry: bool = True

    out_sr: CRS | None = None

    return_ids_only: bool = False

    return_count_only: bool = False

    return_extent_only: bool = False

    return_distinct_values: bool = False

    order_by_fields: tuple[Sorting, ...] = ()

    group_by_fields: tuple[str, ...] = ()

    out_statistics: tuple[OutStatistic, ...] | None = None

    result_offset: int = 0

    result_record_count: int | None = None

    geometry_precision: int | None = None

    max_allowable_offset: float = 0.0

    return_true_curves: bool = False
    """Footprints have none."""


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="where",
        argument="where",
        read=parse_where,
        hint="Year > 2000 AND Name LIKE 'N%'",
        help="Condition on the fields, in SQL.",
    ),
    Parameter(
        name="objectIds",
        argument="object_ids",
        read=queries.object_ids,
        hint="1,2,3",
        help="Items by OBJECTID.",
    ),
    Parameter(
        name="time",
        argument="time",
        read=params.time,
        hint="1199145600000,null",
        help="An instant or a range, in milliseconds since 1970; of services with a time field.",
    ),
    Parameter(
        name="geometry",
        argument="geometry",
        read=geometry.geometry,
        hint="-117,34,-116,35",
        help="Point, points, line, polygon or envelope as JSON, or x,y or xmin,ymin,xmax,ymax.",
    ),
    Parameter(
        name="geometryType",
        argument="geometry_type",
        read=geometry.geometry_type,
        choices=tuple(kind.value for kind in GeometryType),
        help="Kind of the geometry; it is told by the geometry, too.",
    ),
    Parameter(
        name="inSR",
        argument="in_sr",
        read=params.spatial_reference,
        hint="4326",
        help="Spatial reference of the geometry; without it the service's own.",
    ),
    Parameter(
        name="spatialRel",
        argument="spatial_rel",
        read=queries.spatial_relation,
        choices=tuple(relation.value for relation in SpatialRelation),
        help="What the geometry must be to footprints (default: they intersect).",
    ),
    Parameter(
        name="pixelSize",
        argument="pixel_size",
        read=queries.pixel_size,
        hint="30,30",
        help="Only items that are drawn in pictures of that pixel size (MinPS, MaxPS).",
    ),
    Parameter(
        name="outFields",
        argument="out_fields",
        read=queries.field_names,
        hint="*",
        help="Fields of the reply, or * for all; without it OBJECTID.",
        first="*",
    ),
    Parameter(
        name="returnGeometry",
        argument="return_geometry",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Are footprints told, too (default true)?",
    ),
    Parameter(
        name="outSR",
        argument="out_sr",
        read=params.spatial_reference,
        hint="102100",
        help="Spatial reference of footprints; without it the service's own.",
    ),
    Parameter(
        name="returnIdsOnly",
        argument="return_ids_only",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Only the ids of all items found.",
    ),
    Parameter(
        name="returnCountOnly",
        argument="return_count_only",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Only how many items were found.",
    ),
    Parameter(
        name="returnExtentOnly",
        argument="return_extent_only",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Only the box around all items found.",
    ),
    Parameter(
        name="returnDistinctValues",
        argument="return_distinct_values",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Each combination of values of outFields once, without geometry.",
    ),
    Parameter(
        name="orderByFields",
        argument="order_by_fields",
        read=queries.sortings,
        hint="Year DESC, Name",
        help="Fields by which the reply is ordered; ties by OBJECTID.",
    ),
    Parameter(
        name="groupByFieldsForStatistics",
        argument="group_by_fields",
        read=queries.field_names,
        hint="Year",
        help="Fields whose values make the groups of outStatistics.",
    ),
    Parameter(
        name="outStatistics",
        argument="out_statistics",
        read=queries.out_statistics,
        hint='[{"statisticType":"count","onStatisticField":"OBJECTID","outStatisticFieldName":"n"}]',
        help="Numbers made of the items found: count, sum, min, max, avg, stddev, var.",
    ),
    Parameter(
        name="resultOffset",
        argument="result_offset",
        read=queries.record_count,
        hint="0",
        help="How many items at the beginning are left out.",
    ),
    Parameter(
        name="resultRecordCount",
        argument="result_record_count",
        read=queries.record_count,
        hint="100",
        help="How many items the reply has at most; never more than maxRecordCount.",
    ),
    Parameter(
        name="geometryPrecision",
        argument="geometry_precision",
        read=queries.decimals,
        hint="6",
        help="Decimals of the coordinates of footprints.",
    ),
    Parameter(
        name="maxAllowableOffset",
        argument="max_allowable_offset",
        read=queries.offset,
        hint="100",
        help="By how much footprints may be off, in units of outSR.",
    ),
    Parameter(
        name="returnTrueCurves",
        argument="return_true_curves",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Without effect: footprints have no curves.",
    ),
)
"""Every parameter of query but `f` and `callback`, in the order of Esri's form."""

_REFUSED = ("multidimensionalDefinition", "rasterQuery")


def parse_query(arguments: Mapping[str, str]) -> QueryRequest:
    """The request of a client's arguments, by lower-case name, blanks around them removed.

    Raises:
        ParameterError: one of them breaks its rule, or contradicts another.
    """
    for name in _REFUSED:
        if name.lower() in arguments:
            raise ParameterError(name, arguments[name.lower()], "is not supported by this service")
    request = QueryRequest(**said_in(arguments, PARAMETERS))
    _check_kind(request, arguments)
    if request.group_by_fields and request.out_statistics is None:
        received = arguments["groupbyfieldsforstatistics"]
        raise ParameterError("groupByFieldsForStatistics", received, "must have outStatistics, too")
    return request


def _check_kind(request: QueryRequest, arguments: Mapping[str, str]) -> None:
    found, said = request.geometry, request.geometry_type
    if found is not None and said is not None and found.type is not said:
        rule = f"geometry is of the type {found.type.value}"
        raise ParameterError("geometryType", arguments["geometrytype"], rule)
