"""The files of `conf`: what they say is true, complete, and taken by the servers they are for."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.cluster import Cluster
from exportimage_wsgi.cluster.link import close_links
from exportimage_wsgi.config import Config
from exportimage_wsgi.config.tables import Look, Mosaic, Service
from exportimage_wsgi.serving import Place
from exportimage_wsgi.serving.with_gunicorn import gunicorn_options
from tests.clusters import is_at_work, until

CONF = Path(__file__).parent.parent / "conf"
EXAMPLE = CONF / "services.toml"


def with_commented_keys() -> dict[str, Any]:
    """The tables of the example with the keys that are commented out."""
    text = re.sub(r"^# (?=[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    return tomllib.loads(text.replace("\ntrusted_proxies = []\n", "\n"))


def test_the_example_has_no_fault_and_its_rasters_open() -> None:
    catalog = Catalog.of(Config.load(EXAMPLE))

    assert {catalog.service(name).name for name in catalog.names()} == {
        "world",
        "Rocky/rgb",
        "Rocky/elevation",
        "Rocky/in_the_world",
    }


def test_its_commented_keys_have_no_fault_either() -> None:
    Config.checked(with_commented_keys(), CONF)


def test_it_shows_every_table_and_every_key() -> None:
    tables = with_commented_keys()

    for name, field in Config.model_fields.items():
        known = getattr(field.annotation, "model_fields", None)
        if known is not None:
            assert set(tables[name]) == set(known), name
    said = set().union(*tables["services"].values())
    assert said >= set(Service.model_fields) - set(Look.model_fields)
    mosaics = [service["mosaic"] for service in tables["services"].values() if "mosaic" in service]
    assert set().union(*mosaics) == set(Mosaic.model_fields)


def test_what_it_shows_as_the_default_is_the_default() -> None:
    shown, default = Config.load(EXAMPLE), Config()

    for table in set(Config.model_fields) - {"services"}:
        assert getattr(shown, table).model_dump() == getattr(default, table).model_dump(), table


def test_gunicorn_s_settings_are_those_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {}
    exec(compile((CONF / "gunicorn.conf.py").read_text(), "gunicorn.conf.py", "exec"), said)
    place = Place(host="127.0.0.1", port=8080, workers=said["workers"], threads=16)

    ours = gunicorn_options(Config(), place)

    assert {name: said.get(name) for name in ours} == ours
    assert said["preload_app"] is False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="gunicorn needs a fork")
def test_gunicorn_serves_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", str(CONF / "gunicorn.conf.py")]
    command += ["--workers", "1", "--bind", "127.0.0.1:0", "exportimage_wsgi.wsgi:application"]
    environment = os.environ | {"EXPORTIMAGE_CONFIG": str(EXAMPLE), "HOME": str(tmp_path)}
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen(command, stderr=log, env=environment) as server,
    ):
        try:
            url = _address(tmp_path / "log", server)
            with urllib.request.urlopen(f"{url}/rest/services/Rocky?f=json", timeout=60) as reply:
                names = [each["name"] for each in json.load(reply)["services"]]
        finally:
            server.terminate()
    assert names == ["Rocky/elevation", "Rocky/in_the_world", "Rocky/rgb"]
    assert server.returncode == 0


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + 60
    while not (found := re.search(r"Listening at: (\S+)", log.read_text())):
        assert server.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    return found[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the recipe is for a shell")
def test_the_cluster_of_the_recipe_makes_pieces(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PYTHON": sys.executable, "PORT": str(port), "WORKERS": "1"}
    with (tmp_path / "log").open("w") as log:
        recipe = subprocess.Popen(
            ["sh", CONF / "dask-cluster.sh"],
            env=os.environ | environment | {"PYTHONPATH": str(CONF.parent)},
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    cluster = Cluster(address=f"tcp://127.0.0.1:{port}", pause=0.05)
    try:
        until(lambda: is_at_work(cluster), "no worker came")
    finally:
        close_links()
        recipe.terminate()
        recipe.wait(30)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert nginx, "install nginx"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    main = tmp_path / "nginx.conf"
    included = (CONF / "nginx.conf").read_text().replace("listen 80;", "listen 127.0.0.1:18080;")
    (tmp_path / "site.conf").write_text(included)
    http = f"access_log off; {folders} include {tmp_path}/site.conf;"
    main.write_text(f"pid {tmp_path}/pid; events {{}} http {{ {http} }}")

    done = subprocess.run([nginx, "-t", "-c", main, "-p", tmp_path], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_nginx_names_the_headers_that_are_believed() -> None:
    text = (CONF / "nginx.conf").read_text()

    for header in ("X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix"):
        assert f"proxy_set_header {header} " in text


@pytest.mark.parametrize("file", ["nginx.conf", "exportimage-wsgi.service", "mod_wsgi.conf"])
def test_no_server_gives_up_before_the_deadline(file: str) -> None:
    names = r"proxy_read_timeout|TimeoutStopSec|request-timeout|graceful-timeout"
    seconds = re.findall(rf"(?:{names})[= ](\d+)", (CONF / file).read_text())

    assert seconds
    assert all(int(each) >= Config().limits.deadline for each in seconds)


def test_systemd_starts_the_command_as_it_is() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(CONF / "exportimage-wsgi.service")
    command = unit["Service"]["ExecStart"].split()

    from exportimage_wsgi.cli import main

    assert command[0].endswith("/exportimage-wsgi")
    context = main.commands["serve"].make_context("serve", command[2:])
    assert context.params["sources"] == ("/srv/exportimage/services.toml",)
