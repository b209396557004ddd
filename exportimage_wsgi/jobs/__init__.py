"""Jobs: exports that are made while nobody waits, told of by files that any process can read.

The process that took a job makes it, in a thread of its own, and alone writes its record; a beat
tells that it lives. Others read the record, and ask for the end of a job by a file beside it. So
every worker of a server can answer, and a job whose process died is told as failed.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

from ..errors import NotFoundError, OverloadedError, StoreError, shown
from ..words import counted, reason
from .job import Job, Make
from .making import Makers
from .records import Records

_log = logging.getLogger(__name__)

_ID = re.compile(r"j[0-9a-f]{32}", re.ASCII)


class Jobs:
    """The jobs of a folder, and the threads of this process that make some of them."""

    def __init__(self, directory: Path, max_age: float, most: int = 16, threads: int = 2) -> None:
        """Nothing is started, and no file is touched, before the first job.

        Args:
            directory: of the records; shared by all processes of a server.
            max_age: seconds that a job is told of after its end.
            most: jobs that wait or are being made at a time, of all processes together.
            threads: jobs that are being made at a time in this process.
        """
        self._records = Records(directory, max_age)
        self._most, self._threads = most, threads
        self._own: Makers | None = None
        self._lock = threading.Lock()

    def submit(self, service: str, make: Make) -> Job:
        """Take a job; it begins when a thread is free.

        Raises:
            OverloadedError: too many jobs wait already, or the process is ending.
            StoreError: the record cannot be written.
        """
        self._records.sweep()
        job = Job(id=f"j{secrets.token_hex(16)}", service=service)
        with self._told(service, "take a job"), self._records.alone():
            active = sum(job.state.is_active for job in self._records.all())
            if active >= self._most:
                most = counted(self._most, "asynchronous export")
                raise OverloadedError(f"at most {most} may wait or be under way")
            self._records.write(job)
        self._here().add(job, make)
        return job

    def find(self, job_id: str, service: str) -> Job:
        """A job of a service as it stands.

        Raises:
            NotFoundError: there is none, or it ended long ago.
            StoreError: the disk doesn't tell.
        """
        with self._told(service, "tell of a job"):
            job = self._records.read(job_id) if _ID.fullmatch(job_id) else None
        if job is None or job.service != service:
            raise NotFoundError(f"Job {shown(job_id)} not found")
        return job

    def cancel(self, job_id: str, service: str) -> Job:
        """Ask for the end of a job; it may be over before, or take until its next block.

        Raises:
            NotFoundError: there is none, or it ended long ago.
            StoreError: the wish cannot be written.
        """
        job = self.find(job_id, service)
        if job.state.is_active:
            with self._told(service, "end a job"):
                self._records.ask_for_end(job_id)
            if self._own is not None:
                self._own.look()
        return self.find(job_id, service)

    def close(self) -> None:
        """Break off the jobs of this process, and tell so in their records; bounded in time."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None and own.process == os.getpid():
            own.close()

    def _here(self) -> Makers:
        """The threads of this process; a forked child makes its own."""
        with self._lock:
            if self._own is None or self._own.process != os.getpid():
                self._own = Makers(self._records, self._threads)
                atexit.register(self.close)
            return self._own

    @contextlib.contextmanager
    def _told(self, service: str, deed: str) -> Iterator[None]:
        """Turn a fault of the disk into an error that may be shown, and log it in full."""
        try:
            yield
        except OSError as error:
            _log.error("job of %s: %s", service, error)
            raise StoreError(f"The output store cannot {deed}: {reason(error)}") from error
