"""Every command and every program of the README is run, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exportimage_wsgi.config import Config
from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for name, text in _BLOCK.findall(README) if name == kind]


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def serving(command: str) -> bool:
    return " serve " in command or "gunicorn" in command or "quickstart" in command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The parts of the project that commands name, in a folder that may be written."""
    for name in ("examples", "conf", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """With the commands of this very interpreter first, and its environment for the scripts."""
    scripts = sysconfig.get_path("scripts")
    return os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "VENV": sys.prefix}


@pytest.mark.parametrize("command", [c for c in commands() if "run.sh" not in c and not serving(c)])
def test_a_command_does_its_work(command: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout
    for word in shlex.split(command):
        if Path(word).suffix in (".jpg", ".tif") and "/" not in word:
            assert (folder / word).stat().st_size > 10_000


@pytest.fixture
def started(folder: Path, environment: dict[str, str]) -> Iterator[list[subprocess.Popen[str]]]:
    """Servers that are stopped when the test ends."""
    servers: list[subprocess.Popen[str]] = []
    yield servers
    for server in servers:
        server.terminate()
        server.communicate(timeout=60)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.mark.parametrize("command", [c for c in commands() if serving(c) and "quick" not in c])
def test_a_server_answers(
    command: str,
    folder: Path,
    environment: dict[str, str],
    started: list[subprocess.Popen[str]],
) -> None:
    port = free_port()
    where = f"--bind 127.0.0.1:{port}" if "gunicorn" in command else f"--port {port}"
    server = subprocess.Popen(
        f"exec env {command} {where}",
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    started.append(server)

    listed = answered(f"http://127.0.0.1:{port}/rest/services?f=json", server)

    assert {"world", "rgb"} & {service["name"] for service in listed["services"]}


def answered(url: str, server: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON at an address of a server that is about to start."""
    end = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                return json.load(reply)  # type: ignore[no-any-return]
        except urllib.error.URLError:
            assert server.poll() is None and time.monotonic() < end, "the server did not start"
            time.sleep(0.2)


@pytest.mark.parametrize("program", blocks("python"), ids=["mounting", "embedding"])
def test_a_program_runs(program: str, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::PendingDeprecationWarning", "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr


def test_the_configuration_has_no_fault() -> None:
    configs = [Config.checked(tomllib.loads(text)) for text in blocks("toml")]

    assert {name for config in configs for name in config.services} == {"Rocky/elevation", "scenes"}


def test_the_table_names_every_parameter() -> None:
    table = README.partition("| parameter | since | here |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.split("\n")[2:])))

    assert named == {p.name for p in EXPORT_PARAMETERS} | {"f", "async", "datumTransformation"}


def test_what_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]

    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_continuous_integration_runs_the_tests_by_the_same_command() -> None:
    assert "sh tests/run.sh" in commands()
    assert "sh tests/run.sh" in (ROOT / ".ci/run").read_text("utf-8")
