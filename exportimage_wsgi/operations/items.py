"""Items: the rasters of a mosaic one by one, with their attributes, facts and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ItemError, NotFoundError, SourceError
from ..esri import params
from ..esri.features import rings_json
from ..esri.names import pixel_type_name
from ..esri.replies import extent_json, spatial_reference_json
from ..geo.crs import CRS
from ..mosaics.dataset import MosaicDataset
from ..mosaics.statistics import source_at
from ..mosaics.table import Positions
from ..service import ImageService
from . import info, key_properties
from .describe import no_data_values
from .export_image import export_image
from .operation import Answer, Call, Drawing
from .parameters import parse_export
from .records import attributes

_OF_SEVERAL = ("mosaicrule", "mosaicproperties", "viewpointproperties", "time")
_VERSION = 10.91


def item(service: ImageService, call: Call) -> dict[str, Any]:
    """The attributes and the footprint of an item."""
    dataset, positions = _found(service, call.values["rasterId"])
    table = dataset.table
    records = attributes(table, table.fields, positions)
    rings = rings_json(table.footprints(positions)[0])
    place = {"spatialReference": spatial_reference_json(table.crs, call.version)}
    return {"attributes": records[0], "geometry": None if rings is None else rings | place}


def item_info(service: ImageService, call: Call) -> dict[str, Any]:
    """What an item is as a raster, in its own reference."""
    raster = item_service(service, call.values["rasterId"])
    own, extent = raster.info, raster.extent
    rows, columns = own.block_shape_yx
    across, down = raster.pixel_size_xy
    reference = spatial_reference_json(raster.crs, call.version)
    reply = {
        "origin": {"x": extent.xmin, "y": extent.ymax, "spatialReference": reference},
        "blockWidth": columns,
        "blockHeight": rows,
        "pixelSizeX": across,
        "pixelSizeY": down,
        "extent": extent_json(extent, call.version),
        "bandCount": own.band_count,
        "pixelType": pixel_type_name(own.pixel_type),
        "firstPyramidLevel": 1,
        "maxPyramidLevel": len({level.overview for level in own.levels if level.overview >= 0}),
        "noDataValues": no_data_values(own),
        "format": own.format,
        "compressionType": own.compression,
    }
    if own.statistics is None:
        return reply
    told = [[s.minimum, s.maximum, s.mean, s.deviation] for s in own.statistics]
    return reply | {"statistics": told}


def item_key_properties(service: ImageService, call: Call) -> Answer:
    """What is known of the bands of an item."""
    return key_properties.key_properties(item_service(service, call.values["rasterId"]), call)


def item_thumbnail(service: ImageService, call: Call) -> Answer:
    """A small picture of an item."""
    return info.thumbnail(item_service(service, call.values["rasterId"]), call)


def item_image(service: ImageService, call: Call) -> Drawing:
    """What exportImage draws of an item alone."""
    raster = item_service(service, call.values["rasterId"])
    request = parse_export(image_arguments(service, call.arguments))
    kmz = call.arguments.get("f", "").lower() == "kmz"
    return Drawing(export=export_image(raster, request, kmz=kmz, runner=call.runner))


def item_service(service: ImageService, raster_id: str) -> ImageService:
    """A service of one item alone, which is opened for that.

    Raises:
        NotFoundError: no item has that id.
        ItemError: the raster is missing or damaged.
    """
    dataset, positions = _found(service, raster_id)
    try:
        source = source_at(dataset, int(positions[0]))
    except SourceError as error:
        raise ItemError(int(raster_id), str(error)) from error
    return replace(service, name=f"{service.name}_{raster_id}", source=source)


def _found(service: ImageService, raster_id: str) -> tuple[MosaicDataset, Positions]:
    """The mosaic and the row of an id.

    Raises:
        NotFoundError: no item has it.
    """
    dataset = service.source
    assert isinstance(dataset, MosaicDataset)
    positions = dataset.table.positions_of([int(raster_id)])
    if not len(positions):
        raise NotFoundError(f"Raster {raster_id} not found")
    return dataset, np.asarray(positions)


def image_arguments(service: ImageService, arguments: Mapping[str, str]) -> dict[str, str]:
    """Those of exportImage on an item: where none is said, the reference is the service's."""
    said = {name: value for name, value in arguments.items() if name not in _OF_SEVERAL}
    own = text_of(service.crs)
    said.setdefault("imagesr", own)
    if "bbox" in said and _says_no_reference(said["bbox"]):
        said.setdefault("bboxsr", own)
    return said


def _says_no_reference(box: str) -> bool:
    try:
        return params.bbox(box)[1] is None
    except ValueError:
        return True


def text_of(crs: CRS) -> str:
    """The reference as `bboxSR` takes it."""
    return str(crs.wkid) if crs.wkid else json.dumps(spatial_reference_json(crs, _VERSION))
