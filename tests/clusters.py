"""A scheduler and workers of dask.distributed as processes, and work whose traces are counted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from exportimage_wsgi.cluster import Cluster
from exportimage_wsgi.cluster.link import close_links
from exportimage_wsgi.errors import OverloadedError
from exportimage_wsgi.running import Stop

ROOT = Path(__file__).parent.parent
_PATIENCE = 60.0


def until(found: Callable[[], Any], what: str) -> Any:
    """The first true thing that is found, within a minute."""
    end = time.monotonic() + _PATIENCE
    while not (result := found()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return result


def is_at_work(cluster: Cluster) -> bool:
    """Does a worker make pieces?"""
    try:
        return list(cluster.in_order(abs, 1, Stop())) == [0]
    except OverloadedError:
        return False


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Machines:
    """Processes of a cluster, all of which end with its context."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Machines:
        return self

    def __exit__(self, *_: object) -> None:
        close_links()
        self.kill()

    def start(self, port: int = 0, workers: int = 2, **environment: str) -> str:
        """The address of the scheduler, when it listens."""
        self.file.unlink(missing_ok=True)
        self.scheduler = self._process("dask_scheduler", "--port", str(port), "--host=127.0.0.1")
        address = until(self.address, "the scheduler did not start")
        for _ in range(workers):
            self.add_worker(**environment)
        return str(address)

    def add_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        options = ("--nthreads=1", "--no-nanny", "--memory-limit=0", "--host=127.0.0.1")
        place = f"--local-directory={self.folder}"
        self.workers.append(self._process("dask_worker", *options, place, **environment))
        return self.workers[-1]

    def kill_a_worker(self) -> None:
        worker = self.workers.pop()
        worker.kill()
        worker.wait()

    def kill(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                process.kill()
                process.wait()
        self.workers.clear()

    def _process(self, program: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard"]
        command += [f"--scheduler-file={self.file}", *options]
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": path} | environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def cluster(self, patience: float = 10, pause: float = 0.05) -> Cluster:
        """What gives them work, when one of them is at work."""
        cluster = Cluster(address=str(self.address()), patience=patience, pause=pause)
        until(lambda: is_at_work(cluster), "no worker came")
        return cluster

    def address(self) -> str | None:
        assert self.scheduler is not None and self.scheduler.poll() is None
        try:
            return json.loads(self.file.read_text())["address"]  # type: ignore[no-any-return]
        except (FileNotFoundError, ValueError):
            return None


def noted(folder: Path, index: int) -> int:
    """The square of the index; a file in the folder tells that it was computed."""
    (folder / str(index)).touch()
    time.sleep(0.005)
    return index * index


def failing(error: Exception, index: int) -> int:
    if index == 3:
        raise error
    return index


def failing_elsewhere(process: int, error: Exception, index: int) -> int:
    return index if os.getpid() == process else failing(error, index)
