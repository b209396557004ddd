"""Building the table: items, where they lie in the service's reference, and their attributes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ..errors import SourceError, UnknownCRSError
from ..geo.crs import CRS, project
from .attributes import Join, attribute_columns
from .columns import PLACING
from .describing import Failure
from .footprints import Polygons, projected_outlines, side_by_side
from .items import MosaicItem
from .settings import MosaicSettings
from .table import COLUMNS, ItemTable

_SIMPLER = 0.25
"""Of a pixel: how far a footprint's edge may be off for having fewer corners."""
_WIDEST = 0.49
"""Of the world: a pixel's width that is told."""


def build(
    items: Sequence[MosaicItem],
    crs: CRS,
    settings: MosaicSettings,
    object_ids: NDArray[np.int64] | None = None,
) -> tuple[ItemTable, list[Failure]]:
    """The table of the items, in their order, and those that have no place in the reference.

    Args:
        items: what is to be in it.
        crs: of the service.
        settings: of its attributes.
        object_ids: ascending, one an item; counted from 1 if not given.

    Raises:
        SourceError: an attribute or a table that is joined has a fault, or no item is left.
    """
    ids = np.arange(1, len(items) + 1) if object_ids is None else object_ids
    footprints, sizes, failures = _placed(items, crs)
    kept = [int(i) for i in np.flatnonzero(~shapely.is_missing(footprints))]
    if not kept:
        reason = str(failures[0]) if failures else "no item has a valid pixel"
        raise SourceError(f"nothing is left of the mosaic: {reason}")
    chosen = [items[i] for i in kept]
    placed = side_by_side(footprints[kept], crs)
    join = Join.of(settings)
    columns = _fixed_columns(chosen, ids[kept], placed, sizes[kept])
    columns["seamline"] = _seamlines(chosen, crs, join)
    columns |= _placing(attribute_columns(chosen, settings, join))
    rows = pa.table(
        {name: pa.array(columns[name], kind) for name, kind in COLUMNS.items()}
        | {name: values for name, values in columns.items() if name not in COLUMNS}
    )
    rasters = _rasters(chosen)
    return ItemTable(crs=crs, rows=rows, version=_version(rows, crs, rasters), rasters=rasters), (
        failures
    )


def _placed(
    items: Sequence[MosaicItem], crs: CRS
) -> tuple[Polygons, NDArray[np.float64], list[Failure]]:
    """Footprints (`None` of what has no place), pixel sizes, and what has no place."""
    footprints = np.full(len(items), None, object)
    sizes = np.full(len(items), np.nan)
    failures = []
    outlines = shapely.from_wkb([item.description.outline for item in items])
    for (outline_crs, own), rows in _by_reference(items).items():
        try:
            placed = projected_outlines(outlines[rows], outline_crs, crs)
            sizes[rows] = _pixel_sizes([items[i] for i in rows], own, crs)
        except UnknownCRSError as error:
            failures += [_failure(items[i], str(error)) for i in rows]
            continue
        tolerance = _SIMPLER * np.nan_to_num(sizes[rows])
        footprints[rows] = _simpler(placed, tolerance)
    where = crs.code or "the reference of the service"
    for i in map(int, np.flatnonzero(shapely.is_empty(footprints))):
        footprints[i] = None
        if not shapely.is_empty(outlines[i]):
            failures.append(_failure(items[i], f"no part of it has a place in {where}"))
    return footprints, sizes, failures


def _failure(item: MosaicItem, reason: str) -> Failure:
    found = item.found
    raster = found.raster if isinstance(found.raster, str) else found.name
    return Failure(raster=raster, reason=f"{found.name}: {reason}")


def _by_reference(items: Sequence[MosaicItem]) -> dict[tuple[CRS, CRS], NDArray[np.int64]]:
    groups: dict[tuple[CRS, CRS], list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        groups[item.description.outline_crs, item.description.crs].append(i)
    return {key: np.array(rows) for key, rows in groups.items()}


def _simpler(polygons: Polygons, tolerance: NDArray[np.float64]) -> Polygons:
    """With fewer corners, by tolerances of which some powers of two are used."""
    result = polygons.copy()
    powers = np.floor(np.log2(np.maximum(tolerance, 1e-300)))
    many = shapely.get_num_coordinates(polygons) > 5
    for power in np.unique(powers[many]):
        chosen = many & (powers == power)
        result[chosen] = shapely.simplify(polygons[chosen], 2.0**power)
    return result


def _pixel_sizes(items: Sequence[MosaicItem], own: CRS, crs: CRS) -> NDArray[np.float64]:
    """Of each item the shorter side of its middle pixel, in units of the service; NaN where that
    has no place there, or is a pole."""
    pixels = [item.description.pixel for item in items]
    sides = np.array([[p.across, p.down] for p in pixels], np.float64).reshape(-1, 2, 2)
    if own == crs:
        return _shorter(sides[..., 0], sides[..., 1])
    middles = np.array([(p.x, p.y) for p in pixels], np.float64).reshape(-1, 1, 2)
    points = np.concatenate([middles, middles + sides / 2, middles - sides / 2], axis=1)
    xs, ys = project(points[..., 0], points[..., 1], own, crs)
    with np.errstate(invalid="ignore"):
        steps_x, steps_y = xs[:, 1:3] - xs[:, 3:5], ys[:, 1:3] - ys[:, 3:5]
        if crs.period is not None:
            steps_x = (steps_x + crs.period / 2) % crs.period - crs.period / 2
            # Over a pole a pixel reaches half around the world, which is no size of it.
            steps_x[np.abs(steps_x) > _WIDEST * crs.period] = np.nan
    return _shorter(steps_x, steps_y)


def _shorter(xs: NDArray[np.float64], ys: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths of the shorter of the steps in each row; NaN where they lead nowhere."""
    found: NDArray[np.float64] = np.hypot(xs, ys).min(axis=1)
    found[~(np.isfinite(found) & (found > 0))] = np.nan
    return found


def _fixed_columns(
    items: Sequence[MosaicItem],
    ids: NDArray[np.int64],
    footprints: Polygons,
    sizes: NDArray[np.float64],
) -> dict[str, Any]:
    middles, bounds = shapely.centroid(footprints), shapely.bounds(footprints)
    described = [item.description for item in items]
    zeros = np.zeros(len(items))
    return {
        "objectid": ids,
        "name": [item.found.name for item in items],
        "source": [_address(item) for item in items],
        "version": [item.version for item in items],
        "crs": [each.crs.definition for each in described],
        "pixel_type": [each.pixel_type.name if each.pixel_type else None for each in described],
        "bands": [each.bands for each in described],
        "low_ps": sizes,
        "min_ps": zeros,
        "max_ps": zeros,
        "center_x": shapely.get_x(middles),
        "center_y": shapely.get_y(middles),
        "nadir_x": [None] * len(items),
        "nadir_y": [None] * len(items),
        **dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds.T, strict=True)),
        "geometry": shapely.to_wkb(footprints),
    }


def _placing(attributes: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """The attributes, those that place an item in the columns that every table has.

    Raises:
        SourceError: one of these isn't numbers.
    """
    found = {}
    for name, values in attributes.items():
        column = PLACING.get(name.casefold(), name)
        if column in COLUMNS:
            if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
                raise SourceError(f"{name} must be numbers, in units of the service's reference")
            values = values.cast(pa.float64())
        found[column] = values.fill_null(0.0) if column in ("min_ps", "max_ps") else values
    return found


def _address(item: MosaicItem) -> str:
    raster = item.found.raster
    return raster if isinstance(raster, str) else ""


def _rasters(items: Sequence[MosaicItem]) -> tuple[Any, ...]:
    """By row, where any of them is an open source."""
    rasters = tuple(item.found.raster for item in items)
    return () if all(isinstance(raster, str) for raster in rasters) else rasters


def _seamlines(items: Sequence[MosaicItem], crs: CRS, join: Join) -> list[bytes | None]:
    """WKB in the service's reference: of the table of items, else of the file of seamlines."""
    lines = [item.found.seamline for item in items]
    references = [item.found.outline_crs for item in items]
    for i, item in enumerate(items):
        if lines[i] is None:
            lines[i], references[i] = join.seamline(item.found)
    for reference in {each for each in references if each is not None}:
        rows = [i for i, line in enumerate(lines) if line and references[i] == reference]
        outlines = np.asarray(shapely.from_wkb([lines[i] for i in rows]))
        for i, placed in zip(rows, projected_outlines(outlines, reference, crs), strict=True):
            lines[i] = None if shapely.is_empty(placed) else shapely.to_wkb(placed)
    return lines


def _version(rows: pa.Table, crs: CRS, rasters: tuple[Any, ...]) -> str:
    """Of all that the table says."""
    digest = hashlib.blake2b(crs.definition.encode(), digest_size=16)
    for raster in rasters:
        digest.update(repr(getattr(getattr(raster, "info", None), "version", "")).encode())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows.combine_chunks())
    digest.update(sink.getvalue())
    return digest.hexdigest()
