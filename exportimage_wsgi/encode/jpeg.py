"""Baseline JPEG: strips that are encoded apart and joined by restart markers.

A restart makes the decoder forget what came before, as the beginning of a picture does. So the
scans of strips are those of one picture whose restart interval is the strip.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..pixels import Pixels
from .format import Canvas, Content, Options
from .rows import cut, painted

_BLOCK = 16
"""Rows and columns that the largest unit of a scan covers: colour is halved both ways."""

LARGEST = 65500
"""Rows and columns that libjpeg reads; the format could count a few more."""

_FRAME, _SCAN, _INTERVAL = 0xC0, 0xDA, 0xDD
_END = b"\xff\xd9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jpeg:
    """JPEG of one or three channels; what isn't opaque shows the background."""

    shape_yx: tuple[int, int]

    channels: int
    """1 or 3."""

    quality: int
    """1 to 100."""

    background: tuple[int, int, int] | None
    """Red, green, blue; `None` if every pixel is opaque."""

    media_type: ClassVar[str] = "image/jpeg"
    extension: ClassVar[str] = ".jpg"
    gathers: ClassVar[int] = 0
    length: ClassVar[None] = None

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx, multiple=_BLOCK)

    def piece(self, index: int, pixels: Pixels) -> bytes:
        return encoded(painted(pixels, self.background or (0, 0, 0), self.channels), self.quality)

    def assemble(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for index, piece in enumerate(pieces):
            scan = scan_start(piece)
            if index == 0:
                yield self._head(piece[:scan])
            else:
                yield bytes((0xFF, 0xD0 + (index - 1) % 8))
            yield piece[scan : -len(_END)]
        yield _END

    def _head(self, head: bytes) -> bytes:
        """A strip's head as the head of the whole: its height, and where its scan restarts."""
        frame, scan = _marker(head, _FRAME), _marker(head, _SCAN)
        height = struct.pack(">H", self.shape_yx[0])
        whole = head[: frame + 5] + height + head[frame + 7 : scan]
        return whole + self._interval() + head[scan:]

    def _interval(self) -> bytes:
        """The segment that tells how many units lie between restarts, if there are any."""
        (top, bottom), *others = self.strips
        if not others:
            return b""
        unit = _BLOCK if self.channels == 3 else _BLOCK // 2
        units = (bottom - top) // unit * -(-self.shape_yx[1] // unit)
        return struct.pack(">BBHH", 0xFF, _INTERVAL, 4, units)


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegFormat:
    """`jpg`."""

    content: ClassVar[Content] = Content.PICTURE

    def fit(self, canvas: Canvas, options: Options) -> Jpeg:
        if max(canvas.grid.shape_yx) > LARGEST:
            raise ValueError(f"JPEG holds at most {LARGEST} rows and columns")
        background = None if canvas.opaque else options.background
        return Jpeg(
            shape_yx=canvas.grid.shape_yx,
            channels=_channels(canvas.bands, background),
            quality=min(max(options.quality, 1), 100),
            background=background,
        )


def _channels(bands: int, background: tuple[int, int, int] | None) -> int:
    """Three also for one band, where the background isn't grey."""
    return 1 if bands == 1 and len(set(background or (0,))) == 1 else 3


def encoded(picture: NDArray[Any], quality: int) -> bytes:
    """`(y, x, 1 or 3)` as a JPEG of its own, colour halved both ways.

    The tables depend on the quality alone, so that strips share them.
    """
    from imagecodecs import jpeg8_encode

    data = picture[:, :, 0] if picture.shape[2] == 1 else picture
    return bytes(jpeg8_encode(data, quality, subsampling="420", optimize=False))


def scan_start(jpeg: bytes) -> int:
    """Where the packed pixels of a JPEG of one scan begin."""
    position = _marker(jpeg, _SCAN)
    return position + 2 + _segment_length(jpeg, position)


def _marker(jpeg: bytes, kind: int) -> int:
    """Where the first segment of a kind begins."""
    position = 2
    while jpeg[position + 1] != kind:
        position += 2 + _segment_length(jpeg, position)
    return position


def _segment_length(jpeg: bytes, position: int) -> int:
    return int.from_bytes(jpeg[position + 2 : position + 4], "big")
