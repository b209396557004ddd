"""`export`: what it writes, and what it says of that and of faults."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from exportimage_wsgi.operations.parameters import EXPORT_PARAMETERS
from tests.cli.conftest import BOX, PROGRAM, run
from tests.rasters import write


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
    assert "=jpg: the name out.png says otherwise" in done.stderr
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


@pytest.mark.parametrize("out", ["/dev/stdout", "-"])
def test_what_is_piped_is_the_picture_alone(scene: Path, out: str) -> None:
    command = [*PROGRAM, "export", scene, out, "--format", "png", "--size", "9,9"]
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


def is_written(folder: Path, process: int) -> bool:
    """Does a process write a file into a folder, with a name or without?"""
    opened = []
    for descriptor in Path(f"/proc/{process}/fd").glob("*"):
        with suppress(FileNotFoundError):
            opened.append(os.readlink(descriptor))
    return any(folder.iterdir()) or any(file.startswith(f"{folder}/") for file in opened)


@pytest.mark.skipif(sys.platform == "win32", reason="there SIGTERM cannot be caught")
@pytest.mark.parametrize(
    ("by", "status"), [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)]
)
def test_an_export_that_is_broken_off_leaves_nothing_behind(
    scene: Path, tmp_path: Path, by: signal.Signals, status: int
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [*PROGRAM, "export", str(scene), f"{folder}/o.bip", "--size", "20000,20000"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not is_written(folder, process.pid):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(by)
        try:
            process.wait(60)
        finally:
            process.kill()

    assert process.returncode == status
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
