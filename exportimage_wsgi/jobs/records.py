"""Records of jobs: a folder of files that any process reads, each written by one alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from .job import Job, State

try:
    import fcntl
except ImportError:  # Windows: the folder is of one process
    fcntl = None  # type: ignore[assignment]

_RECORD = re.compile(r"\.job-(?P<id>j[0-9a-f]{32})\.(json|cancel)", re.ASCII)
_PART, _LOCK = ".part-", ".jobs"
_LOST = 30.0
"""Seconds without a beat after which a process is taken for dead."""
_LOCKED = 2.0
"""Seconds after which a lock is no longer waited for."""


class Records:
    """The records of a folder. No file is touched before the first is written."""

    def __init__(self, directory: Path, max_age: float) -> None:
        self._directory, self._max_age = directory, max_age
        self._taking = threading.Lock()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While no other thread or process takes a job of this folder."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._taking, (self._directory / _LOCK).open("a") as file:
            _lock(file)
            yield

    def write(self, job: Job) -> None:
        """Put the record in place of the one before, in one step."""
        text = json.dumps(asdict(job) | {"state": job.state.value})
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=_PART, dir=self._directory)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.replace(part, self._record(job.id))
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def read(self, job_id: str) -> Job | None:
        """The job with what its record leaves to be seen: a dead process, a wish for its end.

        Raises:
            OSError: the disk doesn't tell.
        """
        path = self._record(job_id)
        try:
            age = time.time() - path.stat().st_mtime
            told = json.loads(path.read_text())
            state, messages = State(told["state"]), tuple(told["messages"])
            job = Job(**(told | {"state": state, "messages": messages}))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, LookupError, TypeError):  # Other releases tell other things.
            return None
        if not job.state.is_active:
            return job if age <= self._max_age else None
        if age > _LOST:
            return replace(job, state=State.FAILED, messages=("The process that made it ended.",))
        return replace(job, state=State.CANCELLING) if self.is_unwanted(job_id) else job

    def all(self) -> Iterator[Job]:
        """All jobs that are told of still."""
        for path in self._directory.glob(".job-*.json"):
            match = _RECORD.fullmatch(path.name)
            job = self.read(match["id"]) if match else None
            if job is not None:
                yield job

    def sweep(self) -> None:
        """Remove what is told of no more."""
        for path in self._directory.glob(".job-*"):
            with contextlib.suppress(OSError):
                age = time.time() - path.stat().st_mtime
                if _RECORD.fullmatch(path.name) and age > self._max_age + _LOST:
                    path.unlink()

    def beat(self, job_id: str) -> None:
        """Tell that the process that makes the job lives."""
        os.utime(self._record(job_id))

    def ask_for_end(self, job_id: str) -> None:
        """Put the wish for the end of a job beside its record."""
        self._beside(job_id).touch(mode=0o600)

    def forget_wish(self, job_id: str) -> None:
        """Take the wish away."""
        self._beside(job_id).unlink(missing_ok=True)

    def is_unwanted(self, job_id: str) -> bool:
        """Is the end of the job asked for? Not by a disk that doesn't tell."""
        return os.path.exists(self._beside(job_id))

    def _record(self, job_id: str) -> Path:
        return self._directory / f".job-{job_id}.json"

    def _beside(self, job_id: str) -> Path:
        """The file that asks for the end of a job."""
        return self._directory / f".job-{job_id}.cancel"


def _lock(file: Any) -> None:
    """Lock it, but wait neither for a process that is halted nor for a disk that has no locks: then
    a few jobs too many may be taken."""
    end = time.monotonic() + _LOCKED
    while fcntl is not None and time.monotonic() < end:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return None
