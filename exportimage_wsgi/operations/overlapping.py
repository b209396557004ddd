"""Overlapping: the items of a mosaic at a place, the topmost first, and their own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from ..errors import ParameterError
from ..esri.geometry import Geometry
from ..esri.queries import SpatialRelation
from ..esri.replies import spatial_reference_json
from ..esri.rules import MosaicMethod, MosaicRule
from ..geo.crs import CRS, Coordinates
from ..geo.extent import Extent
from ..geo.grid import Grid
from ..mosaics.dataset import MosaicDataset
from ..mosaics.meeting import meeting, placed, shape_of
from ..mosaics.reprojecting import outlines
from ..mosaics.selecting import ranked_positions
from ..mosaics.table import Field, Positions
from ..pixels import MosaicOperation, Pixels
from ..service import ImageService
from .mosaicking import order_asked
from .reading import Reading, value_at
from .records import OBJECT_ID, attributes, features, field_json
from .request import ExportRequest

_MOST_PIXELS = 10_000
"""Of a side of the picture that pixel sizes are told by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The items at a place."""

    dataset: MosaicDataset

    positions: Positions
    """Rows of the table, the topmost item first."""

    @property
    def ids(self) -> list[int]:
        """OBJECTIDs."""
        found: list[int] = self.dataset.table.numbers("objectid")[self.positions].tolist()
        return found

    def first(self, count: int) -> Items:
        """The topmost ones."""
        return replace(self, positions=self.positions[:count])


def dataset_of(service: ImageService) -> MosaicDataset | None:
    """The mosaic behind a service, if there is one."""
    return service.source if isinstance(service.source, MosaicDataset) else None


def items_in(reading: Reading, dataset: MosaicDataset, place: Geometry) -> Items:
    """Those that a geometry meets and the mosaic rule selects.

    Raises:
        ParameterError: the rule speaks of what the mosaic doesn't have, or the geometry is too
            intricate or has no place near the items.
    """
    assert place.crs is not None
    with _blamed("geometry", place.type.value):
        shapes = placed(dataset.table, shape_of(place), place.crs)
        shapes = tuple(shape for shape in shapes if not shape.is_empty)
        if not shapes:
            return Items(dataset=dataset, positions=dataset.table.everywhere[:0])
        grid = _grid(reading, shapely.bounds(shapely.union_all([s.envelope for s in shapes])))
        ranked = _ranked(reading, dataset, grid)
        met = meeting(dataset.table, shapes, SpatialRelation.INTERSECTS, ranked)
    return Items(dataset=dataset, positions=met)


def items_at(reading: Reading, dataset: MosaicDataset, point: Coordinates) -> Items:
    """Those at a point of the service's reference."""
    if not np.isfinite(point).all():
        return Items(dataset=dataset, positions=dataset.table.everywhere[:0])
    ranked = _ranked(reading, dataset, _grid(reading, (*point, *point)))
    period = dataset.table.crs.period or 0.0
    turns = np.array([[turn * period, 0.0] for turn in ((-2, -1, 0, 1, 2) if period else (0,))])
    places = list(shapely.points(point + turns))
    met = meeting(dataset.table, places, SpatialRelation.INTERSECTS, ranked)
    return Items(dataset=dataset, positions=met)


def _grid(reading: Reading, bounds: Any) -> Grid:
    """A picture of a box at the pixel size that is read; of at least one pixel."""
    across, down = reading.pixel_size_xy
    xmin, ymin, xmax, ymax = (float(side) for side in bounds)
    columns = int(min(max(round((xmax - xmin) / across), 1), _MOST_PIXELS))
    rows = int(min(max(round((ymax - ymin) / down), 1), _MOST_PIXELS))
    wide, high = max(xmax - xmin, across) / 2, max(ymax - ymin, down) / 2
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    crs = reading.service.crs
    box = Extent(xmin=x - wide, ymin=y - high, xmax=x + wide, ymax=y + high, crs=crs)
    return Grid.over(box, (columns, rows))


def _ranked(reading: Reading, dataset: MosaicDataset, grid: Grid) -> Positions:
    order = order_asked(dataset, ExportRequest(**reading.said))
    with _blamed("mosaicRule", order.method.value):
        return ranked_positions(dataset, grid, order)


@contextmanager
def _blamed(name: str, received: str) -> Iterator[None]:
    try:
        yield
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(name, received, str(error)) from None


def value_of_item(reading: Reading, object_id: int, point: Coordinates) -> Pixels | None:
    """The pixel of one item alone at a point of the service's reference; this reads it."""
    rule = MosaicRule(
        method=MosaicMethod.LOCK_RASTER, locked_ids=(object_id,), operation=MosaicOperation.FIRST
    )
    alone = replace(reading, said={**reading.said, "mosaic_rule": rule})
    return value_at(alone, point)


def is_data(pixels: Pixels | None) -> bool:
    """Is a band of the pixel valid?"""
    return pixels is not None and bool(pixels.valid.any())


def shares(
    reading: Reading, dataset: MosaicDataset, values: Sequence[Pixels | None]
) -> list[float]:
    """How much of the mosaic's pixel each item makes, given their own pixels in order."""
    rule: MosaicRule | None = reading.said.get("mosaic_rule")
    operation = (rule and rule.operation) or dataset.settings.operation
    data = [number for number, pixels in enumerate(values) if is_data(pixels)]
    if operation is MosaicOperation.FIRST:
        data = data[:1]
    if operation is MosaicOperation.LAST:
        data = data[-1:]
    return [1 / len(data) if number in data else 0.0 for number in range(len(values))]


def feature_set(items: Items, crs: CRS, version: float, with_geometry: bool) -> dict[str, Any]:
    """The items with all their attributes and, if wanted, their footprints in a reference."""
    table = items.dataset.table
    fields = table.fields
    shapes = list(outlines(table, items.positions, crs)) if with_geometry else None
    return {
        "objectIdFieldName": OBJECT_ID,
        "fields": [field_json(field) for field in fields],
        "geometryType": "esriGeometryPolygon",
        "spatialReference": spatial_reference_json(crs, version),
        "features": features(attributes(table, fields, items.positions), shapes),
    }


def named_fields(dataset: MosaicDataset, names: tuple[str, ...]) -> tuple[Field, ...]:
    """The fields of names, `*` being all.

    Raises:
        ParameterError: there is no such field.
    """
    if "*" in names:
        return dataset.table.fields
    with _blamed("outFields", ",".join(names)):
        return tuple(dict.fromkeys(dataset.table.field(name) for name in names))


def attributes_by_id(items: Items, fields: tuple[Field, ...]) -> Mapping[int, dict[str, Any]]:
    """Of each item those attributes."""
    told = attributes(items.dataset.table, fields, items.positions)
    return dict(zip(items.ids, told, strict=True))
