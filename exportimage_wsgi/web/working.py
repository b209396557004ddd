"""exportImage answered later: whether that is asked for, how a job makes a file, what is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..errors import ParameterError
from ..esri.replies import export_reply, job_reply
from ..jobs import Jobs
from ..jobs.job import Job
from ..operations.export_image import Export, export_image
from ..operations.parameters import parse_export
from ..service import ImageService
from .address import Address
from .exporting import OUTPUT, Exporter

ASYNC = "async"
ASYNC_HELP = "A large picture is made as a job, whose page or JSON tells how far it is."
_TRUTHS = {"true": True, "false": False}


def is_async(arguments: Mapping[str, str], f: str) -> bool:
    """Is a job wanted rather than the answer itself?

    Raises:
        ParameterError: that is neither true nor false, or `f` asks for the file itself.
    """
    text = arguments.get(ASYNC, "false")
    if text.lower() not in _TRUTHS:
        raise ParameterError(ASYNC, text, "must be true or false")
    wanted = _TRUTHS[text.lower()]
    if wanted and f not in ("html", "json", "pjson"):
        raise ParameterError(ASYNC, text, f"f={f} answers with the file itself; use f=json")
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Takes large exports as jobs, and tells of them."""

    jobs: Jobs

    exporter: Exporter

    pixels: int
    """Exports of more pixels become jobs."""

    def takes(self, export: Export) -> bool:
        return export.width * export.height > self.pixels

    def taken(self, name: str, service: ImageService, arguments: Mapping[str, str]) -> Job:
        """A job that makes the file of an export; it doesn't end with the client's connection.

        Args:
            name: of the service below which the job is told of.
            service: what is drawn: the service, or an item of it.
            arguments: of exportImage.
        """
        return self.jobs.submit(name, partial(_result, self.exporter, service, dict(arguments)))

    def reply(self, job: Job, address: Address) -> dict[str, Any]:
        """The JSON of a job; at its end with the members of exportImage's own reply."""
        result, messages = dict(job.result or {}), list(job.messages)
        if result:
            messages += result.pop("notes")
            result = {"href": address.url(*OUTPUT, result.pop("file")), **result}
        return job_reply(job.id, job.state.value, job.percent, messages, result)


def _result(
    exporter: Exporter,
    service: ImageService,
    arguments: Mapping[str, str],
    progress: Callable[[int, int], None],
    has_left: Callable[[], bool],
) -> dict[str, Any]:
    """Make the file; its name in the store, and the rest of the reply."""
    runner = exporter.runner
    runner = replace(runner, left=has_left, admission=runner.admission.patient())
    export = export_image(service, parse_export(arguments), runner=runner)
    export, stored = exporter.kept(service, export, progress)
    reply = export_reply("", export.width, export.height, export.extent, exporter.version)
    del reply["href"]
    return {"file": stored.name, "notes": list(export.notes), **reply}
