"""Canvases, pixels whose value is a function of place, and the road from them to a file."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Canvas, Encoder, Options
from exportimage_wsgi.pixels import Pixels, PixelType
from tests.rasters import grid

SIZES = [(1, 1), (33, 7), (1, 40), (40, 1), (90, 120)]
"""Columns, rows."""


def canvas(size_wh: tuple[int, int], bands: int = 3, **facts: Any) -> Canvas:
    """A canvas in WGS 84 whose pixels are a tenth of a degree."""
    width, height = size_wh
    settings = {
        "grid": grid((10, 20, 10 + width / 10, 20 + height / 10), 4326, size_wh),
        "bands": bands,
        "pixel_type": PixelType.U8,
    } | facts
    return Canvas(**settings)


def scene(
    size_wh: tuple[int, int], bands: int = 3, pixel_type: PixelType = PixelType.U8
) -> NDArray[Any]:
    """`(band, y, x)`: all values up to 100 that the type holds, differing from band to band."""
    width, height = size_wh
    band, y, x = np.mgrid[:bands, :height, :width]
    values = (3 * x + 5 * y + 7 * band) % (min(100, int(pixel_type.limits[1])) + 1)
    if pixel_type.is_complex:
        values = values + 1j * (x % 13)
    return values.astype(pixel_type.dtype)


def holes(size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """`(1, y, x)`: every seventh pixel is no data, the last one never."""
    width, height = size_wh
    y, x = np.mgrid[:height, :width]
    away = (width - 1 - x) + 3 * (height - 1 - y)
    return np.where(away % 7 == 3, np.uint8(0), np.uint8(255))[None]


def no_holes(size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full((1, size_wh[1], size_wh[0]), 255, np.uint8)


def made(encoder: Encoder, pixels: Pixels) -> bytes:
    """The whole file, its pieces sent through pickle as to another process."""
    pieces = [
        encoder.piece(index, Pixels(pixels.values[:, top:bottom], pixels.valid[:, top:bottom]))
        for index, (top, bottom) in enumerate(encoder.strips)
    ]
    return b"".join(encoder.assemble(iter(pickle.loads(pickle.dumps(pieces)))))


def encoded(name: str, canvas: Canvas, pixels: Pixels, **options: Any) -> bytes:
    return made(FORMATS[name].fit(canvas, Options(**options)), pixels)


def opened(data: bytes) -> Image.Image:
    """What Pillow reads."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def rgba(data: bytes) -> NDArray[np.uint8]:
    """`(y, x, 4)` as Pillow reads it."""
    return np.asarray(opened(data).convert("RGBA"))


def cut_small(patch: pytest.MonkeyPatch, pixels: int = 1) -> None:
    """Make strips of so many pixels, or of as few rows as the format can do with."""
    patch.setattr("exportimage_wsgi.encode.rows.STRIP_PIXELS", pixels)
