"""exportImage answered later: a job, how far it is, its end, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from exportimage_wsgi.web.app import ImageServer
from tests.clusters import until
from tests.web.conftest import Reads

SERVICE = "/rest/services/Rocky/Scene/ImageServer"
ENDED = ("esriJobSucceeded", "esriJobFailed", "esriJobCancelled")
EXPORT = f"{SERVICE}/exportImage?f=json&size=300,200&async=true"


@pytest.fixture
def app(site: Callable[..., ImageServer]) -> Iterator[ImageServer]:
    made = site(async_pixels=1000)
    yield made
    made.close()


@pytest.fixture
def client(app: ImageServer, visitor: Callable[..., Client]) -> Client:
    return visitor(app)


def ended(client: Client, job: Any) -> Any:
    def found() -> Any:
        told = client.get(f"{SERVICE}/jobs/{job['jobId']}?f=json").get_json()
        return (
            told if told["jobStatus"].endswith(("ed",)) and "Submitted" not in str(told) else None
        )

    return until(found, "the job did not end")


def test_a_large_export_is_a_job_with_the_reply_at_its_end(client: Client) -> None:
    job = client.get(EXPORT).get_json()
    last = ended(client, job)
    at_once = client.get(EXPORT.replace("&async=true", "")).get_json()

    assert job["jobStatus"] == "esriJobSubmitted"
    assert (last["jobStatus"], last["progress"]["percent"]) == ("esriJobSucceeded", 100)
    assert {name: last[name] for name in at_once} == at_once
    assert client.get(last["href"]).mimetype == "image/png"


@pytest.mark.parametrize("form", ["json", "html"])
def test_the_head_of_an_answer_begins_no_job(client: Client, app: ImageServer, form: str) -> None:
    reply = client.head(EXPORT.replace("f=json", f"f={form}&bbox=-119,30,-110,35"))

    assert (reply.status_code, reply.headers["Allow"]) == (405, "GET, OPTIONS, POST")
    assert not list(app.outputs.directory.glob(".job-*"))


def test_a_small_one_is_answered_at_once(client: Client) -> None:
    assert "href" in client.get(EXPORT.replace("300,200", "30,20")).get_json()


def test_the_other_worker_of_a_server_tells_of_the_job(
    client: Client, site: Callable[..., ImageServer], visitor: Callable[..., Client]
) -> None:
    job = client.get(EXPORT).get_json()

    assert ended(visitor(site()), job)["jobStatus"] == "esriJobSucceeded"


def test_a_job_that_fails_says_why(client: Client, reads: Reads) -> None:
    reads.fails_from = 0

    last = ended(client, client.get(EXPORT).get_json())

    assert last["jobStatus"] == "esriJobFailed"
    assert last["messages"][-1] == {
        "type": "esriJobMessageTypeError",
        "description": "a block cannot be read",
    }


def test_the_end_of_a_job_can_be_asked_for(client: Client) -> None:
    job = client.get(EXPORT).get_json()

    told = client.post(f"{SERVICE}/jobs/{job['jobId']}/cancel?f=json").get_json()

    assert told["jobStatus"] in ("esriJobCancelling", "esriJobCancelled", "esriJobSucceeded")
    assert ended(client, job)["jobStatus"] in ("esriJobCancelled", "esriJobSucceeded")


@pytest.mark.parametrize(
    ("asked", "rule"),
    [("f=json&async=yes", "must be true or false"), ("f=image&async=true", "use f=json")],
)
def test_what_async_cannot_mean_is_refused(client: Client, asked: str, rule: str) -> None:
    error = client.get(f"{SERVICE}/exportImage?{asked}&size=9,9").get_json()["error"]

    assert error["code"] == 400 and rule in error["details"][1]


def test_a_fault_of_the_request_is_told_before_there_is_a_job(client: Client) -> None:
    assert "error" in client.get(EXPORT + "&format=tga").get_json()


def test_too_many_jobs_get_a_true_503(
    site: Callable[..., ImageServer], visitor: Callable[..., Client], reads: Reads
) -> None:
    app = site(async_pixels=0, jobs=1)
    app._jobs._most = 0

    reply = visitor(app).get(EXPORT)

    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")


def test_the_form_leads_to_a_page_that_looks_again(client: Client) -> None:
    reply = client.get(EXPORT.replace("f=json", "f=html&bbox=-119,30,-110,35"))
    path = reply.headers["Location"]
    page = client.get(path)

    assert (reply.status_code, page.mimetype) == (302, "text/html")
    job = {"jobId": path.rpartition("/")[2]}
    ended(client, job)
    last = client.get(path).text
    assert "Succeeded" in last and "Open the file" in last and 'http-equiv="refresh"' not in last


def test_jobs_answer_scripts_and_other_origins_too(client: Client) -> None:
    job = client.get(EXPORT).get_json()
    reply = client.get(f"{SERVICE}/jobs/{job['jobId']}?f=json&callback=told")

    assert reply.text.startswith("told({") and reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_a_job_that_is_none_is_not_found(client: Client) -> None:
    error = client.get(f"{SERVICE}/jobs/j{'0' * 32}?f=json").get_json()["error"]

    assert error["code"] == 404
