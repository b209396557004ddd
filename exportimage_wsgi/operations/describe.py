"""The parent resource: what a service says of itself (spec: imageservice.md §1)."""

from __future__ import annotations

from typing import Any

from ..esri.names import pixel_type_name
from ..esri.replies import extent_json, spatial_reference_json
from ..imagery.sources.source import SourceInfo
from ..mosaics.dataset import MosaicDataset
from ..pixels import Interpolation
from ..service import ImageService
from . import classes
from .catalogue import catalogue_properties
from .tiling import tile_info

_RESAMPLING = {
    Interpolation.NEAREST: "Nearest",
    Interpolation.BILINEAR: "Bilinear",
    Interpolation.CUBIC: "Cubic",
    Interpolation.MAJORITY: "Majority",
}
FUNCTIONS = ({"name": "None", "description": "The pixels as they are.", "help": ""},)
"""Raster functions that are offered by name; the first is the default."""

_FORMATS = {"GTiff": "TIFF", "COG": "TIFF", "VRT": "VRT", "netCDF": "NetCDF"}


def describe_service(service: ImageService, version: float = 10.91) -> dict[str, Any]:
    """The properties of a service, in the order that Esri's servers give them."""
    reply: dict[str, Any] = {}
    if version > 9.3:
        reply["currentVersion"] = version
    reply |= _identity(service)
    reply |= _place(service, version)
    reply |= _pixels(service)
    if version > 9.3:
        reply |= _abilities(service)
        if isinstance(service.source, MosaicDataset):
            reply |= catalogue_properties(service.source)
        reply |= tile_info(service, version)
        reply["spatialReference"] = spatial_reference_json(service.crs, version)
    return reply


def _identity(service: ImageService) -> dict[str, Any]:
    settings = service.settings
    return {
        "serviceDescription": settings.description,
        "name": service.name,
        "description": settings.description,
    }


def _place(service: ImageService, version: float) -> dict[str, Any]:
    extent = extent_json(service.extent, version)
    place: dict[str, Any] = {"extent": extent}
    if version > 9.3:
        place |= {"initialExtent": extent, "fullExtent": extent}
    across, down = service.pixel_size_xy
    return place | {"pixelSizeX": across, "pixelSizeY": down}


def _pixels(service: ImageService) -> dict[str, Any]:
    info = service.info
    return {
        "bandCount": info.band_count,
        "pixelType": pixel_type_name(info.pixel_type),
        "minPixelSize": 0,
        "maxPixelSize": 0,
        "copyrightText": service.settings.copyright,
        "serviceDataType": f"esriImageServiceDataType{data_type(service)}",
        **_statistics(service),
    }


def data_type(service: ImageService) -> str:
    """The kind of the data, by Esri's word for it."""
    info = service.info
    if info.palette is not None:
        return "Thematic"
    is_rgb = info.is_rgb and info.band_count == 3 and info.pixel_type.name == "U8"
    return "RGB" if is_rgb else "Generic"


def _statistics(service: ImageService) -> dict[str, Any]:
    """All four or none: clients stop at one without the others."""
    found = service.told_statistics
    return {
        "minValues": [s.minimum for s in found],
        "maxValues": [s.maximum for s in found],
        "meanValues": [s.mean for s in found],
        "stdvValues": [s.deviation for s in found],
    }


def _abilities(service: ImageService) -> dict[str, Any]:
    info, settings = service.info, service.settings
    width, height = settings.max_image_size
    nodata = no_data_values(info)
    declared = any(value is not None for value in nodata)
    rows, columns = info.block_shape_yx
    return {
        "noDataValue": nodata[0] if nodata else None,
        "noDataValues": nodata if declared else None,
        "bandNames": list(info.band_names),
        "datasetFormat": _FORMATS.get(info.format, info.format),
        "uncompressedSize": info.bytes_uncompressed,
        "blockWidth": columns,
        "blockHeight": rows,
        "compressionType": info.compression,
        "serviceSourceType": "esriImageServiceSourceTypeDataset",
        "allowCopy": False,
        "allowAnalysis": True,
        "objectIdField": "",
        "fields": [],
        "capabilities": "Image,Metadata",
        "defaultMosaicMethod": "None",
        "allowedMosaicMethods": "None",
        "sortField": "",
        "sortValue": None,
        "sortAscending": True,
        "mosaicOperator": "First",
        "defaultCompressionQuality": settings.compression_quality,
        "defaultResamplingMethod": _RESAMPLING[service.interpolation],
        "maxImageHeight": height,
        "maxImageWidth": width,
        "maxRecordCount": 0,
        "maxDownloadImageCount": 0,
        "maxDownloadSizeLimit": 0,
        "maxMosaicImageCount": 1,
        "allowRasterFunction": True,
        "rasterFunctionInfos": list(FUNCTIONS),
        "rasterTypeInfos": [{"name": "Raster Dataset", "description": "", "help": ""}],
        "mensurationCapabilities": "",
        "hasHistograms": True,
        "hasColormap": classes.has_palette(service),
        "hasRasterAttributeTable": classes.has_table(service),
        "hasMultidimensions": False,
        "exportTilesAllowed": False,
        "supportsStatistics": False,
        "supportsAdvancedQueries": False,
        "editFieldsInfo": None,
        "ownershipBasedAccessControlForRasters": None,
        "allowComputeTiePoints": False,
        "useStandardizedQueries": True,
    }


def no_data_values(info: SourceInfo) -> list[float | None]:
    """One a band, as a reply tells them: whole numbers without a fraction."""
    return [None if value is None else _plain(value) for value in info.nodata]


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else value
