"""JPEG: the same picture as if it were encoded at once, on a background."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.pixels import Pixels
from tests.encode.drawing import SIZES, canvas, cut_small, encoded, made, no_holes, opened
from tests.rasters import waves


def busy(size_wh: tuple[int, int], bands: int) -> Any:
    """`(band, y, x)` with edges and slopes in every block."""
    band, y, x = np.mgrid[:bands, : size_wh[1], : size_wh[0]]
    return ((x * y // 7 + 40 * band + 3 * x) % 256).astype(np.uint8)


def by_pillow(values: Any, quality: int) -> Any:
    """`(y, x)` or `(y, x, 3)`: encoded at once, and decoded."""
    file = io.BytesIO()
    picture = values[0] if len(values) == 1 else np.ascontiguousarray(values.transpose(1, 2, 0))
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(opened(file.getvalue()))


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("quality", [1, 30, 75, 100])
@pytest.mark.parametrize("size_wh", [*SIZES, (130, 333)])
def test_strips_decode_as_if_they_were_encoded_at_once(
    bands: int, quality: int, size_wh: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    values = busy(size_wh, bands)
    encoder = FORMATS["jpg"].fit(canvas(size_wh, bands, opaque=True), Options(quality=quality))

    data = made(encoder, Pixels(values, no_holes(size_wh)))

    assert len(encoder.strips) == -(-size_wh[1] // 16)
    assert np.array_equal(np.asarray(opened(data)), by_pillow(values, quality))


@pytest.mark.parametrize("bands", [1, 3])
def test_djpeg_reads_the_strips_without_complaint(
    bands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    path = tmp_path / "picture.jpg"
    values = busy((61, 400), bands)
    path.write_bytes(encoded("jpg", canvas((61, 400), bands), Pixels(values, no_holes((61, 400)))))

    done = subprocess.run(["djpeg", "-pnm", path], capture_output=True, check=True)

    assert done.stderr == b""
    assert np.array_equal(np.asarray(opened(done.stdout)), np.asarray(opened(path.read_bytes())))


@pytest.mark.parametrize("quality", [0, 1, 100])
def test_it_is_baseline_at_any_quality(quality: int) -> None:
    pixels = Pixels(busy((33, 20), 3), no_holes((33, 20)))

    data = encoded("jpg", canvas((33, 20)), pixels, quality=quality)

    assert b"\xff\xc0\x00\x11" in data and b"\xff\xc2" not in data


def test_quality_0_is_quality_1_and_more_is_larger() -> None:
    pixels = Pixels(waves((90, 90), 3).astype(np.uint8), no_holes((90, 90)))

    sizes = [len(encoded("jpg", canvas((90, 90)), pixels, quality=q)) for q in (0, 1, 50, 100)]

    assert sizes[0] == sizes[1] < sizes[2] < sizes[3]


@pytest.mark.parametrize(("alpha", "expected"), [(255, 40), (0, 240), (51, 200)])
def test_the_background_shows_through(alpha: int, expected: int) -> None:
    pixels = Pixels(np.full((3, 16, 16), 40, np.uint8), np.full((1, 16, 16), alpha, np.uint8))

    data = encoded("jpg", canvas((16, 16)), pixels, background=(240, 240, 240), quality=100)

    assert np.abs(np.asarray(opened(data)).astype(int) - expected).max() <= 1


def test_one_band_on_a_coloured_background_becomes_three() -> None:
    pixels = Pixels(np.zeros((1, 16, 16), np.uint8), np.zeros((1, 16, 16), np.uint8))

    image = opened(encoded("jpg", canvas((16, 16), 1), pixels, background=(250, 20, 20)))

    assert image.mode == "RGB"
    assert np.abs(np.asarray(image).astype(int) - [250, 20, 20]).max() <= 4


@pytest.mark.parametrize("size_wh", [(65501, 1), (1, 65501)])
def test_more_than_decoders_read_is_refused(size_wh: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at most 65500 rows and columns"):
        FORMATS["jpg"].fit(canvas(size_wh), Options())


def test_the_widest_picture_is_read_back() -> None:
    values = np.full((1, 20, 65500), 90, np.uint8)

    data = encoded("jpg", canvas((65500, 20), 1), Pixels(values, no_holes((65500, 20))))

    assert np.abs(np.asarray(opened(data)).astype(int) - 90).max() <= 1
