"""info: what a catalogue of items wants to know of a service, its thumbnail and its metadata."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from ..geo.extent import Extent
from ..service import ImageService
from .export_image import export_image
from .operation import Call, Drawing, File
from .parameters import Parameter, said_in
from .placing import globe_extent
from .request import ExportRequest

_THUMBNAIL_WIDTH = 200
_THUMBNAIL_HEIGHT = 133

_GMD, _GCO = "http://www.isotc211.org/2005/gmd", "http://www.isotc211.org/2005/gco"
_CODES = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"


def _checked_format(text: str) -> str:
    if text.lower() not in ("default", "iso19139"):
        raise ValueError("must be one of default, iso19139")
    return text.lower()


METADATA_PARAMETERS = (
    Parameter(
        name="format",
        argument="format",
        read=_checked_format,
        choices=("default", "iso19139"),
        help="Of the XML; both are ISO 19139.",
    ),
)


def info(service: ImageService, call: Call) -> dict[str, Any]:
    """What lies below."""
    return {"resources": ["iteminfo", "metadata", "thumbnail"]}


def item_info(service: ImageService, call: Call) -> dict[str, Any]:
    """Title, description, extent in degrees and the like."""
    own = service.name.rpartition("/")[2]
    world = globe_extent(service)
    settings = service.settings
    return {
        "culture": "en-US",
        "name": own,
        "guid": "",
        "catalogPath": "",
        "snippet": settings.description,
        "description": settings.description,
        "summary": settings.description,
        "title": own,
        "tags": ["raster"],
        "type": "Image Service",
        "typeKeywords": ["Data", "Service", "Image Service", "ArcGIS Server"],
        "thumbnail": "thumbnail",
        "url": "",
        "extent": [[world.xmin, world.ymin], [world.xmax, world.ymax]] if world else [],
        "spatialReference": service.crs.proj.name,
        "accessInformation": settings.copyright,
        "licenseInfo": "",
    }


def thumbnail(service: ImageService, call: Call) -> Drawing:
    """A small picture of everything, in the shape of the extent."""
    extent = service.extent
    scale = min(_THUMBNAIL_WIDTH / extent.width, _THUMBNAIL_HEIGHT / extent.height)
    size = (max(1, round(extent.width * scale)), max(1, round(extent.height * scale)))
    size = service.settings.fitted(size)
    request = ExportRequest(size=size, format="png32", adjust_aspect_ratio=False)
    return Drawing(export=export_image(service, request, runner=call.runner))


def metadata(service: ImageService, call: Call) -> File:
    """ISO 19115 metadata in the XML of ISO 19139, as far as anything is known."""
    said_in(call.arguments, METADATA_PARAMETERS)
    root = _metadata(service, globe_extent(service))
    ElementTree.indent(root)
    content = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return File(content=content, media_type="text/xml;charset=utf-8")


def _metadata(service: ImageService, world: Extent | None) -> ElementTree.Element:
    ElementTree.register_namespace("gmd", _GMD)
    ElementTree.register_namespace("gco", _GCO)
    root = ElementTree.Element(f"{{{_GMD}}}MD_Metadata")
    _text(root, "fileIdentifier", service.name)
    _text(root, "language", "eng")
    _code(root, "characterSet", "MD_CharacterSetCode", "utf8")
    _code(root, "hierarchyLevel", "MD_ScopeCode", "dataset")
    contact = _below(root, "contact", "CI_ResponsibleParty")
    _text(contact, "organisationName", service.settings.copyright)
    _code(contact, "role", "CI_RoleCode", "pointOfContact")
    _unknown(root, "dateStamp")
    _text(root, "metadataStandardName", "ISO 19115:2003/19139")
    _text(root, "metadataStandardVersion", "1.0")
    _raster(root, service)
    system = _below(root, "referenceSystemInfo", "MD_ReferenceSystem")
    identifier = _below(system, "referenceSystemIdentifier", "RS_Identifier")
    _text(identifier, "code", str(service.crs.latest_wkid or service.crs.proj.name))
    if service.crs.code:
        _text(identifier, "codeSpace", service.crs.code.partition(":")[0])
    _identification(root, service, world)
    return root


def _raster(root: ElementTree.Element, service: ImageService) -> None:
    """Size of the raster and of its pixels."""
    grid = _below(root, "spatialRepresentationInfo", "MD_GridSpatialRepresentation")
    _integer(grid, "numberOfDimensions", 2)
    sizes = zip(("row", "column"), service.info.grid.shape_yx, strict=True)
    for (name, size), pixel in zip(sizes, reversed(service.pixel_size_xy), strict=True):
        dimension = _below(grid, "axisDimensionProperties", "MD_Dimension")
        _code(dimension, "dimensionName", "MD_DimensionNameTypeCode", name)
        _integer(dimension, "dimensionSize", size)
        resolution = ElementTree.SubElement(dimension, f"{{{_GMD}}}resolution")
        unit = "deg" if service.crs.is_geographic else service.crs.proj.axis_info[0].unit_name
        measure = ElementTree.SubElement(
            resolution, f"{{{_GCO}}}Measure", uom=unit.replace(" ", "_")
        )
        measure.text = repr(pixel)
    _code(grid, "cellGeometry", "MD_CellGeometryCode", "area")
    available = ElementTree.SubElement(grid, f"{{{_GMD}}}transformationParameterAvailability")
    ElementTree.SubElement(available, f"{{{_GCO}}}Boolean").text = "false"


def _identification(root: ElementTree.Element, service: ImageService, world: Extent | None) -> None:
    data = _below(root, "identificationInfo", "MD_DataIdentification")
    citation = _below(data, "citation", "CI_Citation")
    _text(citation, "title", service.name.rpartition("/")[2])
    _unknown(citation, "date")
    _text(data, "abstract", service.settings.description)
    _code(data, "spatialRepresentationType", "MD_SpatialRepresentationTypeCode", "grid")
    _text(data, "language", "eng")
    _code(data, "characterSet", "MD_CharacterSetCode", "utf8")
    topic = ElementTree.SubElement(data, f"{{{_GMD}}}topicCategory")
    category = ElementTree.SubElement(topic, f"{{{_GMD}}}MD_TopicCategoryCode")
    category.text = "imageryBaseMapsEarthCover"
    if world is None:
        return
    extent = _below(data, "extent", "EX_Extent")
    box = _below(extent, "geographicElement", "EX_GeographicBoundingBox")
    sides = ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")
    for name, side in zip(sides, (world.xmin, world.xmax, world.ymin, world.ymax), strict=True):
        place = ElementTree.SubElement(box, f"{{{_GMD}}}{name}")
        ElementTree.SubElement(place, f"{{{_GCO}}}Decimal").text = f"{side:.9f}"


def _below(parent: ElementTree.Element, name: str, kind: str) -> ElementTree.Element:
    """The object of a property."""
    place = ElementTree.SubElement(parent, f"{{{_GMD}}}{name}")
    return ElementTree.SubElement(place, f"{{{_GMD}}}{kind}")


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    """A text, or that it is missing; what XML cannot hold becomes a question mark."""
    place = ElementTree.SubElement(parent, f"{{{_GMD}}}{name}")
    if not text:
        place.set(f"{{{_GCO}}}nilReason", "missing")
        return
    safe = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
    ElementTree.SubElement(place, f"{{{_GCO}}}CharacterString").text = safe


def _integer(parent: ElementTree.Element, name: str, value: int) -> None:
    place = ElementTree.SubElement(parent, f"{{{_GMD}}}{name}")
    ElementTree.SubElement(place, f"{{{_GCO}}}Integer").text = str(value)


def _unknown(parent: ElementTree.Element, name: str) -> None:
    ElementTree.SubElement(parent, f"{{{_GMD}}}{name}", {f"{{{_GCO}}}nilReason": "unknown"})


def _code(parent: ElementTree.Element, name: str, kind: str, value: str) -> None:
    """A value of one of ISO's lists."""
    place = ElementTree.SubElement(parent, f"{{{_GMD}}}{name}")
    said = {"codeList": f"{_CODES}#{kind}", "codeListValue": value}
    ElementTree.SubElement(place, f"{{{_GMD}}}{kind}", said).text = value
