"""Exports on a real scheduler and two worker processes: the same bytes, and no wait without end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client as HTTPClient

from exportimage_wsgi import ExportRequest, ImageService, create_app, export_image
from exportimage_wsgi.checking import checked
from exportimage_wsgi.cluster import Cluster, _opened
from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import (
    CancelledError,
    ExportImageError,
    ItemError,
    OverloadedError,
    SourceError,
)
from exportimage_wsgi.running import Runner, Stop, close
from tests.clusters import (
    Machines,
    closed_port,
    failing,
    failing_elsewhere,
    is_at_work,
    noted,
    until,
)
from tests.rasters import waves, write

BOX = (-120.0, 30.0, -110.0, 37.5)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("cluster")) as machines:
        machines.start()
        yield machines


@pytest.fixture(scope="module")
def cluster(machines: Machines) -> Cluster:
    return machines.cluster()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> ImageService:
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    values = waves((300, 400), bands=3, dtype="uint8")
    return ImageService.open(write(path, values, BOX, "EPSG:4326", photometric="rgb"))


def made(service: ImageService, driver: Any, **asked: Any) -> bytes:
    request = ExportRequest(size=(1500, 1600), image_sr=3857, **asked)
    return b"".join(export_image(service, request, runner=Runner(driver=driver)).stream())


@pytest.mark.parametrize(
    "asked",
    [
        {"format": "png"},
        {"format": "png8"},
        {"format": "jpg"},
        {"format": "jpgpng"},
        {"format": "gif"},
        {"format": "tiff"},
        {"format": "tiff", "compression": "LZW", "pixel_type": "F32"},
        {"format": "lerc"},
        {"format": "bip"},
    ],
    ids=lambda asked: "-".join(asked.values()),
)
def test_the_bytes_are_those_of_this_process(
    scene: ImageService, cluster: Cluster, asked: dict[str, Any]
) -> None:
    assert made(scene, cluster, **asked) == made(scene, Runner().driver, **asked)


def test_pieces_come_in_order(cluster: Cluster, tmp_path: Path) -> None:
    pieces = cluster.in_order(partial(noted, tmp_path), 60, Stop())

    assert list(pieces) == [index**2 for index in range(60)]


@pytest.mark.parametrize(
    "error",
    [
        SourceError("scene.tif is damaged"),
        ItemError(7, "it is missing", "a.tif", "1"),
        ZeroDivisionError("a piece failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_a_worker_keeps_its_class_and_text(cluster: Cluster, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        list(cluster.in_order(partial(failing, error), 9, Stop()))

    assert str(raised.value) == str(error)


def test_a_raster_that_workers_alone_cannot_read_is_not_damaged(cluster: Cluster) -> None:
    error = ItemError(7, "a.tif is missing", "a.tif", "1")

    with pytest.raises(
        ExportImageError, match=r"cannot read what .* item 7: a\.tif is m"
    ) as raised:
        list(cluster.in_order(partial(failing_elsewhere, os.getpid(), error), 9, Stop()))

    assert not isinstance(raised.value, SourceError)


def test_what_cannot_be_sent_is_an_error(cluster: Cluster) -> None:
    with pytest.raises(ExportImageError, match="cannot be sent to a cluster"):
        list(cluster.in_order(lambda index: index, 9, Stop()))


def test_a_reader_who_leaves_stops_the_workers(cluster: Cluster, tmp_path: Path) -> None:
    pieces = cluster.in_order(partial(noted, tmp_path), 500, Stop())
    next(pieces)
    close(pieces)
    until(lambda: is_at_work(cluster), "the workers are not free again")
    done = len(list(tmp_path.iterdir()))
    list(cluster.in_order(abs, 20, Stop()))

    assert len(list(tmp_path.iterdir())) == done < 25


def test_a_deadline_and_a_reader_seen_to_leave_end_the_wait(
    cluster: Cluster, tmp_path: Path
) -> None:
    left = threading.Event()
    pieces = cluster.in_order(partial(noted, tmp_path), 500, Stop(left=left.is_set))
    next(pieces)
    left.set()

    with pytest.raises(CancelledError, match="the reader left"):
        list(pieces)
    with pytest.raises(CancelledError, match="deadline"):
        list(cluster.in_order(partial(noted, tmp_path), 500, Stop(deadline=0.1)))


def test_a_worker_that_is_killed_costs_no_export(
    scene: ImageService, cluster: Cluster, machines: Machines
) -> None:
    request = ExportRequest(size=(3000, 4000), image_sr=3857, format="png")
    with export_image(scene, request, runner=Runner(driver=cluster)).stream() as stream:
        begun = [next(stream), next(stream)]
        machines.kill_a_worker()
        got = b"".join([*begun, *stream])
    machines.add_worker()

    assert got == b"".join(export_image(scene, request).stream())


def test_all_exports_of_a_process_share_one_connection(cluster: Cluster) -> None:
    before = threading.active_count()
    for _ in range(3):
        list(cluster.in_order(abs, 3, Stop()))

    assert threading.active_count() <= before + 2


def test_a_cube_is_computed_by_a_client_of_one_s_own(
    scene: ImageService, machines: Machines
) -> None:
    from distributed import Client

    cube = export_image(scene, ExportRequest(size=(1500, 1200), format="tiff")).cube
    here = cube.values
    with Client(machines.address(), timeout=10, set_as_default=False) as client:
        there = client.compute(cube.data).result(60)

    assert np.array_equal(here, there)


def test_check_finds_a_cluster_that_works(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text(f"[compute]\nscheduler = '{cluster.address}'")

    assert checked(str(file)).faults == ()


def test_check_names_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    file, address = tmp_path / "services.toml", f"tcp://127.0.0.1:{closed_port()}"
    file.write_text(f"[compute]\nscheduler = '{address}'")

    (fault,) = checked(str(file)).faults

    assert fault == (
        f"services.toml: compute.scheduler: {address}: the cluster's scheduler does not answer"
    )


# --- a scheduler that is not there -----------------------------------------------------------


def asked(client: HTTPClient, size: int) -> Any:
    path = "/rest/services/scene/ImageServer/exportImage"
    return client.get(f"{path}?f=image&format=bip&size={size},{size}", buffered=True)


def site(scene: ImageService, address: str) -> HTTPClient:
    services = {"scene": {"source": scene.source.path}}  # type: ignore[attr-defined]
    config = Config.checked({"compute": {"scheduler": address}, "services": services})
    return HTTPClient(create_app(config))


def test_without_a_scheduler_small_pictures_are_made_here(scene: ImageService) -> None:
    client = site(scene, f"tcp://127.0.0.1:{closed_port()}")

    large, small = asked(client, 1500), asked(client, 200)

    assert (large.status_code, large.headers["Retry-After"]) == (503, "5")
    assert "the cluster's scheduler does not answer" in large.text
    assert small.status_code == 200


def test_a_scheduler_that_is_silent_is_asked_once_in_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        port = silent.getsockname()[1]
        cluster = Cluster(address=f"tcp://127.0.0.1:{port}", patience=0.5, pause=60)
        for _ in range(3):
            with pytest.raises(OverloadedError):
                list(cluster.in_order(abs, 3, Stop()))
        silent.accept()[0].close()
        silent.settimeout(0.05)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_what_is_no_scheduler_is_out_of_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:
        cluster = Cluster(address=f"tcp://127.0.0.1:{web.getsockname()[1]}", pause=60)

        def greet() -> None:
            connection, _ = web.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            connection.close()

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(OverloadedError, match="scheduler does not answer"):
            list(cluster.in_order(abs, 3, Stop()))


def test_why_a_scheduler_is_out_of_reach_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(address=f"tcp://127.0.0.1:{closed_port()}", patience=0.5)

    with pytest.raises(OverloadedError):
        list(cluster.in_order(abs, 3, Stop()))

    assert re.search("cannot be used: (no answer within|Timed out .* after) 0.5 s", caplog.text)


def test_a_scheduler_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with Machines(tmp_path) as machines:
        address = machines.start(workers=1)
        cluster = machines.cluster(patience=5)
        machines.kill()
        with pytest.raises(OverloadedError):
            list(cluster.in_order(abs, 3, Stop()))

        machines.start(port=int(address.rpartition(":")[2]), workers=1)

        until(lambda: is_at_work(cluster), "the cluster was not found again")


def test_an_export_under_way_ends_when_the_scheduler_does(tmp_path: Path) -> None:
    with Machines(tmp_path) as machines:
        machines.start(workers=1)
        cluster = machines.cluster(patience=5, pause=60)
        pieces = cluster.in_order(partial(noted, tmp_path), 500, Stop())
        next(pieces)
        machines.kill()

        with pytest.raises(OverloadedError):
            list(pieces)


def test_an_export_under_way_ends_when_the_scheduler_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exportimage_wsgi.cluster.batch._SILENCE", 0.2)
    with Machines(tmp_path) as machines:
        machines.start(workers=1)
        cluster = machines.cluster(patience=1, pause=60)
        pieces = cluster.in_order(partial(noted, tmp_path), 500, Stop())
        next(pieces)
        assert machines.scheduler is not None
        machines.scheduler.send_signal(signal.SIGSTOP)

        with pytest.raises(OverloadedError, match="does not answer"):
            list(pieces)


def test_a_worker_of_another_release_is_named() -> None:
    with pytest.raises(ExportImageError, match=r"needs 99\.1"):
        _opened("99.1", b"")


def test_a_worker_without_the_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "exportimage_wsgi.py").write_text("raise ModuleNotFoundError(name=__name__)")
    with Machines(tmp_path) as machines:
        cluster = Cluster(address=machines.start(workers=0), patience=5, pause=0.05)
        machines.add_worker(PYTHONPATH=str(tmp_path))

        with pytest.raises(ExportImageError, match="lacks exportimage-wsgi"):
            until(lambda: is_at_work(cluster), "no worker came")


def test_a_process_that_used_a_cluster_ends_by_itself(machines: Machines) -> None:
    program = (
        "from exportimage_wsgi.cluster import Cluster\n"
        "from exportimage_wsgi.running import Stop\n"
        f"print(list(Cluster(address={machines.address()!r}).in_order(abs, 3, Stop())))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[0, 1, 2]", "")
