"""Workers that are asked one by one, and what `check` says of them."""

from __future__ import annotations

import operator
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from exportimage_wsgi.checking import checked
from exportimage_wsgi.checking.workers import Found, faults_in, looked, versions, warnings_in
from exportimage_wsgi.cluster import Cluster
from exportimage_wsgi.cluster.survey import Answers, spread_over_hosts
from exportimage_wsgi.errors import ExportImageError, OverloadedError
from tests.clusters import Machines, closed_port, until
from tests.rasters import write

A, B = "tcp://10.0.0.1:1", "tcp://10.0.0.2:1"
GRID = "ncols 2\nnrows 2\nxllcorner {}\nyllcorner 0\ncellsize 1\n1 2\n3 4\n"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A cluster of two workers, of which the second knows nothing of Esri's ASCII grids."""
    with Machines(tmp_path_factory.mktemp("cluster")) as machines:
        machines.start(workers=1)
        machines.add_worker(GDAL_SKIP="AAIGrid")
        yield machines


@pytest.fixture(scope="module")
def cluster(machines: Machines) -> Cluster:
    """It, when both have come."""
    cluster = machines.cluster()
    until(lambda: answers_of(cluster).workers == 2, "no second worker came")
    return cluster


def answers_of(cluster: Cluster, work: Any = abs, seconds: float = 60) -> Answers:
    return cluster.of_each(work, seconds, most=9)


def test_the_check_names_workers_that_cannot_read_what_is_read_here(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "tiles").mkdir()
    for x, folder in ((0, ""), (0, "tiles"), (2, "tiles")):
        (tmp_path / folder / f"grid{x}.asc").write_text(GRID.format(x))
        (tmp_path / folder / f"grid{x}.prj").write_text(rasterio.CRS.from_epsg(4326).to_wkt())
    write(tmp_path / "scene.tif", np.zeros((1, 9, 9), "u1"), (0, 0, 1, 1), "EPSG:4326")
    (tmp_path / "a.toml").write_text(
        f"[compute]\nscheduler = '{cluster.address}'\n[services]\nscene.source = 'scene.tif'\n"
        "grid.source = 'grid0.asc'\nmosaic.source = 'tiles'\n"
    )

    one, several = checked(str(tmp_path / "a.toml")).faults

    assert one.startswith("a.toml: services.grid: worker tcp://127.0.0.1:")
    assert f" cannot read it: {tmp_path}/grid0.asc" in one
    assert several.startswith("a.toml: services.mosaic: worker tcp://127.0.0.1:")
    assert several.endswith(" (2 of 2 rasters tried)")


def test_each_worker_answers(cluster: Cluster) -> None:
    answers = answers_of(cluster, partial(looked, ()))

    assert [found.versions for found in answers.given.values()] == [versions()] * 2
    assert (answers.failed, answers.silent, answers.workers) == ({}, (), 2)


def test_of_several_workers_no_more_are_asked_than_may_be(cluster: Cluster) -> None:
    answers = cluster.of_each(abs, 60, most=1)

    assert (len(answers.given), answers.workers) == (1, 2)


def test_an_error_of_a_worker_is_told_of_it(cluster: Cluster) -> None:
    answers = answers_of(cluster, partial(operator.truediv, 1))

    told = {str(error) for error in answers.failed.values()}
    assert (answers.given, told) == ({}, {"ZeroDivisionError: division by zero"})


def test_a_worker_that_hangs_is_told_in_bounded_time(cluster: Cluster, machines: Machines) -> None:
    halted = machines.workers[1]
    os.kill(halted.pid, signal.SIGSTOP)
    try:
        answers = answers_of(cluster, seconds=2)
    finally:
        os.kill(halted.pid, signal.SIGCONT)

    assert (len(answers.given), len(answers.silent)) == (1, 1)


def test_a_scheduler_that_is_down_is_told() -> None:
    with pytest.raises(OverloadedError, match="does not answer"):
        answers_of(Cluster(address=f"tcp://127.0.0.1:{closed_port()}"))


# --- which are asked, and what is said ---------------------------------------------------------


def test_one_worker_of_each_host_is_asked_first() -> None:
    workers = ("tcp://a:1", "tcp://a:2", "tcp://a:3", "tcp://b:1", "tcp://c:1", "tcp://c:2")

    assert spread_over_hosts(workers, 4) == ("tcp://a:1", "tcp://b:1", "tcp://c:1", "tcp://a:2")


def answered(**said: Any) -> Answers:
    return Answers(**({"given": {}, "failed": {}, "silent": (), "workers": 5} | said))


def found(**faults: str) -> Found:
    return Found(versions=versions(), faults=faults)


@pytest.mark.parametrize(
    ("unable", "told"),
    [
        ([A], f"worker {A}"),
        ([A, B], f"workers {A} and {B}"),
        ([A, B, "c", "d"], f"workers {A}, {B}, c and 1 other"),
        ([A, B, "c", "d", "e"], "each of the 5 workers"),
    ],
)
def test_workers_with_the_same_fault_are_told_together(unable: list[str], told: str) -> None:
    answers = answered(given={worker: found(dem="dem.tif is missing") for worker in unable})

    assert list(faults_in(answers)) == [("dem", f"{told} cannot read it: dem.tif is missing")]


def test_workers_that_cannot_work_at_all_are_a_fault_of_the_cluster() -> None:
    answers = answered(failed={A: ExportImageError("it lacks rasterio")}, given={B: found()})

    assert list(faults_in(answers)) == [("", f"worker {A} cannot make pieces: it lacks rasterio")]


def test_workers_all_of_which_are_silent_are_a_fault() -> None:
    assert list(faults_in(answered(silent=(A, B)))) == [("", "no worker answered within 30 s")]


def test_other_versions_are_told() -> None:
    other = Found(versions=versions() | {"numpy": "1.26.4"}, faults={})

    told = list(warnings_in(answered(given={A: found(), B: other}, workers=2)))

    assert told == [f"on worker {B} is numpy 1.26.4, which is {np.__version__} here"]


def test_what_was_not_found_out_is_told() -> None:
    late = Found(versions=versions(), faults={}, untried=7)

    told = list(warnings_in(answered(given={A: late}, silent=(B,))))

    assert told == [
        f"worker {B} said nothing within 30 s",
        f"worker {A} had no time to try 7 services",
        "2 of 5 workers were asked, of as many hosts as possible",
    ]
