"""The OpenAPI description: valid, complete, and of this application as it is mounted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.operations.operation import Operation
from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS
from exportimage_wsgi.operations.table import OPERATIONS
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.address import Front
from exportimage_wsgi.web.app import ImageServer

SCENE = "/rest/services/Rocky/Scene/ImageServer"
IN_FOLDER = "/rest/services/{folder}/{service}/ImageServer"


@pytest.fixture
def described(client: Client) -> Any:
    return client.get("/rest/openapi.json").get_json()


def test_the_description_is_valid(described: Any) -> None:
    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []
    assert described["openapi"].startswith("3.1.")


def test_the_description_of_a_single_service_is_valid(
    site: Callable[..., ImageServer], service: ImageService, visitor: Callable[..., Client]
) -> None:
    described = visitor(site(service)).get("/rest/openapi.json").get_json()

    assert list(OpenAPIV31SpecValidator(described).iter_errors()) == []
    assert {"/", "/exportImage"} <= described["paths"].keys()


def test_it_knows_every_operation_and_its_parameters(described: Any) -> None:
    for operation in OPERATIONS:
        path = described["paths"][f"{IN_FOLDER}/" + re.sub("<…?([^>]*)>", r"{\1}", operation.path)]
        told = {p["name"] for p in path["get"]["parameters"] if "name" in p}

        assert {parameter.name for parameter in operation.parameters} <= told
        assert ("post" in path) == bool(operation.parameters)


@pytest.mark.parametrize("parameter", EXPORT_PARAMETERS, ids=lambda each: each.name)
def test_it_knows_every_parameter_of_export_image(described: Any, parameter: Any) -> None:
    told = described["components"]["parameters"][f"export-{parameter.name}"]
    posted = described["components"]["schemas"]["ExportForm"]["properties"]

    assert told["name"] == parameter.name and parameter.name in posted
    assert told["schema"].get("enum", []) == list(parameter.choices)


@pytest.mark.parametrize("name", FORMATS)
def test_it_knows_the_media_type_of_every_format(client: Client, described: Any, name: str) -> None:
    reply = client.get(f"{SCENE}/exportImage?f=image&bbox=-117,34,-116,35&format={name}")
    content = described["paths"][f"{IN_FOLDER}/exportImage"]["get"]["responses"]["200"]["content"]

    assert name in re.findall(r"\w+", content[reply.mimetype]["schema"]["description"])


def test_it_knows_what_a_picture_tells_beside_itself(client: Client, described: Any) -> None:
    shown = client.get("/healthz").headers["Access-Control-Expose-Headers"].split(", ")
    of_http = {"Content-Length", "Content-Range", "Retry-After"}

    assert set(shown) - of_http == described["components"]["headers"].keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.path)
def test_it_knows_which_operations_answer_files(client: Client, operation: Operation) -> None:
    reply = client.get(
        f"{SCENE}/{operation.path}", query_string={"f": (*operation.forms, "json")[0]}
    )
    known = {*operation.media_types, "application/json"}

    assert reply.mimetype in known or "<" in operation.path


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/rest/info", "Info"),
        ("/rest/services", "Catalog"),
        ("/rest/services/Rocky", "Catalog"),
        (SCENE, "Service"),
        (f"{SCENE}/exportImage?bbox=-117,34,-116,35", "ExportReply"),
        (f"{SCENE}/exportImage?bbox=1,2,3", "Error"),
        ("/healthz", "Health"),
    ],
)
def test_replies_are_as_they_are_described(
    client: Client, described: Any, path: str, schema: str
) -> None:
    body = client.get(f"{path}{'&' if '?' in path else '?'}f=json").get_json()
    wanted = {"$ref": f"#/components/schemas/{schema}", "components": described["components"]}

    jsonschema.validate(body, wanted, jsonschema.Draft202012Validator)


def test_it_says_where_the_application_is_mounted(
    site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    app = DispatcherMiddleware(Client, {"/imagery": site(front=Front(prefix="/arcgis"))})
    described = visitor(app).get("/imagery/arcgis/rest/openapi.json").get_json()

    assert described["servers"] == [{"url": "http://localhost/imagery/arcgis"}]


def test_the_directory_leads_to_it(client: Client) -> None:
    assert 'href="/rest/openapi.json"' in client.get("/rest/services").text
