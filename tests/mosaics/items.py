"""Tables of items for tests, made by hand: no file stands behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.imagery.sources.source import Level, SourceInfo
from exportimage_wsgi.mosaics.dataset import MosaicDataset
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.table import COLUMNS, ItemTable
from exportimage_wsgi.pixels import PixelType
from exportimage_wsgi.service import ImageService
from tests.rasters import grid

UTC_MS = pa.timestamp("ms", "UTC")


def item_table(
    footprints: Sequence[Any], wkid: int = 4326, seamlines: Any = None, **attributes: Any
) -> ItemTable:
    """A table of those polygons; attributes are columns of pyarrow, or lists."""
    count = len(footprints)
    shapes = np.asarray(footprints, dtype=object)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    columns: dict[str, Any] = {
        "objectid": np.arange(1, count + 1),
        "name": [f"item_{number}" for number in range(1, count + 1)],
        "source": [f"/secret/folder/item_{number}.tif" for number in range(1, count + 1)],
        "version": ["1"] * count,
        "crs": [f"EPSG:{wkid}"] * count,
        "pixel_type": ["U8"] * count,
        "bands": [1] * count,
        "low_ps": np.full(count, 0.1),
        "min_ps": np.zeros(count),
        "max_ps": np.zeros(count),
        "center_x": (bounds[:, 0] + bounds[:, 2]) / 2,
        "center_y": (bounds[:, 1] + bounds[:, 3]) / 2,
        "nadir_x": [None] * count,
        "nadir_y": [None] * count,
        **dict(zip(("xmin", "ymin", "xmax", "ymax"), bounds.T, strict=True)),
        "geometry": shapely.to_wkb(shapes),
        "seamline": [None] * count if seamlines is None else shapely.to_wkb(seamlines),
    }
    known = {name: attributes.pop(name) for name in tuple(attributes) if name in COLUMNS}
    arrays = {
        name: pa.array((columns | known)[name], kind, from_pandas=True)
        for name, kind in COLUMNS.items()
    }
    rows = pa.table(arrays | {name: _column(values) for name, values in attributes.items()})
    return ItemTable(crs=crs_from_wkid(wkid), rows=rows, version=str(id(rows)))


def _column(values: Any) -> Any:
    return values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)


def dates(*texts: str | None) -> Any:
    """A column of instants, as ISO writes them."""
    return pa.array([t and np.datetime64(t, "ms") for t in texts], pa.timestamp("ms")).cast(UTC_MS)


def row_of(table: ItemTable, position: int) -> dict[str, Any]:
    """The attributes of an item as a condition takes them: by lower-case name, dates in ms."""
    row = {}
    for field in table.fields:
        value = table.value(field.column, position)
        row[field.name.lower()] = value.timestamp() * 1000 if hasattr(value, "timestamp") else value
    return row


def mosaic_service(table: ItemTable, name: str = "Folder/scenes", **settings: Any) -> ImageService:
    """A service of those items, of 10 by 10 pixels."""
    low, high = table.bounds[:, :2].min(axis=0), table.bounds[:, 2:].max(axis=0)
    info = SourceInfo(
        grid=grid((*low, *high), table.crs.wkid or 4326, (10, 10)),
        pixel_type=PixelType.U8,
        band_names=("Band_1",),
        nodata=(None,),
        masked=True,
        levels=(Level(shape_yx=(10, 10), scale_yx=(1.0, 1.0)),),
        version=table.version,
    )
    dataset = MosaicDataset(table=table, info=info, settings=MosaicSettings(**settings))
    return ImageService(name=name, source=dataset)
