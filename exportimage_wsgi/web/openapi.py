"""The OpenAPI description of the REST interface, made from the tables that answer it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import __version__
from ..operations.operation import Operation
from ..operations.parameters import EXPORT_PARAMETERS, Parameter
from ..operations.table import OPERATIONS
from .openapi_schemas import (
    HEADERS,
    KMZ,
    PARAMETERS,
    RESPONSES,
    SCHEMAS,
    form_parameter,
    media_types,
    reference,
)

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_EXPORT_HELP = "Draw a picture, or the values, of a box."


def openapi(url: str, title: str, single: bool = False) -> dict[str, Any]:
    """The description of an application.

    Args:
        url: of its mount point.
        title: of its pages.
        single: is the mount point a service itself?
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": __version__,
            "summary": "Image services, compatible with Esri's ArcGIS REST API.",
            "description": _ABOUT,
        },
        "servers": [{"url": url or "/"}],
        "tags": [{"name": tag, "description": text} for tag, text in _TAGS.items()],
        "paths": dict(_paths(single)),
        "components": {
            "schemas": SCHEMAS | {"ExportForm": _form(EXPORT_PARAMETERS, _EXPORT_FORMS)},
            "parameters": PARAMETERS | {_key(p): _parameter(p) for p in EXPORT_PARAMETERS},
            "headers": HEADERS,
            "responses": RESPONSES,
        },
    }


_ABOUT = (
    "Names of parameters and their enumerated values may be written in any letter case; an empty "
    "value counts as not given, and unknown parameters are passed over. Each operation takes its "
    "parameters from the query string or a form that is posted. As with Esri's servers, errors of "
    "`f=json` have the status 200 unless the operator chose otherwise: look for the member "
    "`error`. Folders may lie in folders: their names then have slashes."
)
_TAGS = {
    "directory": "What there is.",
    "image service": "A service and its operations.",
    "files": "What replies point to.",
}
_EXPORT_FORMS = ("html", "json", "pjson", "image", "kmz")


def _paths(single: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _directory()
    if single:
        yield from _service("", (), "OfMount")
    service, folder = (reference("parameters", name) for name in ("service", "folder"))
    yield from _service("/rest/services/{service}/ImageServer", (service,), "")
    below = "/rest/services/{folder}/{service}/ImageServer"
    yield from _service(below, (folder, service), "InFolder")


def _directory() -> Iterator[tuple[str, dict[str, Any]]]:
    catalog = _json_reply("Catalog", "Folders and services.")
    forms = [reference("parameters", "f"), reference("parameters", "callback")]
    yield (
        "/rest/info",
        _read("serverInfo", "About the server", forms, _json_reply("Info", "The server.")),
    )
    yield "/rest/services", _read("listServices", "The root of the directory", forms, catalog)
    in_folder = [reference("parameters", "folder"), *forms]
    yield "/rest/services/{folder}", _read("listFolder", "A folder", in_folder, catalog)
    output = {"200": reference("responses", "File"), "206": reference("responses", "PartOfFile")}
    output |= {code: reference("responses", name) for code, name in _FILE_FAILURES.items()}
    name = [reference("parameters", "file")]
    yield (
        "/rest/directories/output/{file}",
        _read("output", "A finished file", name, output, "files"),
    )
    health = _json_reply("Health", "It answers.", errors=False)
    yield "/healthz", _read("health", "Does it answer?", [], health)
    described = {"200": {"description": "This description.", "content": {_JSON: {}}}}
    yield "/rest/openapi.json", _read("openapi", "This description", [], described)


_FILE_FAILURES = {"304": "NotModified", "404": "NotFound", "416": "NoSuchRange"}


def _read(
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    responses: dict[str, Any],
    tag: str = "directory",
) -> dict[str, Any]:
    """A path that is only read."""
    operation = {"operationId": name, "summary": summary, "tags": [tag]}
    return {"get": {**operation, "parameters": parameters, "responses": responses}}


def _service(
    base: str, place: tuple[dict[str, Any], ...], suffix: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A service under one of its addresses, and its operations."""
    forms = [reference("parameters", name) for name in ("f", "callback")]
    described = _json_reply("Service", "What the service says of itself.")
    itself = _read(f"service{suffix}", "A service", [*place, *forms], described, "image service")
    yield base or "/", itself
    yield f"{base}/exportImage", _export(place, suffix)
    yield from _jobs(base, place, suffix)
    for operation in OPERATIONS:
        yield f"{base}/{_template(operation.path)}", _operation(operation, place, suffix)
    xml = {"200": {"description": "XML that GDAL opens.", "content": {"application/xml": {}}}}
    xml |= {"400": reference("responses", "Refused"), "404": reference("responses", "NotFound")}
    about = "The service as GDAL's WMS driver opens it"
    yield f"{base}/gdal.xml", _read(f"gdal{suffix}", about, [*place], xml, "image service")


def _jobs(
    base: str, place: tuple[dict[str, Any], ...], suffix: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    known = [*place, reference("parameters", "job")]
    known += [reference("parameters", name) for name in ("f", "callback")]
    told = _json_reply("Job", "How far an asynchronous export is; at its end what it made.")
    about = "An asynchronous export"
    yield f"{base}/jobs/{{job}}", _read(f"job{suffix}", about, known, told, "image service")
    cancel = _read(f"cancelJob{suffix}", "End a job", known, told, "image service")
    yield f"{base}/jobs/{{job}}/cancel", cancel


def _export(place: tuple[dict[str, Any], ...], suffix: str) -> dict[str, Any]:
    known = [reference("parameters", _key(parameter)) for parameter in EXPORT_PARAMETERS]
    last = [form_parameter(_EXPORT_FORMS)]
    last += [reference("parameters", name) for name in ("callback", "async")]
    body = {"content": {_FORM: {"schema": reference("schemas", "ExportForm")}}}
    said = {"summary": _EXPORT_HELP, "tags": ["image service"], "responses": _export_reply()}
    get = {"operationId": f"exportImage{suffix}", **said, "parameters": [*known, *last]}
    post = {"operationId": f"postExportImage{suffix}", **said, "requestBody": body}
    return {"parameters": [*place], "get": get, "post": post}


def _export_reply() -> dict[str, Any]:
    reply = _json_reply("ExportReply", "The picture (`f=image`), or where it lies (`f=json`).")
    reply["200"]["content"][_JSON]["schema"]["anyOf"].append(reference("schemas", "Job"))
    reply["200"]["content"] |= {
        media_type: _bytes(f"Of format={' or '.join(formats)}.")
        for media_type, formats in media_types().items()
    }
    reply["200"]["content"][KMZ] = _bytes("Of f=kmz.")
    reply["200"]["headers"] = {name: reference("headers", name) for name in HEADERS}
    others = {"206": "PartOfFile", "304": "NotModified", "416": "NoSuchRange"}
    return reply | {code: reference("responses", name) for code, name in others.items()}


def _bytes(description: str) -> dict[str, Any]:
    return {"schema": {"type": "string", "format": "binary", "description": description}}


def _operation(
    operation: Operation, place: tuple[dict[str, Any], ...], suffix: str
) -> dict[str, Any]:
    """One row of the table of operations."""
    name = _identifier(operation.path) + suffix
    responses = _operation_reply(operation)
    forms = ("html", "json", "pjson", *operation.forms)
    known = [_parameter(parameter) for parameter in operation.parameters]
    last = [form_parameter(forms), reference("parameters", "callback")]
    said = {"summary": operation.help, "tags": ["image service"], "responses": responses}
    path: dict[str, Any] = {"parameters": [*place, *_in_path(operation.path)]}
    path["get"] = {"operationId": name, **said, "parameters": [*known, *last]}
    if operation.parameters:
        content = {_FORM: {"schema": _form(operation.parameters, forms)}}
        path["post"] = {"operationId": f"post{name[0].upper()}{name[1:]}", **said}
        path["post"]["requestBody"] = {"content": content}
    return path


def _operation_reply(operation: Operation) -> dict[str, Any]:
    reply = _json_reply("Answer", operation.help)
    for media_type in operation.media_types:
        reply["200"]["content"][media_type] = _bytes(operation.help)
    return reply


def _json_reply(schema: str, description: str, errors: bool = True) -> dict[str, Any]:
    """Responses of what answers JSON."""
    known = reference("schemas", schema)
    if not errors:
        return {"200": {"description": description, "content": {_JSON: {"schema": known}}}}
    either = {"anyOf": [known, reference("schemas", "Error")]}
    content: dict[str, Any] = {_JSON: {"schema": either}}
    content["text/javascript"] = {"schema": {"type": "string"}}
    content["text/html"] = {"schema": {"type": "string"}}
    failures = {"400": "Refused", "404": "NotFound", "500": "Failed", "503": "Busy"}
    return {
        "200": {"description": description, "content": content},
        **{code: reference("responses", name) for code, name in failures.items()},
    }


# --- parameters ---------------------------------------------------------------------------------


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """A parameter in the query string."""
    told: dict[str, Any] = {"name": parameter.name, "in": "query", "schema": _schema(parameter)}
    return told | ({"description": parameter.help} if parameter.help else {})


def _schema(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.hint:
        schema["examples"] = [parameter.hint]
    return schema


def _form(parameters: tuple[Parameter, ...], forms: tuple[str, ...]) -> dict[str, Any]:
    """The same parameters as a form that is posted."""
    known = {
        parameter.name: _schema(parameter) | ({"description": parameter.help})
        for parameter in parameters
    }
    return {"type": "object", "properties": known | {"f": form_parameter(forms)["schema"]}}


def _key(parameter: Parameter) -> str:
    return f"export-{parameter.name}"


# --- paths --------------------------------------------------------------------------------------


def _template(path: str) -> str:
    """`tile/<level>` as `tile/{level}`."""
    return path.replace("<…", "<").replace("<", "{").replace(">", "}")


def _in_path(path: str) -> list[dict[str, Any]]:
    """The parameters that a path has in itself."""
    return [
        {"name": part.strip("<…>"), "in": "path", "required": True, "schema": _of_part(part)}
        for part in path.split("/")
        if part.startswith("<")
    ]


def _of_part(part: str) -> Mapping[str, Any]:
    return {"type": "string"} if part.startswith("<…") else {"type": "integer", "minimum": 0}


def _identifier(path: str) -> str:
    """`info/metadata` as `infoMetadata`."""
    words = [word for word in path.replace(".", "/").split("/") if not word.startswith("<")]
    first, *others = words or ["item"]
    fixed = first + "".join(word[:1].upper() + word[1:] for word in others)
    values = [part.strip("<…>") for part in path.split("/") if part.startswith("<")]
    return fixed + ("By" + "".join(v[:1].upper() + v[1:] for v in values) if values else "")
