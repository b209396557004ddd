"""Servers under test as processes: started, asked over one connection a thread, timed, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from work import Box, Row

_PATIENCE = 180.0
_REST = 50.0
"""Milliseconds of CPU in a second that a server may take while nobody asks it."""


class Peer(Protocol):
    """Something that draws the rows of the table."""

    name: str

    def draw(self, row: Row, box: Box) -> bytes:
        """The file; raises `RuntimeError` where it isn't given."""
        ...

    def cpu_ms(self) -> float:
        """Of all its processes since they started."""
        ...

    def close(self) -> None: ...


class Connection:
    """A client that takes next to nothing of the processors that the servers need, too."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def get(self, url: str) -> tuple[int, str, bytes]:
        """Status, media type and body; raises `ConnectionError` where there is no whole answer."""
        self._socket.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        status = self._file.readline().split()
        fields: dict[bytes, bytes] = {}
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        if len(status) < 2:
            raise ConnectionResetError("no answer")
        chunked = fields.get(b"transfer-encoding") == b"chunked"
        body = b"".join(self._chunks()) if chunked else self._read(int(fields[b"content-length"]))
        return int(status[1]), fields.get(b"content-type", b"").decode(), body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._file.readline(), 16):
            yield self._read(size)
            self._file.readline()
        self._file.readline()

    def _read(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise ConnectionResetError("the answer breaks off")
        return data


class Server:
    """Processes that answer over HTTP; a kind of server says how to start them, and its URLs."""

    name = ""

    def __init__(self, folder: Path, rasters: Mapping[str, Path], rows: Sequence[Row]) -> None:
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rasters, self.rows, self.port = rasters, rows, free_port()
        self._log = (self.folder / "log").open("wb")
        self._started: list[subprocess.Popen[bytes]] = []
        self._local = threading.local()
        try:
            self.start()
            self._wait()
            self._come_to_rest()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start all processes by `run`."""
        raise NotImplementedError

    def url(self, row: Row, box: Box) -> str:
        """Path and query of a row at a place."""
        raise NotImplementedError

    def run(self, command: Sequence[object], **options: Any) -> None:
        words = [str(word) for word in command]
        options = {"stdout": self._log, "stderr": self._log, "start_new_session": True} | options
        self._started.append(subprocess.Popen(words, **options))

    def _wait(self) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            dead = [process.args for process in self._started if process.poll() is not None]
            if dead:
                raise RuntimeError(f"{dead} ended; see {self.folder / 'log'}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"{self.name} doesn't listen; see {self.folder / 'log'}")

    def _come_to_rest(self) -> None:
        """Wait until the processes have nothing more to do for their start."""
        end, before = time.monotonic() + _PATIENCE, -_REST
        while (now := self.cpu_ms()) - before >= _REST and time.monotonic() < end:
            before = now
            time.sleep(1.0)

    def draw(self, row: Row, box: Box) -> bytes:
        url = self.url(row, box)
        try:
            status, kind, body = self._connection().get(url)
        except ConnectionError:  # servers close connections that were idle for some seconds
            self._local.connection = None
            status, kind, body = self._connection().get(url)
        if status != 200 or not kind.startswith("image/"):
            raise RuntimeError(f"{self.name}, {row.name}: {status} {body[-300:]!r}")
        return body

    def _connection(self) -> Connection:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = Connection(self.port)
        return connection

    def cpu_ms(self) -> float:
        return sum(_cpu_ms(pid) for pid in family([p.pid for p in self._started]))

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # one that waits for a request doesn't hear
                process.kill()
                process.wait()
        self._log.close()


class Worker:
    """A process without HTTP: it is told a row and a place in a line of JSON, and answers with
    the number of bytes, the milliseconds of CPU they took, and the bytes."""

    def __init__(self, name: str, command: Sequence[object], rasters: Mapping[str, Path]) -> None:
        self.name = name
        words = [str(word) for word in command]
        said = json.dumps({key: str(path) for key, path in rasters.items()})
        self._process = subprocess.Popen(
            [*words, said], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._spent = 0.0

    def draw(self, row: Row, box: Box) -> bytes:
        assert self._process.stdin is not None and self._process.stdout is not None
        said = {
            "scene": row.scene,
            "size": row.size,
            "crs": row.crs,
            "format": row.format,
            "bands": row.bands,
            "stretch": row.stretch,
            "smooth": row.smooth,
            "box": box,
        }
        self._process.stdin.write(json.dumps(said).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"{self.name} ended at {row.name}")
        self._spent += float(answer[1])
        return self._process.stdout.read(int(answer[0]))

    def cpu_ms(self) -> float:
        return self._spent

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def family(parents: Sequence[int]) -> list[int]:
    """The processes and all that descend from them."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, ahead = [], list(parents)
    while ahead:
        pid = ahead.pop()
        found.append(pid)
        ahead += children.get(pid, [])
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            yield int(entry), int(fields[1])


def _cpu_ms(pid: int) -> float:
    """Of all threads, those that have ended too, to the nanosecond: Linux's clock of a process."""
    try:
        return time.clock_gettime(~pid << 3 | 2) * 1000
    except OSError:
        return 0.0
