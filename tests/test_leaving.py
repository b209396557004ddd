"""Clients that leave, and servers that stop, in a real gunicorn: nothing runs on, nothing stays."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from exportimage_wsgi.jobs import Jobs
from exportimage_wsgi.jobs.job import State
from tests.clusters import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")

ROOT = Path(__file__).parents[1]
EXPORT = "/rest/services/slow/ImageServer/exportImage?size=1000,20000&adjustAspectRatio=false"
THREADS = 2
"""Of the export; as many pieces more are ahead of the reader."""
PIECE = 2
"""Blocks of the picture in each of its pieces, and a read for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def state(self) -> dict[str, int]:
        return self.json("/state")

    def json(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as reply:
            return json.load(reply)

    def asked(self, path: str) -> socket.socket:
        """A connection on which a request was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return connection

    def at_rest(self) -> int:
        """Reads so far, when none has begun for a while."""

        def quiet() -> dict[str, int] | None:
            before = self.state()
            time.sleep(0.3)
            return before if self.state() == before | {"active": 0} else None

        return int(until(quiet, "the export goes on")["total"])

    def temporary(self) -> list[str]:
        """Files in the temporary place that are there, or open without a name."""
        found = [str(path) for path in (self.folder / "tmp").rglob("*")]
        found += [str(path) for path in (self.folder / "out").glob(".part-*")]
        pids = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True
        )
        for pid in pids.stdout.split():
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with_target = os.readlink(link) if link.is_symlink() else ""
                if with_target.startswith(str(self.folder / "tmp")):
                    found.append(with_target)
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; the last of them stops it."""
    tmp_path = tmp_path_factory.mktemp("slow")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "conf" / "gunicorn.conf.py")]
    command += ["--workers=1", "--bind=127.0.0.1:0", "--worker-tmp-dir=/dev/shm"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")}
    hooks = tmp_path / "hooks.py"
    text = (ROOT / "conf" / "gunicorn.conf.py").read_text()
    hooks.write_text(re.sub(r"def post_worker_init.*?(?=\n\n\n)", "", text, flags=re.DOTALL))
    command[4] = str(hooks)
    with (
        (tmp_path / "log").open("w+b") as log,
        subprocess.Popen(
            [*command, "tests.slow_site:application"],
            env=environment | {"OUTPUTS": str(tmp_path / "out")},
            cwd=ROOT,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            said = until(
                lambda: re.search(r"127\.0\.0\.1:(\d+)", (tmp_path / "log").read_text()),
                "gunicorn does not listen",
            )
            server = Server(process=process, port=int(said[1]), folder=tmp_path)
            until(lambda: server.state()["active"] == 0, "the site does not answer")
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "asked",
    ["f=image&format=bip", "f=image&format=png", "f=image&format=tiff"],
)
def test_a_stream_that_nobody_takes_ends(server: Server, asked: str) -> None:
    with server.asked(f"{EXPORT}&{asked}") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        left = server.state()["total"]

    assert server.at_rest() - left <= (2 * THREADS + 1) * PIECE
    until(lambda: server.temporary() == [], "files stay")


@pytest.mark.parametrize(
    "asked",
    ["f=image&format=tiff&compression=LZW", "f=image&format=lerc", "f=json&format=png", "f=kmz"],
)
def test_a_file_that_nobody_waits_for_is_not_made(server: Server, asked: str) -> None:
    with server.asked(f"{EXPORT}&{asked}"):
        until(lambda: server.state()["total"] > PIECE, "the export does not begin")
        left = server.state()["total"]

    assert server.at_rest() - left <= (2 * THREADS + 1) * PIECE
    until(lambda: server.temporary() == [], "files stay")


def test_its_place_is_free_for_the_next(server: Server) -> None:
    with server.asked(f"{EXPORT}&f=image&format=bip") as connection:
        connection.recv(100)

    with urlopen(
        f"http://127.0.0.1:{server.port}{EXPORT.replace('20000', '3000')}&f=image&format=bip",
        timeout=30,
    ) as reply:
        assert len(reply.read()) >= 3_000_000


def test_a_job_outlives_its_client_but_not_its_server(server: Server) -> None:
    job = server.json(f"{EXPORT}&f=json&async=true")
    begun = server.state()["total"]
    until(lambda: server.state()["total"] > begun + PIECE, "the job does not begin")

    server.process.terminate()

    assert server.process.wait(30) == 0
    told = Jobs(server.folder / "out", max_age=600).find(job["jobId"], "slow")
    assert (told.state, told.messages) == (State.FAILED, ("The server was stopped.",))
    assert list((server.folder / "out").glob(".part-*")) == []
