"""What every row of the table of formats keeps, whatever the format."""

from __future__ import annotations

import io
import itertools
import pickle
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Canvas, Compression, Content, Encoder, Options, placed
from exportimage_wsgi.encode.kmz import Kmz
from exportimage_wsgi.pixels import Pixels, PixelType
from tests.encode.drawing import SIZES, canvas, cut_small, holes, made, no_holes, rgba, scene

TYPES = {
    "png": ("image/png", ".png"),
    "png8": ("image/png", ".png"),
    "png24": ("image/png", ".png"),
    "png32": ("image/png", ".png"),
    "jpg": ("image/jpeg", ".jpg"),
    "bmp": ("image/bmp", ".bmp"),
    "gif": ("image/gif", ".gif"),
    "tiff": ("image/tiff", ".tif"),
    "bip": ("application/octet-stream", ".bip"),
    "bsq": ("application/octet-stream", ".bsq"),
    "lerc": ("image/lerc", ".lerc"),
    "kmz": ("application/vnd.google-earth.kmz", ".kmz"),
}
ROWS = [*TYPES, *(f"tiff {c.value}" for c in Compression if c is not Compression.NONE)]
FEW_STRIPS = 10 << 20
"""Bytes of strips that are being made, and of those that wait before they go to the disk."""
LOSSY = {"jpg", "tiff jpeg"}


def fitted(row: str, canvas: Canvas) -> Encoder:
    name, _, compression = row.partition(" ")
    options = Options(compression=Compression(compression or "none"))
    if name == "kmz":
        overlay = FORMATS["png32"].fit(canvas, options)
        return Kmz(overlay=overlay, extent=canvas.grid.extent, pixels=1, name="scene")
    return FORMATS[name].fit(canvas, options)


def pictures() -> list[Any]:
    """Canvases and pixels: every size, one and three bands, with and without holes."""
    found = []
    for size_wh, bands, opaque in itertools.product(SIZES, (1, 3), (True, False)):
        about = f"{size_wh[0]}x{size_wh[1]}-{bands}-{'opaque' if opaque else 'holes'}"
        pixels = Pixels(scene(size_wh, bands), (no_holes if opaque else holes)(size_wh))
        found.append(pytest.param(canvas(size_wh, bands, opaque=opaque), pixels, id=about))
    return found


def test_every_name_of_a_request_has_a_row() -> None:
    assert sorted([*FORMATS, "kmz"]) == sorted(TYPES)


@pytest.mark.parametrize("row", TYPES)
def test_media_type_and_extension_are_those_of_the_format(row: str) -> None:
    encoder = fitted(row, canvas((4, 4)))

    assert (encoder.media_type, encoder.extension) == TYPES[row]


@pytest.mark.parametrize("name", FORMATS)
def test_content_says_what_the_format_carries(name: str) -> None:
    values, indexed = {"tiff", "bip", "bsq", "lerc"}, {"png8", "gif"}

    expected = Content.VALUES if name in values else Content.PICTURE
    assert FORMATS[name].content is (Content.INDEXED if name in indexed else expected)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("place", "pixels"), pictures())
def test_a_declared_length_is_that_of_the_file(row: str, place: Canvas, pixels: Pixels) -> None:
    encoder = fitted(row, place)

    data = made(encoder, pixels)

    assert encoder.length in (None, len(data))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(("place", "pixels"), pictures())
def test_what_is_written_in_any_order_is_the_same_file(
    row: str, place: Canvas, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch)
    monkeypatch.setattr("exportimage_wsgi.encode.tiff._STRIP_BYTES", 100)
    encoder = fitted(row, place)
    pieces = [
        encoder.piece(index, Pixels(pixels.values[:, a:b], pixels.valid[:, a:b]))
        for index, (a, b) in enumerate(encoder.strips)
    ]

    file = io.BytesIO()
    for position, data in placed(encoder, iter(pieces)):
        file.seek(position)
        file.write(data)

    assert file.getvalue() == b"".join(encoder.assemble(iter(pieces)))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("bands", [1, 3])
def test_no_more_is_gathered_than_is_declared(
    row: str, bands: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, 50_000)
    size_wh, pixel_type = (1500, 1200), PixelType.F64 if row == "lerc" else PixelType.U8
    encoder = fitted(row, canvas(size_wh, bands, pixel_type=pixel_type))
    noise = np.random.default_rng(1).integers(0, 256, (bands, 1200, 1500))
    pixels = Pixels(noise.astype(pixel_type.dtype), holes(size_wh))

    peak = peak_of(encoder, pixels)

    assert peak < encoder.gathers + FEW_STRIPS


def peak_of(encoder: Encoder, pixels: Pixels) -> int:
    """Bytes that Python and NumPy hold at most while a file is assembled and given away."""
    pieces = (
        encoder.piece(index, Pixels(pixels.values[:, a:b], pixels.valid[:, a:b]))
        for index, (a, b) in enumerate(encoder.strips)
    )
    tracemalloc.start()
    try:
        for _ in encoder.assemble(pieces):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("row", ["tiff", "bmp", "bip", "bsq"])
def test_a_file_that_is_not_packed_tells_its_length(row: str) -> None:
    assert fitted(row, canvas((33, 7))).length is not None


@pytest.mark.parametrize("row", ROWS)
def test_a_copy_that_went_through_pickle_makes_the_same_bytes(row: str) -> None:
    encoder = fitted(row, canvas((33, 7), fill=(0.0, 0.0, 0.0)))
    pixels = Pixels(scene((33, 7)), holes((33, 7)))
    copy = pickle.loads(pickle.dumps(encoder))

    assert (copy, repr(copy)) == (encoder, repr(encoder))
    assert made(copy, pixels) == made(encoder, pixels)


@pytest.mark.parametrize("row", ROWS)
def test_equal_canvases_give_equal_encoders_and_bytes(row: str) -> None:
    pixels = Pixels(scene((33, 7)), holes((33, 7)))
    one, two = fitted(row, canvas((33, 7))), fitted(row, canvas((33, 7)))

    assert (one, hash(one), repr(one)) == (two, hash(two), repr(two))
    assert made(one, pixels) == made(two, pixels)


@pytest.mark.parametrize("row", ["lerc", "tiff lerc"])
def test_no_byte_is_what_memory_happened_to_hold(row: str) -> None:
    # Of such a slope LERC's encoder leaves bytes of its output unwritten.
    slope = np.add.outer(np.arange(61), np.arange(67)).astype(np.uint8)[None]
    encoder, pixels = fitted(row, canvas((67, 61), 1)), Pixels(slope, no_holes((67, 61)))
    first = made(encoder, pixels)

    for filler in range(1, 9):
        litter = [bytes([filler]) * (len(first) + more) for more in range(-900, 64)]
        del litter
        assert made(encoder, pixels) == first


@pytest.mark.parametrize("row", ROWS)
def test_a_name_for_the_encoder_holds_no_address(row: str) -> None:
    assert " at 0x" not in repr(fitted(row, canvas((33, 7))))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("size_wh", [(1, 1), (400, 400), (1, 5000), (5000, 1), (3000, 2999)])
def test_strips_cover_each_row_once(row: str, size_wh: tuple[int, int]) -> None:
    strips = fitted(row, canvas(size_wh)).strips

    rows = [row for top, bottom in strips for row in range(top, bottom)]
    assert sorted(rows) == list(range(size_wh[1]))


@pytest.mark.parametrize("row", ROWS)
def test_a_small_picture_is_one_piece(row: str) -> None:
    assert fitted(row, canvas((400, 400))).strips == ((0, 400),)


@pytest.mark.parametrize("row", ROWS)
def test_a_large_picture_is_cut_into_bounded_pieces(row: str) -> None:
    strips = fitted(row, canvas((5000, 4000))).strips

    assert max(bottom - top for top, bottom in strips) * 5000 <= 1 << 20


@pytest.mark.parametrize("row", sorted(set(ROWS) - LOSSY))
@pytest.mark.parametrize("size_wh", [(33, 7), (61, 130)])
def test_how_it_is_cut_is_not_seen_in_the_pixels(
    row: str, size_wh: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = Pixels(scene(size_wh), holes(size_wh))
    whole = made(fitted(row, canvas(size_wh)), pixels)
    cut_small(monkeypatch)
    encoder = fitted(row, canvas(size_wh))

    parts = made(encoder, pixels)

    # Strips of TIFF have a size of their own, see there; those of raw files have eight rows.
    assert len(encoder.strips) > 1 or row.startswith("tiff") or size_wh[1] < 8
    assert np.array_equal(_decoded(row, parts), _decoded(row, whole))


def _decoded(row: str, data: bytes) -> Any:
    """The pixels, or the bytes themselves where these must not differ either."""
    if row == "kmz":
        data = zipfile.ZipFile(io.BytesIO(data)).read("overlay.png")
    if row.startswith("png") or row == "kmz":
        return rgba(data)
    return np.frombuffer(data, np.uint8)


@pytest.mark.parametrize("row", ROWS)
def test_arrays_that_are_read_only_or_strided_are_taken(row: str) -> None:
    values, valid = scene((33, 7)), holes((33, 7))
    odd = Pixels(np.asfortranarray(values), np.broadcast_to(valid, (3, 7, 33)))

    assert made(fitted(row, canvas((33, 7))), odd) == made(
        fitted(row, canvas((33, 7))), Pixels(values, valid)
    )


@pytest.mark.parametrize("row", ROWS)
def test_a_file_is_given_up_without_its_end(row: str) -> None:
    encoder = fitted(row, canvas((33, 7)))
    piece = encoder.piece(0, Pixels(scene((33, 7)), holes((33, 7))))
    chunks = encoder.assemble(iter([piece]))

    first = next(chunks)
    chunks.close()  # type: ignore[attr-defined]

    assert first and list(chunks) == []


@pytest.mark.parametrize("row", ["png", "png24", "png32", "png8", "gif", "jpg", "bmp"])
def test_a_pixel_with_one_valid_band_is_shown(row: str) -> None:
    values = np.full((3, 1, 2), 80, np.uint8)
    valid = np.array([[[0, 0]], [[255, 0]], [[0, 0]]], np.uint8)

    data = made(fitted(row, canvas((2, 1))), Pixels(values, valid))

    left, right = rgba(data)[0].astype(int)
    assert abs(left - [80, 80, 80, 255]).max() <= (12 if row == "jpg" else 0)
    assert right[3] == 0 or right[:3].min() > 200
