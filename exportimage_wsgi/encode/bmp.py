"""Windows BMP of 24 bits: uncompressed, without transparency, written from the bottom up."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..pixels import Pixels
from .format import Canvas, Content, Options
from .rows import cut, painted

_HEAD_LENGTH = 54
_PIXELS_A_METRE = 2835
_LONGEST = 2**32 - 1
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bmp:
    """BMP; what isn't opaque shows the background. The last rows are asked for first."""

    shape_yx: tuple[int, int]

    background: tuple[int, int, int] | None
    """Red, green, blue; `None` if every pixel is opaque."""

    media_type: ClassVar[str] = "image/bmp"
    extension: ClassVar[str] = ".bmp"
    gathers: ClassVar[int] = 0

    @property
    def length(self) -> int:
        return _HEAD_LENGTH + self.shape_yx[0] * _line_length(self.shape_yx[1])

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx)[::-1]

    def piece(self, index: int, pixels: Pixels) -> bytes:
        rows, columns = pixels.shape_yx
        picture = painted(pixels, self.background or (0, 0, 0), 3)
        lines = np.zeros((rows, _line_length(columns)), np.uint8)
        lines[:, : 3 * columns] = picture[::-1, :, ::-1].reshape(rows, -1)
        return lines.tobytes()

    def assemble(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        yield self._head()
        yield from pieces

    def _head(self) -> bytes:
        rows, columns = self.shape_yx
        size, metre = self.length - _HEAD_LENGTH, _PIXELS_A_METRE
        file = struct.pack("<2sIHHI", b"BM", self.length, 0, 0, _HEAD_LENGTH)
        return file + struct.pack(
            "<IiiHHIIiiII", 40, columns, rows, 1, 24, 0, size, metre, metre, 0, 0
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BmpFormat:
    """`bmp`."""

    content: ClassVar[Content] = Content.PICTURE

    def fit(self, canvas: Canvas, options: Options) -> Bmp:
        background = None if canvas.opaque else options.background
        bmp = Bmp(shape_yx=canvas.grid.shape_yx, background=background)
        if max(bmp.shape_yx) > _LARGEST or bmp.length > _LONGEST:
            raise ValueError("BMP holds at most 4 GB")
        return bmp


def _line_length(columns: int) -> int:
    """Bytes of a row: three a pixel, filled up to a multiple of four."""
    return (3 * columns + 3) // 4 * 4
