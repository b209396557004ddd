"""The recipe of conf/dask-cluster.sh over TLS, with certificates of an authority of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask
import distributed  # noqa: F401 — completes dask's configuration, which `set` would undo
import pytest

from exportimage_wsgi import ExportRequest, ImageService, export_image
from exportimage_wsgi.cluster import Cluster
from exportimage_wsgi.cluster.link import close_links
from exportimage_wsgi.errors import OverloadedError
from exportimage_wsgi.running import Runner, Stop
from tests.clusters import ROOT, closed_port, is_at_work, until
from tests.rasters import waves, write

TLS = "distributed.comm.tls"


def signed(folder: Path, name: str) -> None:
    """Write NAME.pem and NAME.key, signed by the authority of the folder, which is made first."""
    key = ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}"]
    openssl(folder, "req", "-x509", *key, "-out", f"{name}.pem", "-days", "2", *authority(folder))


def authority(folder: Path) -> list[str]:
    """Of openssl's arguments those that name who signs; nobody signs the authority itself."""
    made = (folder / "authority.pem").exists()
    return ["-CA", "authority.pem", "-CAkey", "authority.key"] if made else []


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What dask's configuration says of certificates that are all in order."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("authority", "server", "client"):
        signed(folder, name)
    said = {"ca-file": "authority.pem", "client.cert": "client.pem", "client.key": "client.key"}
    for role in ("scheduler", "worker"):
        said |= {f"{role}.cert": "server.pem", f"{role}.key": "server.key"}
    return {f"{TLS}.{name}": str(folder / file) for name, file in said.items()}


def environment(named: dict[str, str]) -> dict[str, str]:
    """The same, as variables say it."""
    return {
        "DASK_" + name.upper().replace(".", "__").replace("-", "_"): file
        for name, file in named.items()
    }


@pytest.fixture(scope="module")
def address(named: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("cluster"), str(closed_port())
    said = {"PYTHON": sys.executable, "PORT": port, "WORKERS": "1", "PROTOCOL": "tls"}
    with (folder / "log").open("w") as log:
        recipe = subprocess.Popen(
            ["sh", ROOT / "conf" / "dask-cluster.sh"],
            env=os.environ | said | environment(named) | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        yield f"tls://127.0.0.1:{port}"
    finally:
        close_links()
        recipe.terminate()
        recipe.wait(30)


def test_an_export_over_tls_has_the_same_bytes(
    address: str, named: dict[str, str], tmp_path: Path
) -> None:
    values = waves((300, 400), bands=3, dtype="uint8")
    raster = write(tmp_path / "a.tif", values, (5, 40, 9, 43), "EPSG:4326", photometric="rgb")
    service, request = ImageService.open(raster), ExportRequest(size=(1500, 1600), format="png")
    cluster = Cluster(address=address, patience=10, pause=0.05)
    with dask.config.set(named):
        until(lambda: is_at_work(cluster), "no worker came")

        there = export_image(service, request, runner=Runner(driver=cluster)).stream()

        assert b"".join(there) == b"".join(export_image(service, request).stream())


def test_certificates_may_come_of_a_function_that_dask_s_configuration_names(
    address: str, named: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: named[f"{TLS}.{name}"] for name in ("ca-file", "client.cert", "client.key")}
    arguments = {f"tls_{name}".replace("-", "_").replace(".", "_"): files[name] for name in files}
    (tmp_path / "vault.py").write_text(
        "from distributed.security import Security\n"
        f"def opened(about): return Security(require_encryption=True, **{arguments})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    cluster = Cluster(address=address, patience=10, pause=0.06)

    with dask.config.set({"distributed.client.security-loader": "vault.opened"}):
        until(lambda: is_at_work(cluster), "no worker came")


def test_a_server_is_told_of_certificates_by_its_environment(
    address: str, named: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "services.toml"
    file.write_text(f"[compute]\nscheduler = '{address}'")
    command = [sys.executable, "-m", "exportimage_wsgi", "check", str(file)]

    def checks() -> bool:
        done = subprocess.run(
            command, env=os.environ | environment(named), cwd=ROOT, capture_output=True
        )
        return done.returncode == 0

    until(checks, "the cluster has a fault")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "names no certificates"),
        ({"ca-file": "/nowhere.pem"}, "ca_file of distributed.comm.tls is missing: /nowhere.pem"),
        ({"min-version": "9"}, "min-version='9' is not supported"),
    ],
)
def test_what_is_wrong_with_certificates_is_in_the_log(
    said: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster(address=f"tls://127.0.0.1:{closed_port()}")
    with (
        dask.config.set({f"{TLS}.{name}": value for name, value in said.items()}),
        pytest.raises(OverloadedError, match="scheduler does not answer"),
    ):
        list(cluster.in_order(abs, 3, Stop()))

    assert reason in caplog.text


def test_a_certificate_of_somebody_else_is_refused(
    address: str, named: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("authority", "client"):
        signed(tmp_path, name)
    foreign = {name: str(tmp_path / Path(file).name) for name, file in named.items()}

    with dask.config.set(foreign), pytest.raises(OverloadedError):
        list(Cluster(address=address, patience=9).in_order(abs, 3, Stop()))

    assert "TLS certificate does not match" in caplog.text


def test_a_function_that_is_not_there_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(address=f"tls://127.0.0.1:{closed_port()}")
    with (
        dask.config.set({"distributed.client.security-loader": "nowhere.opened"}),
        pytest.raises(OverloadedError, match="scheduler does not answer"),
    ):
        list(cluster.in_order(abs, 3, Stop()))

    assert "No module named 'nowhere'" in caplog.text
