"""Parts of the OpenAPI description that no table of operations has: replies, headers, errors."""

from __future__ import annotations

from functools import cache
from typing import Any

from ..encode import FORMATS
from ..encode.format import Canvas, Options
from ..geo.crs import crs_from_wkid
from ..geo.extent import Extent
from ..geo.grid import Grid
from ..jobs.job import State
from ..pixels import PixelType
from .working import ASYNC_HELP

KMZ = "application/vnd.google-earth.kmz"
_JSON = "application/json"


@cache
def media_types() -> dict[str, tuple[str, ...]]:
    """Every media type that exportImage gives, and the formats that ask for it."""
    extent = Extent(xmin=0, ymin=0, xmax=1, ymax=1, crs=crs_from_wkid(4326))
    canvas = Canvas(grid=Grid.over(extent, (1, 1)), bands=3, pixel_type=PixelType.U8)
    found: dict[str, tuple[str, ...]] = {}
    for name, known in FORMATS.items():
        media_type = known.fit(canvas, Options()).media_type
        found[media_type] = (*found.get(media_type, ()), name)
    return found


def _object(about: str, required: str, /, **properties: dict[str, Any]) -> dict[str, Any]:
    told = {"type": "object", "description": about, "properties": properties}
    return told | ({"required": required.split()} if required else {})


def _of(type_: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "description": description, **more}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


def reference(kind: str, name: str) -> dict[str, Any]:
    """Another part of the description."""
    return {"$ref": f"#/components/{kind}/{name}"}


_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_VERSION = _of("number", "Release of ArcGIS Server that replies follow.")
_STATISTICS = _list(_NUMBER, "One a band, or none at all.")

SCHEMAS: dict[str, Any] = {
    "SpatialReference": _object(
        "A number of Esri's or EPSG's list, or WKT where there is none.",
        "",
        wkid=_of("integer", "Number that Esri's clients know."),
        latestWkid=_of("integer", "Number of the same reference in the newest list."),
        wkt=_of("string", "Of references without a number."),
    ),
    "Extent": _object(
        "A box.",
        "xmin ymin xmax ymax spatialReference",
        xmin=_NUMBER,
        ymin=_NUMBER,
        xmax=_NUMBER,
        ymax=_NUMBER,
        spatialReference=reference("schemas", "SpatialReference"),
    ),
    "ExportReply": _object(
        "Where the finished picture lies, and what it shows.",
        "href width height extent",
        href=_of("string", "Address of the file, which is kept for a while.", format="uri"),
        width=_of("integer", "Pixels.", minimum=1),
        height=_of("integer", "Pixels.", minimum=1),
        extent=reference("schemas", "Extent"),
        scale=_of("number", "Always 0."),
        messages=_list(_TEXT, "What is to be known of it, as items of a mosaic left out."),
    ),
    "Job": _object(
        "An asynchronous export; when it has succeeded, with the members of ExportReply.",
        "jobId jobStatus progress messages",
        jobId=_TEXT,
        jobStatus=_of(
            "string",
            "Ended once it is Succeeded, Failed or Cancelled.",
            enum=[f"esriJob{state.value}" for state in State],
        ),
        progress=_object(
            "How much is done.",
            "type message percent",
            type=_TEXT,
            message=_TEXT,
            percent=_of("integer", "0 to 100.", minimum=0, maximum=100),
        ),
        messages=_list(
            _object("What was said.", "type description", type=_TEXT, description=_TEXT),
            "Of a job that failed, why.",
        ),
    ),
    "Error": _object(
        "Esri's error body.",
        "error",
        error=_object(
            "What went wrong.",
            "code message details",
            code=_of("integer", "400, 404, 500 or 503, whatever the status is."),
            extendedCode=_of("integer", "Of 400, from release 10.9 on."),
            message=_TEXT,
            details=_list(_TEXT, "The parameter, the rule and the value received."),
        ),
    ),
    "Catalog": _object(
        "A folder.",
        "folders services",
        currentVersion=_VERSION,
        folders=_list(_TEXT, "Full paths."),
        services=_list(
            _object("A service.", "name type", name=_TEXT, type={"const": "ImageServer"}),
            "Those in the folder itself; names are full paths.",
        ),
    ),
    "Info": _object(
        "The server.",
        "authInfo",
        currentVersion=_VERSION,
        fullVersion=_TEXT,
        authInfo=_object(
            "How to sign in.",
            "isTokenBasedSecurity",
            isTokenBasedSecurity={"type": "boolean"},
        ),
    ),
    "Service": _object(
        "What a service says of itself; those of Esri's servers have the same members.",
        "name extent pixelSizeX pixelSizeY bandCount pixelType serviceDataType",
        currentVersion=_VERSION,
        name=_TEXT,
        serviceDescription=_TEXT,
        description=_TEXT,
        copyrightText=_TEXT,
        extent=reference("schemas", "Extent"),
        fullExtent=reference("schemas", "Extent"),
        initialExtent=reference("schemas", "Extent"),
        spatialReference=reference("schemas", "SpatialReference"),
        pixelSizeX=_of("number", "In units of the reference."),
        pixelSizeY=_of("number", "In units of the reference."),
        bandCount=_of("integer", "Alpha isn't counted.", minimum=1),
        bandNames=_list(_TEXT, "One a band."),
        pixelType=_of("string", "Of the values.", enum=[each.name for each in PixelType]),
        serviceDataType=_TEXT,
        minValues=_STATISTICS,
        maxValues=_STATISTICS,
        meanValues=_STATISTICS,
        stdvValues=_STATISTICS,
        capabilities=_of("string", "Names with commas between them."),
        maxImageWidth=_of("integer", "Pixels of the widest picture."),
        maxImageHeight=_of("integer", "Pixels of the highest picture."),
    ),
    "Health": _object(
        "It answers.", "status", status={"const": "ok"}, services={"type": "integer"}
    ),
    "Answer": {"type": "object", "description": "As Esri's servers answer."},
}
"""Bodies."""

HEADERS: dict[str, Any] = {
    "Content-Bbox": {
        "description": "xmin,ymin,xmax,ymax of what was drawn.",
        "schema": {"type": "string"},
    },
    "Content-Crs": {
        "description": "Its reference, where that has a number.",
        "schema": {"type": "string", "pattern": "^(EPSG|ESRI):[0-9]+$"},
    },
    "Content-Notes": {
        "description": "What is to be known of it, as items of a mosaic left out.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "Known before any pixel is read.", "schema": {"type": "string"}},
    "Accept-Ranges": {"description": "Ranges are served.", "schema": {"const": "bytes"}},
}
"""Of pictures."""


def _in_path(name: str, description: str) -> dict[str, Any]:
    told = {"name": name, "in": "path", "required": True}
    return told | {"description": description, "schema": {"type": "string"}}


def form_parameter(forms: tuple[str, ...]) -> dict[str, Any]:
    """The parameter `f` of what has these forms of reply."""
    schema = {"type": "string", "enum": list(forms), "default": "html"}
    return {"name": "f", "in": "query", "description": "Form of the reply.", "schema": schema}


PARAMETERS: dict[str, Any] = {
    "service": _in_path("service", "Name of a service, without its folder."),
    "folder": _in_path("folder", "Name of a folder."),
    "file": _in_path("file", "Name of a finished file, as an `href` has it."),
    "f": form_parameter(("html", "json", "pjson")),
    "job": _in_path("job", "Id of a job, as its `jobId` has it."),
    "async": {
        "name": "async",
        "in": "query",
        "description": f"{ASYNC_HELP} Of f=html, json and pjson.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "callback": {
        "name": "callback",
        "in": "query",
        "description": "Function that JSON is handed to, as a script.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z_$][A-Za-z0-9_.$\[\]]{0,127}$"},
    },
}
"""Those that no operation has in its own table."""


def _failure(description: str) -> dict[str, Any]:
    content = {_JSON: {"schema": reference("schemas", "Error")}}
    return {"description": description, "content": content | {"text/html": {"schema": _TEXT}}}


_BUSY = _failure("Too much is under way.")
_BUSY["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_BYTES = {"schema": {"type": "string", "format": "binary"}}

RESPONSES: dict[str, Any] = {
    "Refused": _failure("A parameter breaks a rule, or the service hasn't this operation."),
    "NotFound": _failure("There is no such service, folder or file."),
    "Failed": _failure("The raster cannot be read."),
    "Busy": _BUSY,
    "NotModified": {"description": "What the client holds is as it would be made again."},
    "File": {"description": "The file.", "content": {"*/*": _BYTES}},
    "PartOfFile": {"description": "The range that was asked for.", "content": {"*/*": _BYTES}},
    "NoSuchRange": {"description": "The file is shorter."},
}
"""Answers that several operations share."""
