"""Jobs: exports that are made while nobody waits, told of by files that any process can read.

The process that took a job makes it, in a thread of its own, and alone writes its record; a beat
tells that it lives. Others read the record, and ask for the end of a job by a file beside it. So
every worker of a server can answer, and a job whose process died is told as failed.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import re
import secrets
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from .errors import (
    CancelledError,
    ExportImageError,
    NotFoundError,
    OverloadedError,
    StoreError,
    shown,
)
from .words import counted

try:
    import fcntl
except ImportError:  # Windows: the folder is of one process
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)

_ID = re.compile(r"j[0-9a-f]{32}", re.ASCII)
_RECORD = re.compile(r"\.job-(?P<id>j[0-9a-f]{32})\.(json|cancel)", re.ASCII)
_PART, _LOCK = ".part-", ".jobs"
_BEAT = 3.0
_LOST = 30.0
"""Seconds without a beat after which a process is taken for dead."""
_LOCKED = 2.0
"""Seconds after which a lock is no longer waited for."""
_TOLD_EVERY = 1.0
_FAREWELL = 10.0

Make = Callable[[Callable[[int, int], None], Callable[[], bool]], dict[str, Any]]
"""Makes what a job is for: tells its progress `(done, total)`, asks whether it must stop, and
gives its result as JSON knows it."""


class State(Enum):
    """How far a job is."""

    SUBMITTED = "Submitted"
    EXECUTING = "Executing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"

    @property
    def is_active(self) -> bool:
        return self in (State.SUBMITTED, State.EXECUTING, State.CANCELLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as its record tells it."""

    id: str
    """Nobody can guess it."""

    service: str
    """Name of the service that was asked."""

    state: State = State.SUBMITTED

    done: int = 0
    """Pieces that are made."""

    total: int = 0
    """Pieces in all; 0 while that isn't known."""

    messages: tuple[str, ...] = ()
    """What was worth saying; of a failed job why it failed."""

    result: dict[str, Any] | None = None
    """Of a job that succeeded."""

    @property
    def percent(self) -> int:
        if self.state is State.SUCCEEDED:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0


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
        self.directory, self.max_age = directory, max_age
        self._most, self._threads = most, threads
        self._own: _Own | None = None
        self._lock, self._taking = threading.Lock(), threading.Lock()

    def submit(self, service: str, make: Make) -> Job:
        """Take a job; it begins when a thread is free.

        Raises:
            OverloadedError: too many jobs wait already, or the process is ending.
            StoreError: the record cannot be written.
        """
        self._sweep()
        job = Job(id=f"j{secrets.token_hex(16)}", service=service)
        with self._told(service, "take a job"), self._alone():
            active = sum(job.state.is_active for job in self._all())
            if active >= self._most:
                most = counted(self._most, "asynchronous export")
                raise OverloadedError(f"at most {most} may wait or be under way")
            self._write(job)
        self._here().add(job, make)
        return job

    def find(self, job_id: str, service: str) -> Job:
        """A job of a service as it stands.

        Raises:
            NotFoundError: there is none, or it ended long ago.
        """
        job = self._read(job_id) if _ID.fullmatch(job_id) else None
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
                self._beside(job_id).touch(mode=0o600)
            if self._own is not None:
                self._own.look()
        return self.find(job_id, service)

    def close(self) -> None:
        """Break off the jobs of this process, and tell so in their records; bounded in time."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None and own.process == os.getpid():
            own.close()

    def _here(self) -> _Own:
        """The threads of this process; a forked child makes its own."""
        with self._lock:
            if self._own is None or self._own.process != os.getpid():
                self._own = _Own(self, self._threads)
                atexit.register(self.close)
            return self._own

    @contextlib.contextmanager
    def _told(self, service: str, deed: str) -> Iterator[None]:
        """Turn a fault of the disk into an error that may be shown, and log it in full."""
        try:
            yield
        except OSError as error:
            _log.error("job of %s: %s", service, error)
            raise StoreError(f"The output store cannot {deed}") from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other thread or process takes a job of this folder."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._taking, (self.directory / _LOCK).open("a") as file:
            _lock(file)
            yield

    # --- the records ------------------------------------------------------------------------

    def _write(self, job: Job) -> None:
        """Put the record in place of the one before, in one step."""
        text = json.dumps(asdict(job) | {"state": job.state.value})
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=_PART, dir=self.directory)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            os.replace(part, self._record(job.id))
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _read(self, job_id: str) -> Job | None:
        """The job with what its record leaves to be seen: a dead process, a wish for its end."""
        path = self._record(job_id)
        try:
            age = time.time() - path.stat().st_mtime
            told = json.loads(path.read_text())
            state, messages = State(told["state"]), tuple(told["messages"])
            job = Job(**(told | {"state": state, "messages": messages}))
        except (OSError, ValueError, LookupError, TypeError):  # Other releases tell other things.
            return None
        if not job.state.is_active:
            return job if age <= self.max_age else None
        if age > _LOST:
            return replace(job, state=State.FAILED, messages=("The process that made it ended.",))
        return replace(job, state=State.CANCELLING) if self._is_unwanted(job_id) else job

    def _all(self) -> Iterator[Job]:
        for path in self.directory.glob(".job-*.json"):
            match = _RECORD.fullmatch(path.name)
            job = self._read(match["id"]) if match else None
            if job is not None:
                yield job

    def _sweep(self) -> None:
        """Remove what is told of no more."""
        for path in self.directory.glob(".job-*"):
            with contextlib.suppress(OSError):
                age = time.time() - path.stat().st_mtime
                if _RECORD.fullmatch(path.name) and age > self.max_age + _LOST:
                    path.unlink()

    def _record(self, job_id: str) -> Path:
        return self.directory / f".job-{job_id}.json"

    def _beside(self, job_id: str) -> Path:
        """The file that asks for the end of a job."""
        return self.directory / f".job-{job_id}.cancel"

    def _is_unwanted(self, job_id: str) -> bool:
        return self._beside(job_id).exists()


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


class _Own:
    """The jobs of this process: those that wait, and the threads that make them."""

    def __init__(self, jobs: Jobs, threads: int) -> None:
        self.process = os.getpid()
        self._jobs = jobs
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Job, Make]] = deque()
        self._under_way: dict[str, Job] = {}
        self._closing = threading.Event()
        self._makers = [
            threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            for number in range(threads)
        ]
        # They don't keep the process: `close` sees to their end.
        for thread in (*self._makers, threading.Thread(target=self._beats, daemon=True)):
            thread.start()

    def add(self, job: Job, make: Make) -> None:
        with self._changed:
            if self._closing.is_set():
                raise OverloadedError("the server is stopping")
            self._waiting.append((job, make))
            self._changed.notify()

    def look(self) -> None:
        """End those that wait and are no longer wanted."""
        with self._changed:
            unwanted = [each for each in self._waiting if self._jobs._is_unwanted(each[0].id)]
            for each in unwanted:
                self._waiting.remove(each)
        for job, _ in unwanted:
            self._tell(replace(job, state=State.CANCELLED))

    def close(self) -> None:
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
            if self._jobs._is_unwanted(job.id):
                return replace(job, state=State.CANCELLED)
            if self._closing.is_set():
                return replace(job, state=State.FAILED, messages=("The server was stopped.",))
        if error.code >= 500:
            _log.warning("job of %s: %s", job.service, error)
        return replace(job, state=State.FAILED, messages=(error.message, *error.details))

    def _is_over(self, job_id: str) -> bool:
        return self._closing.is_set() or self._jobs._is_unwanted(job_id)

    def _tell(self, job: Job) -> None:
        """Write the record. One that cannot be written is told as lost, when its beat is late."""
        if not job.state.is_active:
            self._under_way.pop(job.id, None)
        try:
            self._jobs._write(job)
            if not job.state.is_active:
                self._jobs._beside(job.id).unlink(missing_ok=True)
        except OSError as error:
            _log.error("job of %s: %s", job.service, error)

    def _beats(self) -> None:
        """Tell again and again that this process lives, and look for jobs that are unwanted."""
        while not self._closing.wait(_BEAT):
            with self._changed:
                active = [job.id for job, _ in self._waiting] + list(self._under_way)
            for job_id in active:
                with contextlib.suppress(OSError):
                    os.utime(self._jobs._record(job_id))
            self.look()
