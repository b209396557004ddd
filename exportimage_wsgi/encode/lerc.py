"""LERC: one Lerc2 blob a band, one after another, of the whole picture each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..pixels import Pixels, PixelType
from .format import Canvas, Content, Options
from .rows import cut
from .spool import SPOOL_BYTES, read_back

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

    media_type: ClassVar[str] = "image/lerc"
    extension: ClassVar[str] = ".lerc"
    length: ClassVar[None] = None

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx, pixel_bytes=self.bands * self.pixel_type.dtype.itemsize)

    def piece(self, index: int, pixels: Pixels) -> Pixels:
        """The strip's pixels: a blob can't be made of less than the whole picture."""
        if self.fill is None:
            return pixels
        opaque = np.broadcast_to(np.uint8(255), (1, *pixels.shape_yx))
        return Pixels(pixels.filled(self.fill), opaque)

    def assemble(self, pieces: Iterable[Pixels]) -> Iterator[bytes]:
        with ExitStack() as stack:
            files = [
                stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES))
                for _ in range(2 * self.bands)
            ]
            waiting = [_Waiting(*pair) for pair in zip(files[::2], files[1::2], strict=True)]
            for piece in pieces:
                for band, file in enumerate(waiting):
                    file.add(piece.values[band], piece.valid[band % len(piece.valid)] > 0)
            for file in waiting:
                yield from file.blob(self.shape_yx, self.pixel_type.dtype, self.tolerance)


class _Waiting:
    """The strips of one band, on disk until all are there: only one band is ever in memory."""

    def __init__(self, values: IO[bytes], valid: IO[bytes]) -> None:
        self._values, self._valid = values, valid

    def add(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        self._values.write(np.ascontiguousarray(values).data)
        self._valid.write(np.ascontiguousarray(valid).data)

    def blob(
        self, shape_yx: tuple[int, int], dtype: np.dtype[Any], tolerance: float
    ) -> Iterator[bytes]:
        """The band as a blob, in parts; the files are empty afterwards."""
        values = _read(self._values, shape_yx, dtype)
        valid = _read(self._valid, shape_yx, np.dtype(np.bool_))
        view = memoryview(blob(values, None if valid.all() else valid, tolerance))
        for start in range(0, len(view), SPOOL_BYTES):
            yield bytes(view[start : start + SPOOL_BYTES])


def _read(file: IO[bytes], shape_yx: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """What the file holds, which is empty afterwards."""
    array, filled = np.empty(shape_yx, dtype), 0
    room = array.reshape(-1).view(np.uint8)
    for chunk in read_back(file):
        room[filled : filled + len(chunk)] = np.frombuffer(chunk, np.uint8)
        filled += len(chunk)
    file.seek(0)
    file.truncate()
    return array


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


def _fill(canvas: Canvas) -> tuple[float, ...] | None:
    """The no-data values, if all of them are numbers: LERC has no other way to say NaN."""
    fill = tuple(complex(value).real for value in canvas.fill or ())
    return fill if fill and all(value == value for value in fill) else None
