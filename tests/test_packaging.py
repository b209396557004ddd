"""The wheel and the sdist: what is in them, and that the wheel works where it is installed."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import exportimage_wsgi

ROOT = Path(__file__).parent.parent
LEAFLET = "exportimage_wsgi/web/static/leaflet"
RGB = ROOT / "examples" / "data" / "rgb.tif"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and sees the libraries of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    scheme = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    programs = Path(sysconfig.get_path("scripts", "venv", scheme))
    command = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install"]
    subprocess.run([*command, "-qq", "--no-deps", "--ignore-installed", str(wheel)], check=True)
    return programs


def python(installed: Path, code: str) -> str:
    """What code prints there; the folder of the sources is not on its path."""
    command = [str(installed / "python"), "-I", "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_holds_what_belongs_to_the_package_alone(wheel: Path) -> None:
    folder = Path(exportimage_wsgi.__file__).parent
    ours = {p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert packed == {path.relative_to(folder.parent).as_posix() for path in ours}
    needed = ("py.typed", "web/static/style.css", "web/static/leaflet/leaflet.js")
    assert {f"exportimage_wsgi/{name}" for name in needed} <= packed


def test_the_wheel_carries_the_licence_and_the_command(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        texts = {name.partition(".dist-info/")[2]: name for name in archive.namelist()}
        licence = archive.read(texts["licenses/LICENSE"]).decode()
        of_leaflet = archive.read(texts[f"licenses/{LEAFLET}/LICENSE"])
        commands = archive.read(texts["entry_points.txt"]).decode()

    assert licence == (ROOT / "LICENSE").read_text()
    assert of_leaflet == (ROOT / LEAFLET / "LICENSE").read_bytes()
    assert "exportimage-wsgi = exportimage_wsgi.cli:main" in commands


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("leaflet.js", "20nQCchB9co0qIjJZRGuk2/Z9VM+kNiyxNV1lvTlZBo="),
        ("leaflet.css", "p4NxAoJBhIIN+hmNHrzRCf9tD/miZyoHS5obTRR9BMY="),
    ],
)
def test_the_map_library_is_as_its_makers_published_it(name: str, digest: str) -> None:
    """Their page of downloads gives these digests of version 1.9.4."""
    found = hashlib.sha256((ROOT / LEAFLET / name).read_bytes()).digest()

    assert base64.b64encode(found).decode() == digest


@pytest.mark.parametrize(
    "name",
    [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "conf/services.toml",
        "examples/data/world.tif",
        "examples/quickstart.sh",
        "tests/run.sh",
        "tests/test_packaging.py",
    ],
)
def test_the_sdist_holds_all_that_tests_and_examples_need(distributions: Path, name: str) -> None:
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {member.partition("/")[2] for member in archive.getnames()}

    assert name in names


def test_the_installed_wheel_is_imported_and_knows_its_version(installed: Path) -> None:
    code = "import exportimage_wsgi as e; print(e.__version__, e.__file__)"
    version, file = python(installed, code).split()

    assert version == exportimage_wsgi.__version__
    assert Path(file).is_relative_to(installed.parent)


def test_the_installed_wheel_draws_its_pages(installed: Path) -> None:
    code = f"""
from werkzeug.test import Client
from exportimage_wsgi import create_app
reply = Client(create_app({{"rgb": {str(RGB)!r}}})).get("/rest/services/rgb/ImageServer")
print(reply.status, "<html" in reply.text)
"""

    assert python(installed, code) == "200 OK True\n"


def test_the_installed_command_runs(installed: Path) -> None:
    command = [str(installed / "exportimage-wsgi"), "info", str(RGB)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=installed)

    assert told.returncode == 0, told.stderr
    assert "rgb" in told.stdout
