"""png8 and gif: their indices and colours, as Pillow reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.pixels import Palette, Pixels
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
from tests.rasters import waves

NAMES = ("png8", "gif")
LAND_COVER: Palette = ((0, 0, 0, 0), (10, 200, 30, 255), (20, 60, 220, 255), (250, 240, 9, 255))


def indices(data: bytes) -> Any:
    """`(y, x)`: the bytes of the file's pixels, whatever colours they stand for."""
    image = opened(data)
    assert image.mode in ("P", "L")
    return np.asarray(image)


def ramp() -> Any:
    """`(1, 16, 16)`: all 256 values."""
    return np.arange(256, dtype=np.uint8).reshape(1, 16, 16)


@pytest.mark.parametrize("name", NAMES)
def test_one_band_has_its_values_for_indices(name: str) -> None:
    data = encoded(name, canvas((16, 16), 1, opaque=True), Pixels(ramp(), no_holes((16, 16))))

    assert np.array_equal(indices(data), ramp()[0])
    assert np.array_equal(rgba(data), np.dstack([ramp()[0]] * 3 + [np.full((16, 16), 255)]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strip", [1, 1 << 20])
@pytest.mark.parametrize("size_wh", SIZES)
def test_no_data_takes_an_index_that_no_value_has(
    name: str, strip: int, size_wh: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, strip)
    values, valid = scene(size_wh, 1), holes(size_wh)

    data = encoded(name, canvas(size_wh, 1), Pixels(values, valid))

    assert np.array_equal(indices(data)[valid[0] == 255], values[0][valid[0] == 255])
    assert np.array_equal(rgba(data)[:, :, 3], valid[0])


@pytest.mark.parametrize("name", NAMES)
def test_of_256_values_and_no_data_the_rarest_gives_way_to_its_neighbour(name: str) -> None:
    values = np.concatenate([ramp(), ramp(), ramp()], axis=1)
    values[0, :, :][values[0] == 77] = [77, 78, 78]
    valid = no_holes((16, 48))
    valid[0, 20, 0] = 0

    data = encoded(name, canvas((16, 48), 1), Pixels(values, valid))

    off = np.abs(indices(data).astype(int) - values[0])[valid[0] == 255]
    assert (off.sum(), off.max()) == (1, 1)
    assert np.array_equal(rgba(data)[:, :, 3], valid[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_raster_keeps_its_palette_and_its_indices(name: str) -> None:
    values = np.array([[[1, 2, 3, 1, 2]]], np.uint8)

    data = encoded(name, canvas((5, 1), 1, palette=LAND_COVER), Pixels(values, no_holes((5, 1))))

    assert indices(data)[0].tolist() == [1, 2, 3, 1, 2]
    assert rgba(data)[0].tolist() == [list(LAND_COVER[i]) for i in (1, 2, 3, 1, 2)]


@pytest.mark.parametrize("name", NAMES)
def test_transparent_entries_unknown_indices_and_no_data_are_not_seen(name: str) -> None:
    values = np.array([[[0, 9, 1, 1]]], np.uint8)
    valid = np.array([[[255, 255, 0, 255]]], np.uint8)

    data = encoded(name, canvas((4, 1), 1, palette=LAND_COVER), Pixels(values, valid))

    assert rgba(data)[0, :, 3].tolist() == [0, 0, 0, 255]


@pytest.mark.parametrize(("alpha", "expected"), [(127, 0), (128, 255)])
def test_a_gif_shows_entries_that_are_half_opaque(alpha: int, expected: int) -> None:
    palette = (*LAND_COVER, (200, 0, 0, alpha))
    pixels = Pixels(np.array([[[1, 4]]], np.uint8), no_holes((2, 1)))

    data = encoded("gif", canvas((2, 1), 1, palette=palette), pixels)

    assert rgba(data)[0, :, 3].tolist() == [255, expected]


def test_png8_keeps_half_transparent_entries() -> None:
    palette = ((1, 2, 3, 255), (4, 5, 6, 100))
    values = np.array([[[0, 1]]], np.uint8)

    data = encoded("png8", canvas((2, 1), 1, palette=palette), Pixels(values, no_holes((2, 1))))

    assert rgba(data)[0].tolist() == [[1, 2, 3, 255], [4, 5, 6, 100]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unused", [0, 100, 255])
def test_a_full_palette_gives_no_data_an_entry_that_is_not_used(name: str, unused: int) -> None:
    palette = tuple((i, 255 - i, i // 2, 255) for i in range(256))
    values, valid = ramp(), no_holes((16, 16))
    valid[values == unused] = 0
    values[values == unused] = 7

    data = encoded(name, canvas((16, 16), 1, palette=palette), Pixels(values, valid))

    seen = valid[0] == 255
    assert np.array_equal(indices(data)[seen], values[0][seen])
    assert (indices(data)[~seen] == unused).all()
    assert np.array_equal(rgba(data)[:, :, 3], valid[0])


def test_a_palette_with_room_is_sent_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    place = canvas((33, 7), 1, palette=LAND_COVER)
    encoder = FORMATS["png8"].fit(place, Options())

    def pieces() -> Any:
        yield encoder.piece(0, Pixels(scene((33, 1), 1) % 4, holes((33, 1))))
        raise AssertionError("asked for too much")

    chunks = encoder.assemble(pieces())

    assert next(chunks).startswith(b"\x89PNG") and b"IDAT" in next(chunks)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("count", "hole"), [(1, True), (255, True), (256, False), (200, False)])
def test_few_colours_are_kept_exactly(name: str, count: int, hole: bool) -> None:
    colours = np.random.default_rng(3).permutation(1 << 24)[:count]
    picked = np.concatenate([colours, colours[:1], colours])
    values = np.stack([picked >> 16, picked >> 8 & 255, picked & 255])[:, None].astype(np.uint8)
    valid = no_holes((len(picked), 1))
    valid[0, 0, count] = 0 if hole else 255

    picture = rgba(encoded(name, canvas((len(picked), 1)), Pixels(values, valid)))

    assert np.array_equal(picture[:, :, 3], valid[0])
    seen = valid[0] == 255
    assert np.array_equal(picture[:, :, :3][seen], values.transpose(1, 2, 0)[seen])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("strip", [1, 1 << 20])
@pytest.mark.parametrize("hole", [True, False])
def test_many_colours_become_256_like_those_of_pillow(
    name: str, strip: int, hole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, strip)
    values = np.concatenate([waves((120, 150), 2, "uint8"), scene((150, 120), 1)])
    valid = (holes if hole else no_holes)((150, 120))
    colours = np.ascontiguousarray(values.transpose(1, 2, 0))

    picture = rgba(encoded(name, canvas((150, 120)), Pixels(values, valid)))

    pillow = Image.fromarray(colours).quantize(255, dither=Image.Dither.NONE).convert("RGB")
    seen = valid[0] == 255
    ours, theirs = (
        np.abs(np.asarray(found)[:, :, :3].astype(int) - colours)[seen].mean()
        for found in (picture, pillow)
    )
    assert np.array_equal(picture[:, :, 3], valid[0])
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) <= 256
    assert ours < 1.02 * theirs


def test_dark_pixels_do_not_become_transparent() -> None:
    colours = np.random.default_rng(5).integers(0, 12, (3, 64, 64), np.uint8)
    valid = holes((64, 64))

    picture = rgba(encoded("png8", canvas((64, 64)), Pixels(colours, valid)))

    assert np.array_equal(picture[:, :, 3], valid[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [1, 3])
def test_a_picture_without_any_data_is_transparent(name: str, bands: int) -> None:
    pixels = Pixels(scene((9, 5), bands), np.zeros((1, 5, 9), np.uint8))

    assert rgba(encoded(name, canvas((9, 5), bands), pixels))[:, :, 3].max() == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("alpha", "expected"), [(127, 0), (128, 255)])
def test_what_is_half_opaque_is_seen(name: str, alpha: int, expected: int) -> None:
    pixels = Pixels(np.full((3, 1, 1), 9, np.uint8), np.full((1, 1, 1), alpha, np.uint8))

    assert rgba(encoded(name, canvas((1, 1)), pixels))[0, 0, 3] == expected


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("size_wh", SIZES)
def test_gdal_reads_the_gif(bands: int, size_wh: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "picture.gif"
    path.write_bytes(
        encoded("gif", canvas(size_wh, bands), Pixels(scene(size_wh, bands), holes(size_wh)))
    )

    done = subprocess.run(
        ["gdalinfo", "-checksum", path], capture_output=True, text=True, check=True
    )

    assert f"Size is {size_wh[0]}, {size_wh[1]}" in done.stdout and done.stderr == ""
    assert path.read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize("size_wh", [(65536, 1), (1, 65536)])
def test_more_than_gif_counts_to_is_refused(size_wh: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at most 65535 rows and columns"):
        FORMATS["gif"].fit(canvas(size_wh), Options())


def test_strips_of_any_height_give_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 256, (3, 50, 40), np.uint8)
    pixels = Pixels(values, holes((40, 50)))
    whole = rgba(made(FORMATS["png8"].fit(canvas((40, 50)), Options()), pixels))
    cut_small(monkeypatch, 120)

    parts = rgba(made(FORMATS["png8"].fit(canvas((40, 50)), Options()), pixels))

    assert np.array_equal(parts, whole)
