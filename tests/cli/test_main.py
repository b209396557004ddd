"""The command as a whole: its version, its weight, which service it means."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import exportimage_wsgi
from tests.cli.conftest import run


@pytest.mark.parametrize("command", ["info", "index"])
def test_a_configuration_without_a_service_is_told(tmp_path: Path, command: str) -> None:
    empty = tmp_path / "empty.toml"
    empty.touch()

    done = run(command, empty)

    assert (done.exit_code, done.stderr) == (1, f"Error: {empty} names no service\n")


@pytest.mark.parametrize("command", ["info", "index"])
def test_of_a_service_that_is_none_those_that_are_get_listed(config: Path, command: str) -> None:
    done = run(command, f"{config}#other")

    assert done.exit_code == 1
    assert f"no service other; there are\n  {config}#A/scene\n  {config}#small" in done.stderr


def test_the_version_is_the_package_s() -> None:
    assert run("--version").stdout == f"exportimage-wsgi, version {exportimage_wsgi.__version__}\n"


def test_help_and_version_load_no_library_of_rasters() -> None:
    code = """
import sys
from exportimage_wsgi.cli import main
main(["--help"], standalone_mode=False)
print([name for name in ("rasterio", "pyproj", "numba", "xarray") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
