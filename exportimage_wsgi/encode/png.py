"""PNG in true colour or grey: strips of rows that are packed apart and form one stream.

Each strip is a run of deflate blocks of its own that ends on a byte, so strips can be made in
any order and joined; only their checksums meet, in `assemble`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ..compiled import compiled
from ..pixels import Palette, Pixels
from .format import Canvas, Content, Options
from .rows import Bytes2D, cut, plain

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PALETTE_COLOUR = 3
# Colour type by number of channels.
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_DEFLATE_HEADER = b"\x78\x01"
_LEVEL = 1
_ADLER_BASE = 65521

Packed = tuple[bytes, int, int]
"""A strip: its IDAT chunk, the Adler-32 of what is packed in it, and the length of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Png:
    """PNG of one or three bands, with alpha if a pixel may be no data."""

    shape_yx: tuple[int, int]

    colours: int
    """1 is grey, 3 is red, green, blue."""

    alpha: bool
    """Is there an alpha channel?"""

    binary: bool = False
    """Is alpha 0 or 255 only? Then every pixel that is data is opaque."""

    media_type: ClassVar[str] = "image/png"
    extension: ClassVar[str] = ".png"
    gathers: ClassVar[int] = 0
    length: ClassVar[None] = None

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx)

    def piece(self, index: int, pixels: Pixels) -> Packed:
        alpha = plain(pixels.alpha()) if self.alpha else np.empty((0, 0), np.uint8)
        if self.binary:
            alpha = np.where(alpha > 0, np.uint8(255), np.uint8(0))
        rows, columns = pixels.shape_yx
        lines = np.empty((rows, 1 + columns * (self.colours + self.alpha)), np.uint8)
        _filter(plain(pixels.values), alpha, self.colours, lines)
        return pack(lines, first=index == 0, last=index == len(self.strips) - 1)

    def assemble(self, pieces: Iterable[Packed]) -> Iterator[bytes]:
        yield start(self.shape_yx, _COLOUR_TYPES[self.colours + self.alpha])
        yield from finish(pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class PngFormat:
    """`png`, `png24` and `png32`: they differ in the channels that are always there."""

    rgb: bool = False
    """Is grey written as three channels too?"""

    alpha: bool = False
    """Is there an alpha channel even if the picture is opaque?"""

    binary: bool = False
    """Does alpha know only 0 and 255?"""

    content: ClassVar[Content] = Content.PICTURE

    def fit(self, canvas: Canvas, options: Options) -> Png:
        return Png(
            shape_yx=canvas.grid.shape_yx,
            colours=3 if self.rgb else canvas.bands,
            alpha=self.alpha or not canvas.opaque,
            binary=self.binary,
        )


def start(shape_yx: tuple[int, int], colour_type: int) -> bytes:
    """What stands before palette and pixels, of 8 bits a channel and not interlaced."""
    rows, columns = shape_yx
    header = struct.pack(">IIBBBBB", columns, rows, 8, colour_type, 0, 0, 0)
    return _SIGNATURE + chunk(b"IHDR", header)


def palette_start(shape_yx: tuple[int, int], palette: Palette) -> bytes:
    """The same of a picture of indices, with its palette."""
    colours = b"".join(bytes(entry[:3]) for entry in palette)
    alpha = bytes(entry[3] for entry in palette).rstrip(b"\xff")
    transparency = chunk(b"tRNS", alpha) if alpha else b""
    return start(shape_yx, _PALETTE_COLOUR) + chunk(b"PLTE", colours) + transparency


def finish(pieces: Iterable[Packed]) -> Iterator[bytes]:
    """The chunks of the pixels as they come, their checksum and the end."""
    checksum = 1
    for packed, adler, length in pieces:
        checksum = joined_adler32(checksum, adler, length)
        yield packed
    yield chunk(b"IDAT", struct.pack(">I", checksum)) + chunk(b"IEND", b"")


def chunk(kind: bytes, *data: bytes) -> bytes:
    """A PNG chunk: length, kind, data, checksum."""
    body = b"".join((kind, *data))
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def pack(lines: Bytes2D, *, first: bool, last: bool) -> Packed:
    """A strip of filtered lines (each with its filter's number) as an IDAT chunk."""
    deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    data = lines.reshape(-1).data
    run = deflate.compress(data)
    end = deflate.flush(isal_zlib.Z_FINISH if last else isal_zlib.Z_FULL_FLUSH)
    header = _DEFLATE_HEADER if first else b""
    return chunk(b"IDAT", header, run, end), isal_zlib.adler32(data), data.nbytes


def joined_adler32(one: int, two: int, length: int) -> int:
    """The Adler-32 of two runs, given that of each and the length of the second."""
    low = (one & 0xFFFF) + (two & 0xFFFF) - 1
    high = (one >> 16) + (two >> 16) + length % _ADLER_BASE * ((one & 0xFFFF) - 1)
    return high % _ADLER_BASE << 16 | low % _ADLER_BASE


def grey_lines(values: NDArray[np.uint8]) -> Bytes2D:
    """`(y, x)` as filtered lines of one channel."""
    lines = np.empty((values.shape[0], 1 + values.shape[1]), np.uint8)
    _filter(plain(values[None]), np.empty((0, 0), np.uint8), 1, lines)
    return lines


@compiled
def _filter(values: Any, alpha: Any, colours: int, out: Any) -> None:  # pragma: no cover - compiled
    """Lay the bands side by side, and take from each line the one above (filter 2).

    The first line of a strip doesn't know the one above, and is taken from its left (filter 1).
    What nobody sees is black, whatever the source has there.

    Args:
        values: `(band, y, x)`; a single band is repeated for three colours.
        alpha: `(y, x)`, the last channel; without pixels there is none.
        colours: channels besides alpha.
        out: `(y, 1 + x * channels)`, filled in.
    """
    bands, rows, columns = values.shape
    channels = (out.shape[1] - 1) // columns
    line = np.zeros(columns * channels, np.uint8)
    above = np.zeros(columns * channels, np.uint8)
    for y in range(rows):
        for c in range(colours):
            band = values[min(c, bands - 1), y]
            if alpha.size:
                for x in range(columns):
                    line[x * channels + c] = band[x] if alpha[y, x] else 0
            else:
                for x in range(columns):
                    line[x * channels + c] = band[x]
        if alpha.size:
            for x in range(columns):
                line[x * channels + colours] = alpha[y, x]
        if y == 0:
            out[y, 0] = 1
            above[:] = 0
            above[channels:] = line[: columns * channels - channels]
        else:
            out[y, 0] = 2
        for k in range(columns * channels):
            out[y, 1 + k] = line[k] - above[k]
        line, above = above, line
