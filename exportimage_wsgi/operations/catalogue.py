"""The catalogue of a mosaic, as the parent resource tells of it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..esri.rules import MosaicMethod
from ..mosaics.dataset import MosaicDataset
from .records import OBJECT_ID, SHAPE, field_json

_METHODS = {
    MosaicMethod.NORTHWEST: "NorthWest",
    MosaicMethod.CENTER: "Center",
    MosaicMethod.LOCK_RASTER: "LockRaster",
    MosaicMethod.ATTRIBUTE: "ByAttribute",
    MosaicMethod.NADIR: "Nadir",
    MosaicMethod.VIEWPOINT: "Viewpoint",
    MosaicMethod.SEAMLINE: "Seamline",
    MosaicMethod.NONE: "None",
}
"""In the order that Esri's servers list them."""


def catalogue_properties(dataset: MosaicDataset) -> dict[str, Any]:
    """What a mosaic says of itself in place of what one raster does; `timeInfo` only if its items
    have times."""
    table, settings = dataset.table, dataset.settings
    fields = [field_json(field) for field in table.fields]
    allowed = [name for method, name in _METHODS.items() if _is_allowed(dataset, method)]
    return {
        "datasetFormat": "AMD",
        "serviceSourceType": "esriImageServiceSourceTypeMosaicDataset",
        "objectIdField": OBJECT_ID,
        "fields": [fields[0], SHAPE, *fields[1:]],
        "capabilities": "Image,Metadata,Catalog",
        "defaultMosaicMethod": _METHODS[settings.method],
        "allowedMosaicMethods": ",".join(allowed),
        "sortField": settings.sort_field or "",
        "sortValue": settings.sort_value,
        "sortAscending": settings.ascending,
        "sortableFields": ",".join(field.name for field in table.fields),
        "mosaicOperator": settings.operation.value.capitalize(),
        "maxRecordCount": settings.max_records,
        "maxMosaicImageCount": settings.max_images,
        "supportsStatistics": True,
        "supportsAdvancedQueries": True,
        "advancedQueryCapabilities": {
            "useStandardizedQueries": True,
            "supportsStatistics": True,
            "supportsOrderBy": True,
            "supportsDistinct": True,
            "supportsPagination": True,
            "supportsReturningQueryExtent": True,
            "supportsPercentileStatistics": False,
            "supportsTrueCurve": False,
        },
        **_time(dataset),
    }


def _is_allowed(dataset: MosaicDataset, method: MosaicMethod) -> bool:
    return method is not MosaicMethod.SEAMLINE or dataset.table.has_seamlines


def _time(dataset: MosaicDataset) -> dict[str, Any]:
    """The fields that hold times, and from when to when they are."""
    names = dataset.settings.time
    extent = _time_extent(dataset) if names else None
    if extent is None:
        return {}
    start, *end = (dataset.table.field(name).name for name in names)
    return {
        "timeInfo": {
            "startTimeField": start,
            "endTimeField": end[0] if end else None,
            "timeExtent": extent,
            "timeReference": None,
        }
    }


def _time_extent(dataset: MosaicDataset) -> list[int] | None:
    """First and last instant, in milliseconds since 1970; `None` if no item has any."""
    table, names = dataset.table, dataset.settings.time
    columns = [table.rows.column(table.field(name).column) for name in (names[0], names[-1])]
    first, last = pc.min(columns[0]).cast(pa.int64()), pc.max(columns[1]).cast(pa.int64())
    return [first.as_py(), last.as_py()] if first.is_valid and last.is_valid else None
