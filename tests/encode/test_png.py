"""PNG: what Pillow and pngcheck read of it."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.encode.png import joined_adler32
from exportimage_wsgi.pixels import Pixels
from tests.encode.drawing import (
    SIZES,
    canvas,
    cut_small,
    encoded,
    holes,
    made,
    no_holes,
    opened,
    rgba,
    scene,
)

NAMES = ("png", "png8", "png24", "png32")


def passes_pngcheck(data: bytes, folder: Path) -> bool:
    path = folder / "picture.png"
    path.write_bytes(data)
    done = subprocess.run(["pngcheck", "-v", path], capture_output=True, text=True, check=False)
    return done.returncode == 0 and "No errors detected" in done.stdout


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize("strip", [1, 1 << 20])
@pytest.mark.parametrize("bands", [1, 3])
def test_pngcheck_finds_no_fault(
    name: str,
    size_wh: tuple[int, int],
    strip: int,
    bands: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut_small(monkeypatch, strip)

    data = encoded(name, canvas(size_wh, bands), Pixels(scene(size_wh, bands), holes(size_wh)))

    assert passes_pngcheck(data, tmp_path)


@pytest.mark.parametrize(
    ("name", "bands", "opaque", "mode"),
    [
        ("png", 1, True, "L"),
        ("png", 1, False, "LA"),
        ("png", 3, True, "RGB"),
        ("png", 3, False, "RGBA"),
        ("png24", 1, True, "RGB"),
        ("png24", 3, False, "RGBA"),
        ("png32", 1, True, "RGBA"),
        ("png32", 3, False, "RGBA"),
        ("png8", 1, True, "P"),
        ("png8", 3, False, "P"),
    ],
)
def test_channels_are_those_of_the_format(name: str, bands: int, opaque: bool, mode: str) -> None:
    pixels = Pixels(scene((33, 7), bands), no_holes((33, 7)))

    data = encoded(name, canvas((33, 7), bands, opaque=opaque), pixels)

    # Pillow reads the colour type from the header: L 0, RGB 2, P 3, LA 4, RGBA 6.
    assert opened(data).mode == mode
    assert data[24] == 8


@pytest.mark.parametrize("name", ["png", "png24", "png32"])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("size_wh", SIZES)
def test_colours_and_holes_are_read_back(name: str, bands: int, size_wh: tuple[int, int]) -> None:
    values, valid = scene(size_wh, bands), holes(size_wh)

    picture = rgba(encoded(name, canvas(size_wh, bands), Pixels(values, valid)))

    assert np.array_equal(picture[:, :, 3], valid[0])
    seen = valid[0] == 255
    expected = np.broadcast_to(values, (3, *values.shape[1:])).transpose(1, 2, 0)
    assert np.array_equal(picture[:, :, :3][seen], expected[seen])


def test_noise_in_many_strips_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch, 1000)
    values = np.random.default_rng(7).integers(0, 256, (3, 300, 211), np.uint8)
    encoder = FORMATS["png"].fit(canvas((211, 300), opaque=True), Options())

    data = made(encoder, Pixels(values, no_holes((211, 300))))

    assert len(encoder.strips) == 75
    assert np.array_equal(np.asarray(opened(data)), values.transpose(1, 2, 0))


@pytest.mark.parametrize(("name", "expected"), [("png", 7), ("png32", 7), ("png24", 255)])
def test_half_transparent_pixels_keep_their_alpha_but_in_png24(name: str, expected: int) -> None:
    pixels = Pixels(np.full((3, 1, 2), 9, np.uint8), np.array([[[7, 0]]], np.uint8))

    picture = rgba(encoded(name, canvas((2, 1)), pixels))

    assert picture[0].tolist() == [[9, 9, 9, expected], [0, 0, 0, 0]]


@pytest.mark.parametrize("name", ["png", "png24", "png32"])
def test_what_lies_under_no_data_is_not_given_away(name: str) -> None:
    valid = holes((33, 7))
    one, two = scene((33, 7)), scene((33, 7))
    two[:, valid[0] == 0] = 201

    assert encoded(name, canvas((33, 7)), Pixels(one, valid)) == encoded(
        name, canvas((33, 7)), Pixels(two, valid)
    )


@pytest.mark.parametrize("lengths", [(0, 5), (1, 0), (65520, 70000), (300000, 1)])
def test_checksums_of_runs_join_to_that_of_both(lengths: tuple[int, int]) -> None:
    one, two = (np.full(length, 255, np.uint8).tobytes() for length in lengths)

    joined = joined_adler32(zlib.adler32(one), zlib.adler32(two), len(two))

    assert joined == zlib.adler32(one + two)


def test_the_picture_leaves_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    encoder = FORMATS["png"].fit(canvas((33, 7)), Options())
    taken = []

    def pieces() -> object:
        for index in range(7):
            taken.append(index)
            yield encoder.piece(index, Pixels(scene((33, 1)), holes((33, 1))))

    chunks = encoder.assemble(pieces())  # type: ignore[arg-type]
    next(chunks), next(chunks)

    assert taken == [0]
