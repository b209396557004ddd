"""Jobs: made while nobody waits, told by files that any process reads, never forgotten."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from exportimage_wsgi.errors import (
    CancelledError,
    NotFoundError,
    OverloadedError,
    SourceError,
    StoreError,
)
from exportimage_wsgi.jobs import Jobs
from exportimage_wsgi.jobs.job import Job, State
from exportimage_wsgi.jobs.records import Records
from tests.clusters import until

Progress = Callable[[int, int], None]
Left = Callable[[], bool]


class Work:
    """Goes on until it is let go, or must stop."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, progress: Progress, has_left: Left) -> dict[str, Any]:
        progress(1, 4)
        self.begun.set()
        while not self.may_end.wait(0.005):
            if has_left():
                raise CancelledError("the reader left")
        return {"file": "a.png"}


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    kept = Jobs(tmp_path, max_age=600, most=3, threads=1)
    yield kept
    kept.close()


def ended(jobs: Jobs, job: Job) -> Job:
    def found() -> Job | None:
        now = jobs.find(job.id, job.service)
        return None if now.state.is_active else now

    return until(found, "the job did not end")  # type: ignore[no-any-return]


def test_a_job_gives_what_it_makes(jobs: Jobs) -> None:
    job = jobs.submit("scene", lambda progress, has_left: {"file": "a.png"})
    last = ended(jobs, job)

    assert (job.state, job.percent) == (State.SUBMITTED, 0)
    assert (last.state, last.percent, last.result) == (State.SUCCEEDED, 100, {"file": "a.png"})


def test_another_process_tells_of_it_and_ends_it(jobs: Jobs, tmp_path: Path) -> None:
    work, other = Work(), Jobs(tmp_path, max_age=600)
    job = jobs.submit("scene", work)
    assert work.begun.wait(10)

    assert other.find(job.id, "scene").state is State.EXECUTING
    assert other.cancel(job.id, "scene").state is State.CANCELLING
    assert ended(other, job).state is State.CANCELLED
    # The wish is taken away when its fulfilment is told.
    only = [f".job-{job.id}.json"]
    until(lambda: [path.name for path in tmp_path.glob(".job-*")] == only, "the wish stays")


def test_its_progress_is_told_now_and_then(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.jobs.making._TOLD_EVERY", -1)
    work = Work()
    job = jobs.submit("scene", work)
    assert work.begun.wait(10)

    assert jobs.find(job.id, "scene").percent == 25


def test_its_progress_never_goes_back(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.jobs.making._TOLD_EVERY", -1)
    told, is_known = [], threading.Event()

    def make(progress: Progress, has_left: Left) -> dict[str, Any]:
        is_known.wait(10)
        for done in (1, 2, 1, 3):
            progress(done, 4)
            told.append(jobs.find(job.id, "scene").percent)
        return {}

    job = jobs.submit("scene", make)
    is_known.set()
    ended(jobs, job)

    assert told == [25, 50, 50, 75]


def test_one_that_has_not_ended_is_not_told_as_complete(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportimage_wsgi.jobs.making._TOLD_EVERY", -1)
    told = []

    def make(progress: Progress, has_left: Left) -> dict[str, Any]:
        progress(4, 4)
        told.extend(job.percent for job in Records(tmp_path, 600).all())
        return {}

    ended(jobs, jobs.submit("scene", make))

    assert told == [99]


def test_one_that_waits_long_is_not_told_as_lost(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportimage_wsgi.jobs.making._BEAT", 0.02)
    work = Work()
    jobs.submit("scene", work)
    assert work.begun.wait(10)
    waiting = jobs.submit("scene", work)
    record = tmp_path / f".job-{waiting.id}.json"
    os.utime(record, (time.time() - 31,) * 2)

    until(lambda: time.time() - record.stat().st_mtime < 20, "no beat was told")

    assert jobs.find(waiting.id, "scene").state is State.SUBMITTED


def test_a_forked_process_makes_its_own(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads don't live on in a child, but the object that knows them does."""
    work, child = Work(), os.getpid() + 1
    jobs.submit("scene", work)
    assert work.begun.wait(10)

    monkeypatch.setattr(os, "getpid", lambda: child)
    job = jobs.submit("scene", lambda progress, has_left: {})

    assert ended(jobs, job).state is State.SUCCEEDED
    work.may_end.set()


def test_a_forked_process_that_ends_leaves_those_of_its_parent(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, child = Work(), os.getpid() + 1
    job = jobs.submit("scene", work)
    assert work.begun.wait(10)

    monkeypatch.setattr(os, "getpid", lambda: child)
    jobs.close()
    work.may_end.set()

    assert ended(jobs, job).state is State.SUCCEEDED


def test_one_that_waits_is_cancelled_at_once(jobs: Jobs) -> None:
    work = Work()
    jobs.submit("scene", work)
    assert work.begun.wait(10)
    waiting = jobs.submit("scene", work)

    assert jobs.cancel(waiting.id, "scene").state is State.CANCELLED


def test_too_many_are_turned_away(jobs: Jobs) -> None:
    for _ in range(3):
        jobs.submit("scene", Work())

    with pytest.raises(OverloadedError, match="3 asynchronous exports"):
        jobs.submit("scene", Work())


@pytest.mark.parametrize(
    ("error", "said"),
    [(SourceError("scene.tif is damaged"), "scene.tif is damaged"), (KeyError("secret"), "log")],
)
def test_a_job_that_fails_says_why(jobs: Jobs, error: Exception, said: str) -> None:
    def fail(progress: Progress, has_left: Left) -> dict[str, Any]:
        raise error

    last = ended(jobs, jobs.submit("scene", fail))

    assert last.state is State.FAILED
    assert said in last.messages[-1] and "secret" not in str(last)


def test_a_job_whose_process_died_has_failed(jobs: Jobs, tmp_path: Path) -> None:
    work = Work()
    job = jobs.submit("scene", work)
    assert work.begun.wait(10)
    os.utime(tmp_path / f".job-{job.id}.json", (time.time() - 31,) * 2)

    told = Jobs(tmp_path, max_age=600).find(job.id, "scene")

    assert (told.state, told.messages) == (State.FAILED, ("The process that made it ended.",))


def test_jobs_of_a_process_that_stops_have_failed(tmp_path: Path) -> None:
    jobs, work = Jobs(tmp_path, max_age=600, threads=1), Work()
    taken = [jobs.submit("scene", work) for _ in range(2)]
    assert work.begun.wait(10)

    jobs.close()

    told = [jobs.find(job.id, "scene") for job in taken]
    assert {(job.state, job.messages) for job in told} == {
        (State.FAILED, ("The server was stopped.",))
    }


@pytest.mark.parametrize("asked", ["j" + "0" * 32, "../x", "", "j" + "g" * 32])
def test_what_is_no_job_is_not_found(jobs: Jobs, asked: str) -> None:
    with pytest.raises(NotFoundError):
        jobs.find(asked, "scene")


def test_a_job_is_told_of_below_its_own_service_alone(jobs: Jobs) -> None:
    job = jobs.submit("scene", Work())

    with pytest.raises(NotFoundError):
        jobs.find(job.id, "other")


def test_jobs_that_ended_long_ago_are_removed(jobs: Jobs, tmp_path: Path) -> None:
    old = ended(jobs, jobs.submit("scene", lambda progress, has_left: {}))
    os.utime(tmp_path / f".job-{old.id}.json", (time.time() - 601,) * 2)
    with pytest.raises(NotFoundError):
        jobs.find(old.id, "scene")
    os.utime(tmp_path / f".job-{old.id}.json", (time.time() - 700,) * 2)
    recent = ended(jobs, jobs.submit("scene", lambda progress, has_left: {}))
    os.utime(tmp_path / f".job-{recent.id}.json", (time.time() - 500,) * 2)
    (tmp_path / ".job-of-mine").touch()
    os.utime(tmp_path / ".job-of-mine", (0, 0))

    new = jobs.submit("scene", lambda progress, has_left: {})

    ended(jobs, new)
    assert {path.name for path in tmp_path.glob(".job-*")} == {
        f".job-{recent.id}.json",
        f".job-{new.id}.json",
        ".job-of-mine",
    }


def test_two_processes_do_not_both_take_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, both = Records.write, [Jobs(tmp_path, max_age=600, most=1) for _ in range(2)]

    def slowly(self: Records, job: Job) -> None:
        time.sleep(0.1)
        write(self, job)

    monkeypatch.setattr(Records, "write", slowly)
    with ThreadPoolExecutor(2) as pool:
        taken = [pool.submit(each.submit, "scene", Work()) for each in both]
        refused = [isinstance(each.exception(), OverloadedError) for each in taken]
    for each in both:
        each.close()

    assert sorted(refused) == [False, True]


@pytest.mark.parametrize("text", ["[]", "{}", '{"state": "Asleep", "messages": []}', '{"id": 5'])
def test_what_another_release_wrote_is_passed_over(jobs: Jobs, tmp_path: Path, text: str) -> None:
    (tmp_path / f".job-j{'0' * 32}.json").write_text(text)

    assert ended(jobs, jobs.submit("scene", lambda progress, has_left: {})).result == {}
    with pytest.raises(NotFoundError):
        jobs.find(f"j{'0' * 32}", "scene")


def test_an_end_that_cannot_be_asked_for_is_an_error(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit("scene", Work())

    def touch(self: Path, mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told = "cannot end a job: the disk is full"
    with monkeypatch.context() as patch, pytest.raises(StoreError, match=told):
        patch.setattr(Path, "touch", touch)
        jobs.cancel(job.id, "scene")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError):
        Jobs(tmp_path / "file", max_age=600).submit("scene", Work())


def test_a_job_of_a_disk_that_does_not_tell_is_not_taken_for_none(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit("scene", Work())

    def stat(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(StoreError, match="cannot tell of a job"):
        patch.setattr(Path, "stat", stat)
        jobs.find(job.id, "scene")


def test_an_end_that_cannot_be_written_is_told_when_the_disk_has_recovered(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportimage_wsgi.jobs.making._BEAT", 0.02)
    work, write, refused = Work(), Records.write, threading.Event()

    def fail(records: Records, job: Job) -> None:
        if not job.state.is_active and not refused.is_set():
            refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        write(records, job)

    monkeypatch.setattr(Records, "write", fail)
    job = jobs.submit("scene", work)
    work.may_end.set()

    assert ended(jobs, job).state is State.SUCCEEDED and refused.is_set()


def test_a_disk_that_does_not_tell_asks_for_no_end(tmp_path: Path) -> None:
    """An error would end the beats, and with them all jobs of the process."""
    records = Records(tmp_path, max_age=600)

    assert not records.is_unwanted("a name longer than disks take" * 20)
