"""`check`: faults of files and of rasters, and what would make these faster."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.cli.conftest import run
from tests.rasters import write


def test_a_sound_configuration_passes_the_check(config: Path) -> None:
    done = run("check", config)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{config}: 2 services, no faults\n"


def test_the_check_of_one_service_speaks_of_one(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('[services.a]\nsource = "scene.tif"\n')

    done = run("check", tmp_path / "one.toml")

    assert done.stdout == f"{tmp_path}/one.toml: 1 service, no faults\n"


def test_the_check_tells_faults_of_the_file_and_of_rasters_at_once(
    config: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    config.write_text(
        config.read_text()
        + '[services.gone]\nsource = "gone.tif"\n[services.many]\nsource = ["a.tif", "b.tif"]\n'
        + '[services.broken]\nsource = "broken.tif"\n'
        + '[services.names]\nsource = "scene.tif"\nband_names = ["one"]\n'
        + '[services.typo]\nsauce = "x.tif"\n[limits]\nexports = 0\n'
    )

    done = run("check", config)

    assert done.exit_code == 1
    keys = re.findall(r"^fault: services.toml: ([^:=]+)", done.stderr, re.MULTILINE)
    assert keys == [
        "limits.exports",
        "services.typo.source",
        "services.typo.sauce",
        "services.broken",
        "services.gone",
        "services.many",
        "services.names",
    ]
    assert "a.tif is missing; b.tif is missing" in done.stderr


def test_the_check_names_the_line_of_a_fault_of_syntax(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[server]\ntitle = \n")

    done = run("check", tmp_path / "a.toml")

    assert done.exit_code == 1
    assert "line 2" in done.stderr


def test_the_check_warns_of_what_is_slow(tmp_path: Path) -> None:
    data = np.zeros((1, 16, 5000), "u2")
    path = write(tmp_path / "large 'one'.tif", data, (0, 0, 10, 1), "EPSG:4326", blockysize=1)
    (tmp_path / "a.toml").write_text("[services.a]\nsource = \"large 'one'.tif\"")

    done = run("check", tmp_path / "a.toml")

    assert done.exit_code == 0
    for command in ("gdaladdo -r average", "gdal_translate -co TILED=YES", "gdalinfo -stats"):
        assert f"{command} " in done.stderr
    hints = [line for line in done.stderr.splitlines() if "gdal" in line]
    assert all(path in shlex.split(hint.rpartition(": ")[2]) for hint in hints)


def test_the_check_does_not_warn_of_a_raster_with_overviews(tmp_path: Path) -> None:
    path = write(
        tmp_path / "large.tif", np.zeros((1, 5000, 5000), "u1"), (0, 0, 1, 1), "EPSG:4326",
        tiled=True, compress="deflate", sparse_ok=True,
    )  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([4, 16])
    (tmp_path / "a.toml").write_text('[services.a]\nsource = "large.tif"')

    assert run("check", tmp_path / "a.toml").stderr == ""


def test_an_output_folder_that_cannot_be_one_is_a_fault(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config.write_text('[output]\ndirectory = "file/out"\n' + config.read_text())

    done = run("check", config)

    said = f"output.directory: {tmp_path}/file/out cannot be made in {tmp_path}/file: Not a dir"
    assert done.exit_code == 1
    assert done.stderr.startswith(f"fault: services.toml: {said}")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_an_output_folder_that_nobody_can_write_is_a_fault(config: Path) -> None:
    config.write_text('[output]\ndirectory = "/proc/self"\n' + config.read_text())

    done = run("check", config)

    assert done.exit_code == 1
    assert "output.directory: /proc/self cannot be written: " in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_an_output_folder_on_a_full_disk_is_a_fault(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(f'[output]\ndirectory = "{tmp_path}"\n' + config.read_text())
    opened = Path.open
    full = Path("/dev/full")
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *how, **further: opened(
            full if path.name == "part" else path, *how, **further
        ),
    )

    done = run("check", config)

    assert done.exit_code == 1
    said = f"output.directory: {tmp_path} cannot be written: No space left on device\n"
    assert done.stderr.endswith(said)


def test_without_an_output_folder_a_temporary_place_is_tried(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))

    done = run("check", config)

    assert done.exit_code == 1
    assert f"cannot be made in {tmp_path}/file: Not a directory; name a folder" in done.stderr


def test_the_check_warns_of_a_disk_with_less_room_than_the_store_may_take(config: Path) -> None:
    config.write_text('[output]\nmax_bytes = "1000 PB"\n' + config.read_text())

    done = run("check", config)

    assert done.exit_code == 0
    assert "warning: services.toml: output.max_bytes: 888.2PiB, but its disk has" in done.stderr


def test_the_check_leaves_the_output_folder_as_it_was(config: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for place in ("out", "other/out"):
        config.write_text(f'[output]\ndirectory = "{place}"\n[services.a]\nsource="scene.tif"')
        assert run("check", config).exit_code == 0

    assert list((tmp_path / "out").iterdir()) == []
    assert {each.name for each in tmp_path.iterdir()} == {"out", "scene.tif", "services.toml"}


def test_names_that_differ_in_letter_case_only_are_a_fault(config: Path) -> None:
    config.write_text(config.read_text() + '[services.Small]\nsource = "scene.tif"\n')

    done = run("check", config)

    assert done.exit_code == 1
    assert "services.Small: differs from small in letter case only" in done.stderr


def test_the_check_warns_of_a_file_without_services(tmp_path: Path) -> None:
    (tmp_path / "a.toml").touch()

    done = run("check", tmp_path / "a.toml")

    assert (done.exit_code, done.stderr) == (0, "warning: a.toml: it names no service\n")


def test_a_folder_is_no_configuration_to_check(tmp_path: Path) -> None:
    done = run("check", tmp_path)

    assert done.exit_code == 1
    assert f"{tmp_path}: this is a folder, not a TOML file; serve it by `" in done.stderr


def test_a_raster_is_no_configuration_to_check(scene: Path) -> None:
    done = run("check", scene)

    assert done.exit_code == 1
    assert f"this is a raster, not a TOML file; serve it by `exportimage-wsgi serve {scene}`" in (
        done.stderr
    )
