"""The table of operations beside exportImage: what follows `…/ImageServer/`, and who answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import (
    classes,
    get_samples,
    histograms,
    identify,
    info,
    items,
    key_properties,
    kml_image,
    legend,
    pixel_location,
    query,
    query_request,
    raster_functions,
    tile,
)
from .operation import Operation
from .parameters import EXPORT_PARAMETERS

_NUMBER = re.compile(r"-?[0-9]{1,18}")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        path="identify",
        help="The value at a place, and the rasters that lie there.",
        answer=identify.identify,
        parameters=identify.PARAMETERS,
    ),
    Operation(
        path="getSamples",
        help="The values at many places, along lines or all over an area.",
        answer=get_samples.get_samples,
        parameters=get_samples.PARAMETERS,
    ),
    Operation(
        path="statistics",
        help="Statistics of each band of the whole service.",
        answer=histograms.statistics,
        parameters=histograms.PARAMETERS,
    ),
    Operation(
        path="histograms",
        help="Histograms of each band of the whole service.",
        answer=histograms.histograms,
        parameters=histograms.PARAMETERS,
    ),
    Operation(
        path="computeHistograms",
        help="Histograms of each band in a polygon or envelope.",
        answer=histograms.compute_histograms,
        parameters=histograms.AREA_PARAMETERS,
    ),
    Operation(
        path="computeStatisticsHistograms",
        help="Statistics and histograms of each band in a polygon or envelope.",
        answer=histograms.compute_statistics_histograms,
        parameters=histograms.AREA_PARAMETERS,
    ),
    Operation(
        path="tile/<level>/<row>/<column>",
        help="A tile of the service's scheme.",
        answer=tile.tile,
        parameters=tile.PARAMETERS,
        forms=("image",),
        media_types=("image/jpeg", "image/png", "application/octet-stream"),
        offered=tile.has_tiles,
    ),
    Operation(
        path="legend",
        help="What the colours of pictures mean.",
        answer=legend.legend,
        parameters=legend.PARAMETERS,
    ),
    Operation(
        path="keyProperties",
        help="What is known of the bands.",
        answer=key_properties.key_properties,
        parameters=key_properties.PARAMETERS,
    ),
    Operation(
        path="rasterFunctionInfos",
        help="The raster functions that are offered by name.",
        answer=raster_functions.raster_function_infos,
    ),
    Operation(
        path="colormap",
        help="The colours of a raster with a palette.",
        answer=classes.colormap,
        parameters=classes.PARAMETERS,
        offered=classes.has_palette,
    ),
    Operation(
        path="rasterAttributeTable",
        help="What is known of each value of a thematic raster.",
        answer=classes.raster_attribute_table,
        parameters=classes.PARAMETERS,
        offered=classes.has_table,
    ),
    Operation(
        path="computePixelLocation",
        help="Columns and rows of places in a raster.",
        answer=pixel_location.compute_pixel_location,
        parameters=pixel_location.PARAMETERS,
    ),
    Operation(path="info", help="What catalogues want to know.", answer=info.info),
    Operation(
        path="info/iteminfo",
        help="Title, description and extent.",
        answer=info.item_info,
    ),
    Operation(
        path="info/metadata",
        help="Metadata in the XML of ISO 19139.",
        answer=info.metadata,
        parameters=info.METADATA_PARAMETERS,
        media_types=("text/xml",),
    ),
    Operation(
        path="info/thumbnail",
        help="A small picture of everything.",
        answer=info.thumbnail,
        forms=("image",),
        media_types=("image/png",),
    ),
    Operation(
        path="kml/image.kmz",
        help="A picture for Google Earth.",
        answer=kml_image.kml_image,
        parameters=EXPORT_PARAMETERS,
        forms=("kmz", "image"),
        media_types=("application/vnd.google-earth.kmz",),
    ),
    Operation(
        path="query",
        help="The items of a mosaic by attributes, place and time: fields, footprints, counts.",
        answer=query.query,
        parameters=query_request.PARAMETERS,
        forms=(query.GEOJSON,),
        media_types=("application/geo+json",),
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>",
        help="The attributes and the footprint of an item of a mosaic.",
        answer=items.item,
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>/image",
        help="What exportImage draws, of one item of a mosaic alone.",
        answer=items.item_image,
        parameters=EXPORT_PARAMETERS,
        forms=("image", "kmz"),
        media_types=("image/png", "image/jpeg", "image/tiff", "application/vnd.google-earth.kmz"),
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>/info",
        help="What an item is as a raster, in its own reference.",
        answer=items.item_info,
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>/info/keyProperties",
        help="What is known of the bands of an item.",
        answer=items.item_key_properties,
        parameters=key_properties.PARAMETERS,
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>/info/thumbnail",
        help="A small picture of an item.",
        answer=items.item_thumbnail,
        forms=("image",),
        media_types=("image/png",),
        offered=query.has_items,
    ),
    Operation(
        path="<rasterId>/thumbnail",
        help="A small picture of an item.",
        answer=items.item_thumbnail,
        forms=("image",),
        media_types=("image/png",),
        offered=query.has_items,
    ),
)
"""Every operation but exportImage, in the order that a service's page lists them."""


def operation_at(parts: Sequence[str]) -> tuple[Operation, dict[str, str]] | None:
    """The operation at a path, and the values in it; words match in any letter case."""
    for operation in OPERATIONS:
        values = _values(operation.path.split("/"), parts)
        if values is not None:
            return operation, values
    return None


def _values(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    values = {}
    for known, part in zip(pattern, parts, strict=True):
        if not known.startswith("<"):
            if known.casefold() != part.casefold():
                return None
        elif known.startswith("<…") or _NUMBER.fullmatch(part):
            values[known.strip("<…>")] = part
        else:
            return None
    return values
