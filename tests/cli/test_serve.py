"""`serve`: servers that come up, reload and stop, and what they refuse."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import ConfigError
from exportimage_wsgi.rasters import named
from tests.cli.conftest import PROGRAM, run
from tests.cli.servers import running
from tests.mosaics.scenes import row_of_scenes

only_with_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@only_with_fork
def test_serving_a_file_says_it_is_ready_answers_reloads_and_stops(
    config: Path, scene: Path
) -> None:
    with running(*PROGRAM, "serve", config, "--port", 0, "--workers", 2, "--threads", 4) as server:
        lines = server.wait_for_lines(3)
        assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+/rest/services", lines[0])
        services = lines[0].removeprefix("ready ")
        assert lines[1:] == [
            f"{services}/A/scene/ImageServer",
            f"{services}/small/ImageServer",
        ]
        assert json.loads(server.get("/healthz")[1])["status"] == "ok"
        picture = server.get("/rest/services/A/scene/ImageServer/exportImage?f=image")
        assert picture[0] == "image/png" and picture[1].startswith(b"\x89PNG")

        config.write_text(config.read_text() + f'[services.new]\nsource = "{scene}"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: server.service_names() == ["new", "small"])
        server.wait_until(lambda: sum("Worker exiting" in line for line in server.log) == 2)

        config.write_text("[services")
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: any("not reloaded" in line for line in server.log))
        assert server.service_names() == ["new", "small"]

        assert server.stop() == 0
        assert [line for line in server.lines if line.startswith("ready")] == [lines[0]]
        assert len(server.lines) == 3


class Workforce:
    """A parent of two workers that are only numbers, and what it does with them."""

    def __init__(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from exportimage_wsgi.serving import Place, with_gunicorn

        place = Place(host="127.0.0.1", port=0, workers=2, threads=4)
        self.app = with_gunicorn.Workers(partial(Config.load, config), place)
        self.parent = with_gunicorn.Parent(self.app)
        self.ended: list[int] = []
        monkeypatch.setattr(self.parent, "WORKERS", {})  # gunicorn's is of the class.
        monkeypatch.setattr(self.parent, "spawn_worker", self._spawn)
        monkeypatch.setattr(
            self.parent, "kill_worker", lambda process, _: self.ended.append(process)
        )
        self.parent.manage_workers()

    def _spawn(self) -> None:
        self.parent.worker_age += 1
        self.parent.WORKERS[self.parent.worker_age] = SimpleNamespace(age=self.parent.worker_age)


@only_with_fork
def test_a_reload_leaves_the_old_workers_until_the_new_ones_are_up(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who open large mosaics need long for it; requests would wait for them."""
    force = Workforce(config, monkeypatch)
    force.parent.reload()
    force.app.up.show(3)
    force.parent.manage_workers()
    assert (sorted(force.parent.WORKERS), force.ended) == ([1, 2, 3, 4], [])

    force.app.up.show(4)
    force.parent.manage_workers()
    force.parent.manage_workers()

    assert force.ended == [1, 2]


@only_with_fork
def test_a_new_worker_that_died_is_replaced_before_the_old_ones_go(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    force = Workforce(config, monkeypatch)
    force.parent.reload()
    force.app.up.show(4)
    del force.parent.WORKERS[3]

    force.parent.manage_workers()
    force.parent.manage_workers()

    assert (sorted(force.parent.WORKERS), force.ended) == ([1, 2, 4, 5], [])


@only_with_fork
def test_sigterm_lets_an_export_end(scene: Path) -> None:
    command = (*PROGRAM, "serve", scene, "--port", 0, "--workers", 1)
    with running(*command) as server:
        server.wait_for_lines(2)
        port = int(server.lines[0].split(":")[2].partition("/")[0])
        path = "/rest/services/scene/ImageServer/exportImage?f=image&format=bsq&size=4000,4000"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = len(client.recv(1000))
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            while chunk := client.recv(1 << 20):
                received += len(chunk)

        assert received > 3 * 4000 * 4000
        assert server.process.wait(60) == 0


@only_with_fork
def test_a_folder_is_served_with_a_prefix_and_escaped_names(tmp_path: Path, scene: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "Sub").mkdir(parents=True)
    (folder / "Sub" / "große 1.tif").write_bytes(scene.read_bytes())
    (folder / "Sub" / "broken.tif").write_bytes(b"II*\0")
    command = (*PROGRAM, "serve", folder, "--port", 0, "--workers", 1, "--prefix", "arcgis/")
    with running(*command) as server:
        lines = server.wait_for_lines(3)
        services = lines[0].removeprefix("ready ")

        assert services.endswith("/arcgis/rest/services")
        assert f"{services}/Sub/gro%C3%9Fe%201/ImageServer" in lines
        with urllib.request.urlopen(lines[2] + "?f=json", timeout=60) as reply:
            assert json.load(reply)["bandCount"] == 3
        assert any(f"Sub/broken: {folder}/Sub/broken.tif" in line for line in server.log)
        assert server.stop(signal.SIGINT) == 0


@only_with_fork
def test_a_local_client_is_no_trusted_proxy(scene: Path) -> None:
    with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 1) as server:
        server.wait_for_lines(2)
        url = server.lines[1] + "/exportImage?f=json"
        request = urllib.request.Request(url, headers={"X-Forwarded-Proto": "https"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert json.load(reply)["href"].startswith("http://127.0.0.1:")


WITH_THREADS = """
from functools import partial
from exportimage_wsgi.config import Config
from exportimage_wsgi.serving import Place
from exportimage_wsgi.serving.with_waitress import serve_threads
place = Place(host="127.0.0.1", port=0, workers=1, threads=4, prefix="/a")
serve_threads(partial(Config.load, {config!r}), place)
"""


def test_threads_alone_serve_where_there_is_no_fork(config: Path) -> None:
    pytest.importorskip("waitress")
    with running(sys.executable, "-c", WITH_THREADS.format(config=str(config))) as server:
        lines = server.wait_for_lines(3)

        assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+/a/rest/services", lines[0])
        picture = server.get("/rest/services/A/scene/ImageServer/exportImage?f=image")
        assert picture[1].startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM cannot be caught")
def test_threads_alone_leave_no_private_folder_behind(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("waitress")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with running(sys.executable, "-c", WITH_THREADS.format(config=str(config))) as server:
        server.wait_for_lines(3)
        (folder,) = (tmp_path / "tmp").glob("exportimage-*")

        assert server.stop() == 0

    assert not folder.exists()


def test_serving_what_is_missing_is_told(tmp_path: Path) -> None:
    done = run("serve", tmp_path / "gone.tif")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path}/gone.tif: there is no such file\n"


def test_serving_a_file_with_faults_tells_them_all(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = 1\nb = 2")

    done = run("serve", tmp_path / "a.toml")

    assert done.exit_code == 1
    assert "a.toml: a: unknown key" in done.stderr and "a.toml: b: unknown key" in done.stderr


def test_a_configuration_is_served_alone(config: Path, scene: Path) -> None:
    assert "it is served alone" in run("serve", scene, config).stderr


def test_one_service_of_a_configuration_is_not_served_by_itself(config: Path) -> None:
    done = run("serve", f"{config}#small")

    assert done.exit_code == 2
    assert f"{config}#small is one service: {config} is served as a whole" in done.stderr


def test_a_prefix_that_breaks_urls_is_refused(scene: Path) -> None:
    done = run("serve", scene, "--prefix", "/a?b")

    assert done.exit_code == 2
    assert "--prefix" in done.stderr


@only_with_fork
def test_a_port_that_is_taken_is_told(scene: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*PROGRAM, "serve", str(scene), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: 127.0.0.1:{port} is in use; choose another with --port\n"


def test_a_host_that_is_another_machine_s_is_told(scene: Path) -> None:
    done = run("serve", scene, "--host", "192.0.2.1", "--port", 8399)

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: cannot listen at 192.0.2.1:8399: ")


@only_with_fork
def test_a_server_that_ends_removes_its_private_folder(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 2) as server:
        server.wait_for_lines(2)
        server.get("/rest/services/scene/ImageServer/exportImage?f=json")
        (folder,) = (tmp_path / "tmp").glob("exportimage-*")
        assert list(folder.glob("*.png"))

        assert server.stop() == 0

    assert not folder.exists()


@only_with_fork
def test_a_server_says_once_that_it_compiles_and_not_when_it_did(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    told = []
    for _ in range(2):
        with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 2) as server:
            server.wait_for_lines(2)
            server.stop()
            told.append(sum("compiling functions" in line for line in server.log))

    assert told == [1, 0]


def test_a_glob_is_served_as_one_service_and_a_folder_as_many(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")

    assert named([f"{tmp_path}/scenes/*.tif"]) == {"scenes": f"{tmp_path}/scenes/*.tif"}
    assert len(named([f"{tmp_path}/scenes"])) == 3
    with pytest.raises(ConfigError, match="no such file"):
        named([f"{tmp_path}/scenes/*.jp2"])
