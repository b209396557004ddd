"""Servers in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


class Server:
    """A server in a process of its own, with what it printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None and process.stderr is not None
        self.process = process
        self.lines: list[str] = []
        self.log: list[str] = []
        self._threads = [
            threading.Thread(target=self._follow, args=(process.stdout, self.lines)),
            threading.Thread(target=self._follow, args=(process.stderr, self.log)),
        ]
        for thread in self._threads:
            thread.start()

    def _follow(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))
        stream.close()

    def wait_for_lines(self, count: int) -> list[str]:
        self.wait_until(lambda: len(self.lines) >= count)
        return self.lines

    def wait_until(self, is_so: Any) -> None:
        end = time.monotonic() + 90
        while not is_so():
            assert self.process.poll() is None and time.monotonic() < end, "\n".join(self.log)
            time.sleep(0.05)

    def get(self, path: str) -> tuple[str, bytes]:
        root = self.lines[0].removeprefix("ready ").removesuffix("/rest/services")
        with urllib.request.urlopen(root + path, timeout=60) as reply:
            return reply.headers.get_content_type(), reply.read()

    def service_names(self) -> list[str]:
        found = json.loads(self.get("/rest/services?f=json")[1])["services"]
        return [each["name"] for each in found]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(60)
        for thread in self._threads:
            thread.join()
        return status


@contextmanager
def running(*command: object) -> Iterator[Server]:
    arguments = [str(each) for each in command]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    server = Server(process)
    try:
        yield server
    finally:
        if process.poll() is None:
            server.stop(signal.SIGKILL)
