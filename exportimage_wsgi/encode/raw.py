"""bip and bsq: the values without any head, then a mask of one bit a pixel.

Values are little-endian; a pixel of 1, 2 or 4 bits takes a byte. The mask runs on from row to
row, its first pixel in the highest bit, and 1 is data. It is always there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..pixels import Pixels, PixelType
from .format import Bytes, Canvas, Content, Options, Placed
from .rows import cut, interleaved
from .spool import in_order, room

RawPiece = tuple[tuple[Bytes, ...], bytes]
"""The values, one run for what follows itself in the file, and the mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Values and mask, bands interleaved by pixel or one after another."""

    shape_yx: tuple[int, int]

    bands: int

    pixel_type: PixelType

    fill: tuple[float | complex, ...]
    """What stands for no data, one a band."""

    by_pixel: bool
    """Bands side by side (bip), or one after another (bsq)?"""

    media_type: ClassVar[str] = "application/octet-stream"
    gathers: ClassVar[int] = 0

    @property
    def extension(self) -> str:
        return ".bip" if self.by_pixel else ".bsq"

    @property
    def length(self) -> int:
        rows, columns = self.shape_yx
        return rows * columns * self._pixel_bytes + (rows * columns + 7) // 8

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        """Of eight rows or a multiple, so that the mask of each ends on a byte."""
        return cut(self.shape_yx, pixel_bytes=self._pixel_bytes, multiple=8)

    def piece(self, index: int, pixels: Pixels) -> RawPiece:
        values = pixels.filled(self.fill)
        runs = [interleaved(values)] if self.by_pixel else list(values)
        return tuple(as_bytes(run) for run in runs), _mask(pixels)

    def assemble(self, pieces: Iterable[RawPiece]) -> Iterator[bytes]:
        """The first run at once; the other bands and the mask wait on disk."""
        with room(self.length - self._plane) as waiting:
            yield from in_order(self.placed(pieces), waiting)

    def placed(self, pieces: Iterable[RawPiece]) -> Iterator[Placed]:
        """The same as it comes."""
        done, masks = 0, (1 if self.by_pixel else self.bands) * self._plane
        for runs, mask in pieces:
            for band, run in enumerate(runs):
                yield band * self._plane + done, run
            yield masks + done // self._run_bytes // 8, mask
            done += len(runs[0])

    @property
    def _plane(self) -> int:
        """Bytes of a run."""
        return math.prod(self.shape_yx) * self._run_bytes

    @property
    def _pixel_bytes(self) -> int:
        return self.bands * self.pixel_type.dtype.itemsize

    @property
    def _run_bytes(self) -> int:
        """Bytes that a pixel takes in one run."""
        return self._pixel_bytes if self.by_pixel else self.pixel_type.dtype.itemsize


def _mask(pixels: Pixels) -> bytes:
    """One bit a pixel."""
    if not pixels.is_certain:
        return np.packbits(pixels.alpha() > 0).tobytes()
    whole, rest = divmod(math.prod(pixels.shape_yx), 8)
    return b"\xff" * whole + bytes([0xFF00 >> rest & 0xFF] if rest else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFormat:
    """`bip` and `bsq`."""

    by_pixel: bool

    content: ClassVar[Content] = Content.VALUES

    def fit(self, canvas: Canvas, options: Options) -> Raw:
        return Raw(
            shape_yx=canvas.grid.shape_yx,
            bands=canvas.bands,
            pixel_type=canvas.pixel_type,
            fill=canvas.fill or (0,) * canvas.bands,
            by_pixel=self.by_pixel,
        )


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The values as files have them, one behind the other."""
    return np.ascontiguousarray(little_endian(values)).reshape(-1).view(np.uint8)


def little_endian(values: NDArray[Any]) -> NDArray[Any]:
    """The values in the byte order that files have; no copy where memory has it too."""
    return values.astype(values.dtype.newbyteorder("<"), copy=False)
