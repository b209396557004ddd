"""The jobs of one process: those that wait, and the threads that make them."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections import deque
from dataclasses import replace

from ..errors import CancelledError, ExportImageError, OverloadedError
from .job import Job, Make, State
from .records import Records

_log = logging.getLogger(__name__)

_BEAT = 3.0
_TOLD_EVERY = 1.0
_FAREWELL = 10.0


class Makers:
    """The jobs of this process: those that wait, and the threads that make them."""

    def __init__(self, records: Records, threads: int) -> None:
        self.process = os.getpid()
        self._records = records
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Job, Make]] = deque()
        self._under_way: dict[str, Job] = {}
        self._untold: dict[str, Job] = {}
        self._closing = threading.Event()
        self._makers = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(threads)
        ]
        # They don't keep the process: `close` sees to their end.
        for thread in (*self._makers, threading.Thread(target=self._beats, daemon=True)):
            thread.start()

    def add(self, job: Job, make: Make) -> None:
        """Make a job when a thread is free.

        Raises:
            OverloadedError: the process is ending.
        """
        with self._changed:
            if self._closing.is_set():
                raise OverloadedError("the server is stopping")
            self._waiting.append((job, make))
            self._changed.notify()

    def look(self) -> None:
        """End those that wait and are no longer wanted."""
        with self._changed:
            unwanted = [each for each in self._waiting if self._records.is_unwanted(each[0].id)]
            for each in unwanted:
                self._waiting.remove(each)
        for job, _ in unwanted:
            self._tell(replace(job, state=State.CANCELLED))

    def close(self) -> None:
        """Break off all jobs, and tell so in their records; bounded in time."""
        self._closing.set()
        with self._changed:
            waiting = [job for job, _ in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for job in waiting:
            self._tell(replace(job, state=State.FAILED, messages=("The server was stopped.",)))
        end = time.monotonic() + _FAREWELL
        for thread in self._makers:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                if self._closing.is_set():
                    return
                job, make = self._waiting.popleft()
                self._under_way[job.id] = replace(job, state=State.EXECUTING)
            self._tell(self._made(self._under_way[job.id], make))

    def _made(self, job: Job, make: Make) -> Job:
        """The job as it ended."""
        self._tell(job)
        told = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal told
            further = replace(job, done=done, total=total)
            # jpgpng is begun again at the first pixel that is no data: nobody is told of less.
            if further.percent >= self._under_way[job.id].percent:
                self._under_way[job.id] = further
            if time.monotonic() - told > _TOLD_EVERY:
                told = time.monotonic()
                self._tell(self._under_way[job.id])

        try:
            result = make(progress, lambda: self._is_over(job.id))
        except ExportImageError as error:
            return self._failed(self._under_way[job.id], error)
        except Exception:
            mark = secrets.token_hex(6)
            _log.exception("error %s: job of %s", mark, job.service)
            text = f"The server's log has more about error {mark}"
            return replace(self._under_way[job.id], state=State.FAILED, messages=(text,))
        return replace(self._under_way[job.id], state=State.SUCCEEDED, result=result)

    def _failed(self, job: Job, error: ExportImageError) -> Job:
        if isinstance(error, CancelledError):
            if self._records.is_unwanted(job.id):
                return replace(job, state=State.CANCELLED)
            if self._closing.is_set():
                return replace(job, state=State.FAILED, messages=("The server was stopped.",))
        if error.code >= 500:
            _log.warning("job of %s: %s", job.service, error)
        return replace(job, state=State.FAILED, messages=(error.message, *error.details))

    def _is_over(self, job_id: str) -> bool:
        return self._closing.is_set() or self._records.is_unwanted(job_id)

    def _tell(self, job: Job) -> None:
        """Write the record. An end that cannot be written is told later, if the disk recovers;
        until then the job is told as lost, as soon as its beat is late."""
        if not job.state.is_active:
            self._under_way.pop(job.id, None)
        try:
            self._write(job)
        except OSError as error:
            _log.error("job of %s: %s", job.service, error)
            if not job.state.is_active:
                self._untold[job.id] = job

    def _write(self, job: Job) -> None:
        self._records.write(job)
        if not job.state.is_active:
            self._records.forget_wish(job.id)

    def _retell(self) -> None:
        """Write the ends that could not be written before."""
        for job in list(self._untold.values()):
            with contextlib.suppress(OSError):
                self._write(job)
                del self._untold[job.id]

    def _beats(self) -> None:
        """Tell again and again that this process lives, and look for jobs that are unwanted."""
        while not self._closing.wait(_BEAT):
            with self._changed:
                active = [job.id for job, _ in self._waiting] + list(self._under_way)
            for job_id in active:
                with contextlib.suppress(OSError):
                    self._records.beat(job_id)
            self._retell()
            self.look()
