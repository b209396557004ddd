"""LERC: one Lerc2 blob a band, one after another, of the whole picture each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..pixels import Pixels, PixelType
from .format import Canvas, Content, Options
from .rows import cut
from .spool import SPOOL_BYTES, room, told, write_at

# imagecodecs 2026.3 writes beyond its memory when it is asked for version 2.
CODEC_VERSION = 4
_LARGEST_BLOB = 2**31 - 1
_ROOM = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Lerc:
    """Lerc2 of any type but the complex ones; a blob has a mask if it needs one."""

    shape_yx: tuple[int, int]

    bands: int

    pixel_type: PixelType

    tolerance: float
    """Largest error; of integers anything below 1 means none."""

    fill: tuple[float, ...] | None
    """What stands for no data, one a band, in place of a mask."""

    fills_jointly: bool
    """Is a pixel no data only where each of its bands is `fill`?"""

    media_type: ClassVar[str] = "image/lerc"
    extension: ClassVar[str] = ".lerc"
    length: ClassVar[None] = None

    @property
    def gathers(self) -> int:
        """Of one band the values and what is valid, the room for its blob, and the blob."""
        size = self.shape_yx[0] * self.shape_yx[1] * (self.pixel_type.dtype.itemsize + 1)
        return size * (4 if self.fill is not None and self.tolerance > 0 else 3)

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx, pixel_bytes=self.bands * self.pixel_type.dtype.itemsize)

    def piece(self, index: int, pixels: Pixels) -> Pixels:
        """The strip's pixels: a blob can't be made of less than the whole picture."""
        if self.fill is None:
            return pixels
        opaque = np.broadcast_to(np.uint8(255), (1, *pixels.shape_yx))
        return Pixels(pixels.marked(self.fill, self.fills_jointly), opaque)

    def assemble(self, pieces: Iterable[Pixels]) -> Iterator[bytes]:
        """All bands wait on disk until all strips are there: only one is ever in memory."""
        size, dtype = self.shape_yx[0] * self.shape_yx[1], self.pixel_type.dtype
        plane = size * dtype.itemsize
        with room(self.bands * plane) as waiting, room(self.bands * size) as masks:
            done = 0
            for piece in pieces:
                for band, values in enumerate(piece.values):
                    valid = piece.valid[band % len(piece.valid)] > 0
                    place = band * plane + done * dtype.itemsize
                    write_at(waiting, place, np.ascontiguousarray(values).data)
                    write_at(masks, band * size + done, valid.data)
                done += piece.shape_yx[0] * piece.shape_yx[1]
            for band in range(self.bands):
                values = _read(waiting, band * plane, self.shape_yx, dtype)
                valid = _read(masks, band * size, self.shape_yx, np.dtype(np.bool_))
                yield from _cut(self._blob(band, values, valid))

    def _blob(self, band: int, values: NDArray[Any], valid: NDArray[np.bool_]) -> bytes:
        if self.fill is not None:
            return telling_blob(values, self.tolerance, self.fill[band])
        return blob(values, None if valid.all() else valid, self.tolerance)


def _read(
    file: Any, position: int, shape_yx: tuple[int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """What the file holds there; `file` can read into an array, which `IO` doesn't tell."""
    array = np.empty(shape_yx, dtype)
    with told():
        file.seek(position)
    file.readinto(array.reshape(-1).view(np.uint8).data)
    return array


def _cut(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(view), SPOOL_BYTES):
        yield bytes(view[start : start + SPOOL_BYTES])


@dataclass(frozen=True, slots=True, kw_only=True)
class LercFormat:
    """`lerc`."""

    content: ClassVar[Content] = Content.VALUES

    def fit(self, canvas: Canvas, options: Options) -> Lerc:
        if options.lerc_version == 1:
            raise ValueError("only 2 (Lerc2) is written")
        if canvas.pixel_type.is_complex:
            raise ValueError("LERC carries no complex numbers")
        rows, columns = canvas.grid.shape_yx
        if rows * columns * (canvas.pixel_type.dtype.itemsize + 1) + _ROOM > _LARGEST_BLOB:
            raise ValueError("LERC holds at most 2 GB a band")
        return Lerc(
            shape_yx=canvas.grid.shape_yx,
            bands=canvas.bands,
            pixel_type=canvas.pixel_type,
            tolerance=options.tolerance,
            fill=_fill(canvas) if options.lerc_fill else None,
            fills_jointly=canvas.fills_jointly,
        )


def blob(values: NDArray[Any], valid: NDArray[np.bool_] | None, tolerance: float) -> bytes:
    """`(y, x)`, or `(y, x, band)` with all bands in each pixel, as one blob.

    `valid` is `(y, x)`, true for data; `None` where every pixel is.
    """
    from imagecodecs import lerc_encode

    # LERC leaves a few bytes at its end unwritten: they must not be what memory happens to hold.
    ranges = 2 * values[:1, :1].nbytes
    room = bytearray(values.nbytes + values.size + ranges + _ROOM)
    settings: dict[str, Any] = {"planar": False, "version": CODEC_VERSION, "out": room}
    return bytes(lerc_encode(values, tolerance, masks=valid, **settings))


def telling_blob(values: NDArray[Any], tolerance: float, fill: float) -> bytes:
    """As `blob` without a mask, where a value says no data: a tolerance that would move it, or
    would move data to it, isn't made use of."""
    data = blob(values, None, tolerance)
    if tolerance > 0:
        from imagecodecs import lerc_decode

        found = lerc_decode(data).reshape(values.shape)
        if not np.array_equal(found == fill, values == fill):
            return blob(values, None, 0.0)
    return data


def _fill(canvas: Canvas) -> tuple[float, ...] | None:
    """The no-data values, if all of them are numbers: LERC has no other way to say NaN."""
    fill = tuple(complex(value).real for value in canvas.fill or ())
    return fill if fill and all(value == value for value in fill) else None
