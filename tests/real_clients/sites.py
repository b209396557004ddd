"""The servers of these tests: ours by its command, nginx with TLS before it, and one of pages."""

from __future__ import annotations

import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Our server, below `/arcgis`; the URL of its services."""
    command = [sys.executable, "-m", "exportimage_wsgi", "serve", str(folder / "services.toml")]
    command += ["--port", "0", "--prefix", "/arcgis", "--workers", "1", "--threads", "12"]
    with (
        (folder / "serve.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        try:
            yield _ready(server, folder / "serve.log")
        finally:
            server.terminate()


def _ready(server: subprocess.Popen[str], log: Path) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("ready "):
            return line.split()[1]
    raise AssertionError(log.read_text())


@contextmanager
def behind_nginx(services: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """`conf/nginx.conf` with TLS before our server; the URL of the services, the certificate."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx, "install nginx (Debian: nginx-light)"
    key, certificate = _certificate(folder)
    port = free_port()
    site = (ROOT / "conf" / "nginx.conf").read_text()
    tls = f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    site = site.replace("listen 80;", tls).replace("maps.example.org", "localhost")
    site = site.replace("127.0.0.1:8080", re.findall(r"//([^/]+)/", services)[0])
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    main = f"pid {folder}/pid; error_log {folder}/nginx.log; daemon off; events {{}}\n"
    (folder / "nginx.conf").write_text(f"{main} http {{ access_log off; {temporary}\n{site}\n}}")
    command = [nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    with subprocess.Popen(command) as proxy:
        try:
            _listening(port, proxy)
            path = services.split("/", 3)[3]
            yield f"https://localhost:{port}/imagery/{path}", certificate
        finally:
            proxy.terminate()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    openssl = shutil.which("openssl")
    assert openssl, "install openssl"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate


def _listening(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        assert process.poll() is None and time.monotonic() < end, "nginx does not listen"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """A server of the files in a folder: another origin than that of the services."""
    handler = functools.partial(_Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
