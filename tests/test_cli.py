"""The command: servers that come up, reload and stop; files it writes; what it says of faults."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from PIL import Image

import exportimage_wsgi
from exportimage_wsgi.cli import main
from exportimage_wsgi.errors import ConfigError
from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS
from exportimage_wsgi.rasters import named
from tests.mosaics.scenes import row_of_scenes
from tests.rasters import write

BOX = (-120.0, 30.0, -110.0, 38.0)
PROGRAM = [sys.executable, "-m", "exportimage_wsgi"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Ten by eight pixels of one degree; three bands, 60 b + column."""
    column = np.tile(np.arange(10), (8, 1))
    data = np.stack([60 * band + column for band in range(3)]).astype("u1")
    return Path(write(tmp_path / "scene.tif", data, BOX, "EPSG:4326"))


@pytest.fixture
def config(tmp_path: Path, scene: Path) -> Path:
    file = tmp_path / "services.toml"
    file.write_text(
        '[services."A/scene"]\nsource = "scene.tif"\n'
        '[services.small]\nsource = "scene.tif"\nmax_image_size = [20, 20]\n'
    )
    return file


# --- export ---------------------------------------------------------------------------------


def test_an_export_writes_the_picture_that_is_asked_for(scene: Path, tmp_path: Path) -> None:
    done = run(
        "export", scene, tmp_path / "out.tif", "--bbox", "-118,32,-115,34", "--size", "3,2",
        "--band-ids", "2,0", "--interpolation", "RSP_NearestNeighbor",
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    with rasterio.open(tmp_path / "out.tif") as dataset:
        assert dataset.bounds == (-118, 32, -115, 34)
        assert dataset.read().tolist() == [[[122, 123, 124]] * 2, [[2, 3, 4]] * 2]


def test_it_says_what_was_drawn(scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"

    done = run("export", scene, out, "--bbox", "-118,32,-115,34", "--size", "4,4")

    said = "4 x 4 pixels, image/png, -118,31.5,-115,34.5 in EPSG:4326"
    assert done.stdout == f"{out}: {said}\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("ending", "beginning"),
    [
        (".png", b"\x89PNG"),
        (".jpg", b"\xff\xd8\xff"),
        (".JPEG", b"\xff\xd8\xff"),
        (".tif", b"II"),
        (".tiff", b"II"),
        (".bmp", b"BM"),
        (".gif", b"GIF8"),
        (".lerc", b"Lerc2"),
        (".kmz", b"PK"),
    ],
)
def test_the_ending_tells_the_format(
    scene: Path, tmp_path: Path, ending: str, beginning: bytes
) -> None:
    out = tmp_path / f"out{ending}"

    assert run("export", scene, out).exit_code == 0
    assert out.read_bytes().startswith(beginning)


def test_raw_bands_have_their_own_endings(scene: Path, tmp_path: Path) -> None:
    for ending in ("bip", "bsq"):
        out = tmp_path / f"out.{ending}"
        bands = ("--band-ids", "0,1", "--size", "10,8", "--interpolation", "RSP_NearestNeighbor")
        assert run("export", scene, out, *bands).exit_code == 0

    values = np.stack([np.tile(60 * band + np.arange(10), (8, 1)) for band in (0, 1)])
    by_pixel, by_band = ((tmp_path / f"out.{e}").read_bytes()[:160] for e in ("bip", "bsq"))
    assert by_pixel == np.moveaxis(values, 0, -1).astype("u1").tobytes()
    assert by_band == values.astype("u1").tobytes()


def test_a_format_may_be_given_where_the_ending_tells_none(scene: Path, tmp_path: Path) -> None:
    run("export", scene, tmp_path / "out.image", "--format", "jpg")

    with Image.open(tmp_path / "out.image") as image:
        assert image.format == "JPEG"


def test_a_format_that_the_ending_contradicts_is_refused(scene: Path, tmp_path: Path) -> None:
    done = run("export", scene, tmp_path / "out.png", "--format", "jpg")

    assert done.exit_code == 1
    assert "the name out.png says otherwise" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_an_ending_that_tells_nothing_is_refused(scene: Path, tmp_path: Path) -> None:
    done = run("export", scene, tmp_path / "out.xyz")

    assert done.exit_code == 2
    assert "give --format" in done.stderr


def test_every_parameter_but_the_format_of_the_reply_is_an_option() -> None:
    text = run("export", "--help").stdout

    for parameter in EXPORT_PARAMETERS:
        kebab = re.sub(r"(?<=[a-z])(SR|[A-Z])", lambda m: "-" + m[0].lower(), parameter.name)
        assert f"--{kebab} " in text


def test_the_options_reach_the_request(scene: Path, tmp_path: Path) -> None:
    size = ("--size", "40,20", "--bbox", "-115,34,-114,35", "--bbox-sr", "4326")
    for flag in ("true", "false"):
        out = tmp_path / f"{flag}.tif"
        done = run("export", scene, out, *size, "--image-sr", "3857", "--adjust-aspect-ratio", flag)
        assert done.exit_code == 0, done.output

    with rasterio.open(tmp_path / "true.tif") as wide, rasterio.open(tmp_path / "false.tif") as box:
        assert wide.crs == box.crs == "EPSG:3857"
        assert box.bounds.left == pytest.approx(-12801741.44)
        assert wide.bounds.left < box.bounds.left


def test_a_parameter_that_breaks_its_rule_is_told(scene: Path, tmp_path: Path) -> None:
    done = run("export", scene, tmp_path / "out.png", "--size", "0,5")

    assert (done.exit_code, done.stderr) == (1, "Error: size=0,5: width must be at least 1\n")
    assert not (tmp_path / "out.png").exists()


def test_a_service_of_a_configuration_is_named_behind_its_file(
    config: Path, tmp_path: Path
) -> None:
    assert run("export", f"{config}#A/scene", tmp_path / "a.png").exit_code == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (400, 400)


def test_its_settings_hold(config: Path, scene: Path, tmp_path: Path) -> None:
    refused = run("export", f"{config}#small", tmp_path / "a.png", "--size", "21,20")
    taken = run("export", scene, tmp_path / "b.png", "--size", "5,20000")

    assert refused.exit_code == 1 and "20,20 (max_image_size)" in refused.stderr
    assert taken.exit_code == 0


def test_a_service_must_be_chosen_where_there_are_several(config: Path, tmp_path: Path) -> None:
    done = run("export", config, tmp_path / "a.png")

    assert done.exit_code == 1
    assert f"{config}#A/scene" in done.stderr and f"{config}#small" in done.stderr


def test_a_service_may_be_named_in_any_letter_case(config: Path) -> None:
    assert json.loads(run("info", f"{config}#a/SCENE").stdout)["name"] == "A/scene"


def test_a_service_that_is_none_is_told(config: Path) -> None:
    assert "there is no service none" in run("info", f"{config}#none").stderr


def test_what_is_piped_is_the_picture_alone(scene: Path) -> None:
    command = [*PROGRAM, "export", scene, "/dev/stdout", "--format", "png", "--size", "9,9"]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=True)

    assert Image.open(io.BytesIO(done.stdout)).size == (9, 9)
    assert done.stdout.endswith(b"IEND\xaeB`\x82") and b"9 x 9 pixels" in done.stderr


def test_a_file_that_cannot_be_written_is_told(scene: Path, tmp_path: Path) -> None:
    done = run("export", scene, tmp_path / "none" / "out.png")

    assert done.exit_code == 1
    assert f"{tmp_path}/none/out.png cannot be written: No such file" in done.stderr


def test_a_raster_that_is_missing_is_told(tmp_path: Path) -> None:
    done = run("export", tmp_path / "gone.tif", tmp_path / "out.png")

    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path}/gone.tif is missing\n")


def test_a_raster_that_is_missing_is_told_with_the_folder_of_its_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.toml").write_text('[services.a]\nsource = "data/gone.tif"')

    for command in (("info",), ("check",)):
        done = run(*command, tmp_path / "a.toml")

        assert done.exit_code == 1
        assert done.stderr.endswith(f" {tmp_path}/data/gone.tif is missing\n")


def test_a_block_that_cannot_be_read_is_told_with_its_folder(tmp_path: Path) -> None:
    path = Path(
        write(tmp_path / "a.tif", np.ones((1, 64, 64), "u1"), BOX, "EPSG:4326", compress="deflate")
    )
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[offset : offset + 8] = bytes(8)
    path.write_bytes(data)

    done = run("export", path, tmp_path / "out.tif")

    assert done.exit_code == 1
    assert done.stderr == f"Error: {path} is damaged: a block of it cannot be read\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM cannot be caught")
def test_an_export_that_is_terminated_leaves_nothing_behind(scene: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*PROGRAM, "export", str(scene), f"{folder}/o.bip", "--size", "20000,20000"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not any(folder.iterdir()):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()

    assert process.returncode == 143
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_there_is_a_bar(scene: Path, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [*PROGRAM, "export", str(scene), str(tmp_path / "o.bip"), "--size", "3000,3000"]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        process.wait(60)
        os.set_blocking(ours, False)
        shown = os.read(ours, 65536).decode()
    os.close(theirs)
    os.close(ours)

    assert "exporting" in shown and "100%" in shown


# --- info, check, version -------------------------------------------------------------------


def test_info_prints_what_a_raster_says_of_itself(scene: Path) -> None:
    said = json.loads(run("info", scene).stdout)

    assert (said["name"], said["bandCount"], said["pixelType"]) == ("scene", 3, "U8")
    assert said["extent"]["xmin"] == -120
    assert "itemCount" not in said


def test_info_of_a_service_has_its_name_and_version(config: Path) -> None:
    config.write_text("[compat]\nversion = 10.3\n" + config.read_text())

    said = json.loads(run("info", f"{config}#A/scene").stdout)

    assert (said["name"], said["currentVersion"]) == ("A/scene", 10.3)


def test_info_of_several_services_lists_them(config: Path) -> None:
    assert run("info", config).stdout == f"{config}#A/scene\n{config}#small\n"


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


def test_a_variable_of_a_cube_is_a_raster_too(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    coordinates = {"lat": ("lat", [2.0, 1.0], {"units": "degrees_north"})}
    coordinates["lon"] = ("lon", [1.0, 2.0], {"units": "degrees_east"})
    variables = {name: (("lat", "lon"), np.zeros((2, 2))) for name in ("a", "b")}
    xarray.Dataset(variables, coordinates).to_netcdf(tmp_path / "cube.nc")

    assert json.loads(run("info", f"{tmp_path}/cube.nc#b").stdout)["name"] == "b"
    assert "choose one of cube.nc#a, cube.nc#b" in run("info", tmp_path / "cube.nc").stderr


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
        'services."broken"',
        'services."gone"',
        'services."many"',
        'services."names"',
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


# --- serve ----------------------------------------------------------------------------------


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


only_with_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@only_with_fork
def test_serving_a_file_says_it_is_ready_answers_reloads_and_stops(
    config: Path, scene: Path
) -> None:
    with running(*PROGRAM, "serve", config, "--port", 0, "--workers", 2, "--threads", 4) as server:
        lines = server.wait_for_lines(3)
        assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+/rest/services", lines[0])
        services = lines[0].removeprefix("ready ")
        assert lines[1:] == [
            f"{services}/A/scene/ImageServer",
            f"{services}/small/ImageServer",
        ]
        assert json.loads(server.get("/healthz")[1])["status"] == "ok"
        picture = server.get("/rest/services/A/scene/ImageServer/exportImage?f=image")
        assert picture[0] == "image/png" and picture[1].startswith(b"\x89PNG")

        config.write_text(config.read_text() + f'[services.new]\nsource = "{scene}"\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: server.service_names() == ["new", "small"])

        config.write_text("[services")
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(lambda: any("not reloaded" in line for line in server.log))
        assert server.service_names() == ["new", "small"]

        assert server.stop() == 0
        assert [line for line in server.lines if line.startswith("ready")] == [lines[0]]
        assert len(server.lines) == 3


@only_with_fork
def test_sigterm_lets_an_export_end(scene: Path) -> None:
    command = (*PROGRAM, "serve", scene, "--port", 0, "--workers", 1)
    with running(*command) as server:
        server.wait_for_lines(2)
        port = int(server.lines[0].split(":")[2].partition("/")[0])
        path = "/rest/services/scene/ImageServer/exportImage?f=image&format=bsq&size=4000,4000"
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = len(client.recv(1000))
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            while chunk := client.recv(1 << 20):
                received += len(chunk)

        assert received > 3 * 4000 * 4000
        assert server.process.wait(60) == 0


@only_with_fork
def test_a_folder_is_served_with_a_prefix_and_escaped_names(tmp_path: Path, scene: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "Sub").mkdir(parents=True)
    (folder / "Sub" / "große 1.tif").write_bytes(scene.read_bytes())
    (folder / "Sub" / "broken.tif").write_bytes(b"II*\0")
    command = (*PROGRAM, "serve", folder, "--port", 0, "--workers", 1, "--prefix", "arcgis/")
    with running(*command) as server:
        lines = server.wait_for_lines(3)
        services = lines[0].removeprefix("ready ")

        assert services.endswith("/arcgis/rest/services")
        assert f"{services}/Sub/gro%C3%9Fe%201/ImageServer" in lines
        with urllib.request.urlopen(lines[2] + "?f=json", timeout=60) as reply:
            assert json.load(reply)["bandCount"] == 3
        assert any(f"Sub/broken: {folder}/Sub/broken.tif" in line for line in server.log)
        assert server.stop(signal.SIGINT) == 0


@only_with_fork
def test_a_local_client_is_no_trusted_proxy(scene: Path) -> None:
    with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 1) as server:
        server.wait_for_lines(2)
        url = server.lines[1] + "/exportImage?f=json"
        request = urllib.request.Request(url, headers={"X-Forwarded-Proto": "https"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert json.load(reply)["href"].startswith("http://127.0.0.1:")


WITH_THREADS = """
from functools import partial
from exportimage_wsgi.config import Config
from exportimage_wsgi.serving import Place
from exportimage_wsgi.serving.with_waitress import serve_threads
place = Place(host="127.0.0.1", port=0, workers=1, threads=4, prefix="/a")
serve_threads(partial(Config.load, {config!r}), place)
"""


def test_threads_alone_serve_where_there_is_no_fork(config: Path) -> None:
    pytest.importorskip("waitress")
    with running(sys.executable, "-c", WITH_THREADS.format(config=str(config))) as server:
        lines = server.wait_for_lines(3)

        assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+/a/rest/services", lines[0])
        picture = server.get("/rest/services/A/scene/ImageServer/exportImage?f=image")
        assert picture[1].startswith(b"\x89PNG")


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM cannot be caught")
def test_threads_alone_leave_no_private_folder_behind(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("waitress")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with running(sys.executable, "-c", WITH_THREADS.format(config=str(config))) as server:
        server.wait_for_lines(3)
        (folder,) = (tmp_path / "tmp").glob("exportimage-*")

        assert server.stop() == 0

    assert not folder.exists()


def test_serving_what_is_missing_is_told(tmp_path: Path) -> None:
    done = run("serve", tmp_path / "gone.tif")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path}/gone.tif: there is no such file\n"


def test_serving_a_file_with_faults_tells_them_all(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = 1\nb = 2")

    done = run("serve", tmp_path / "a.toml")

    assert done.exit_code == 1
    assert "a.toml: a: unknown key" in done.stderr and "a.toml: b: unknown key" in done.stderr


def test_a_configuration_is_served_alone(config: Path, scene: Path) -> None:
    assert "it is served alone" in run("serve", scene, config).stderr


def test_one_service_of_a_configuration_is_not_served_by_itself(config: Path) -> None:
    done = run("serve", f"{config}#small")

    assert done.exit_code == 2
    assert f"{config}#small is one service: {config} is served as a whole" in done.stderr


def test_a_prefix_that_breaks_urls_is_refused(scene: Path) -> None:
    done = run("serve", scene, "--prefix", "/a?b")

    assert done.exit_code == 2
    assert "--prefix" in done.stderr


@only_with_fork
def test_a_port_that_is_taken_is_told(scene: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*PROGRAM, "serve", str(scene), "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: 127.0.0.1:{port} is in use; choose another with --port\n"


def test_a_host_that_is_another_machine_s_is_told(scene: Path) -> None:
    done = run("serve", scene, "--host", "192.0.2.1", "--port", 8399)

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: cannot listen at 192.0.2.1:8399: ")


@only_with_fork
def test_a_server_that_ends_removes_its_private_folder(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 2) as server:
        server.wait_for_lines(2)
        server.get("/rest/services/scene/ImageServer/exportImage?f=json")
        (folder,) = (tmp_path / "tmp").glob("exportimage-*")
        assert list(folder.glob("*.png"))

        assert server.stop() == 0

    assert not folder.exists()


@only_with_fork
def test_a_server_says_once_that_it_compiles_and_not_when_it_did(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    told = []
    for _ in range(2):
        with running(*PROGRAM, "serve", scene, "--port", 0, "--workers", 2) as server:
            server.wait_for_lines(2)
            server.stop()
            told.append(sum("compiling functions" in line for line in server.log))

    assert told == [1, 0]


# --- mosaics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["scenes", "scenes/*.tif", "scenes/**"])
def test_a_folder_or_a_glob_is_described_as_one_mosaic(what: str, tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")

    described = json.loads(run("info", tmp_path / what).stdout)

    assert (described["name"], described["itemCount"]) == ("scenes", 3)
    extent = [described["extent"][side] for side in ("xmin", "ymin", "xmax", "ymax")]
    assert extent == [500_000, 5_500_000, 502_000, 5_501_000]


def test_a_glob_is_served_as_one_service_and_a_folder_as_many(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")

    assert named([f"{tmp_path}/scenes/*.tif"]) == {"scenes": f"{tmp_path}/scenes/*.tif"}
    assert len(named([f"{tmp_path}/scenes"])) == 3
    with pytest.raises(ConfigError, match="no such file"):
        named([f"{tmp_path}/scenes/*.jp2"])
