"""How the tiles or strips of a TIFF lie in its file, and what unpacks them.

Only files that hold nothing unusual are taken: whatever is doubtful is left to GDAL.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray

from .tile_floats import summed_floats

_NONE, _LZW, _JPEG, _ADOBE_DEFLATE, _DEFLATE, _ZSTD = 1, 5, 7, 8, 32946, 50000
_MINISBLACK, _RGB, _PALETTE, _YCBCR = 1, 2, 3, 6
_REDUCED, _MASK = 1, 4
_NO_PREDICTOR, _HORIZONTAL, _FLOATING_POINT = 1, 2, 3
_LARGEST_TILE = 64 * 2**20
_MOST_HEAD_BYTES = 64 * 2**10
_KINDS = "uif"

Unpack = Callable[[bytes, int], NDArray[Any]]


class Unusual(Exception):
    """Of a file, level or tile that only GDAL is trusted with."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledLevel:
    """One level of a file."""

    shape_yx: tuple[int, int]

    tile_yx: tuple[int, int]
    """Of a tile, or of a strip, which is as wide as the level."""

    in_strips: bool
    """Are they strips? Then the last has only the rows that are left."""

    is_packed: bool
    """Or do the numbers lie in the file as they are?"""

    samples: int
    """Bands in the file."""

    planar: bool
    """Has each band tiles of its own?"""

    dtype: np.dtype[Any]

    offsets: NDArray[np.int64]
    """Of each tile, by rows of tiles and, if `planar`, by bands."""

    counts: NDArray[np.int64]
    """Bytes of each tile; 0 where there is none."""

    unpack: Unpack
    """Gives a tile `(y, x, band)` of so many rows; raises whatever it likes."""

    @property
    def is_in_rows(self) -> bool:
        """Does any part of a row lie in the file by itself, so that nothing is to be unpacked?"""
        return self.in_strips and not self.is_packed

    @property
    def samples_of_tile(self) -> int:
        """Bands that lie in the same tile."""
        return 1 if self.planar else self.samples

    @property
    def tile_bytes(self) -> int:
        """Of a whole tile, unpacked."""
        return math.prod(self.tile_yx) * self.samples_of_tile * self.dtype.itemsize

    @property
    def most_packed_bytes(self) -> int:
        """More no tile takes in the file: no compression makes numbers twice as long."""
        return 2 * self.tile_bytes + _MOST_HEAD_BYTES

    @property
    def across(self) -> int:
        """Tiles side by side."""
        return -(-self.shape_yx[1] // self.tile_yx[1])

    @property
    def in_a_plane(self) -> int:
        """Tiles of one band, or of all that lie in the same tiles."""
        return -(-self.shape_yx[0] // self.tile_yx[0]) * self.across

    def rows_of(self, number: int) -> int:
        """Rows that a tile has in the file."""
        height = self.tile_yx[0]
        if not self.in_strips:
            return height
        return min(height, self.shape_yx[0] - number % self.in_a_plane * height)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledFile:
    """The levels of a file by shape: the full resolution and its inner overviews."""

    levels: dict[tuple[int, int], TiledLevel]

    @property
    def nbytes(self) -> int:
        tables = sum(x.offsets.nbytes + x.counts.nbytes for x in self.levels.values())
        return 4096 * (1 + len(self.levels)) + tables


class _Quiet(logging.Filter):
    """Says nothing in a thread that reads a file here: GDAL says what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, _: logging.LogRecord) -> bool:
        return not getattr(self.here, "is_quiet", False)


_quiet = _Quiet()
logging.getLogger("tifffile").addFilter(_quiet)


def tiled_file(number: int) -> TiledFile:
    """Read the directories of an open TIFF; no level if it isn't one, or nothing is usual."""
    _quiet.here.is_quiet = True
    try:
        return _tiled_file(number)
    finally:
        _quiet.here.is_quiet = False


def _tiled_file(number: int) -> TiledFile:
    found: dict[tuple[int, int], TiledLevel | None] = {}
    try:
        with (
            open(number, "rb", closefd=False) as opened,
            tifffile.TiffFile(opened, name="opened", offset=0) as file,
        ):
            if file.byteorder != "<" or sys.byteorder != "little":
                return TiledFile(levels={})
            for number in range(len(file.pages)):
                _add(found, file.pages[number], number)
    except MemoryError:
        raise
    except Exception:
        # Parsers of damaged files raise what they like.
        return TiledFile(levels={})
    return TiledFile(levels={shape: level for shape, level in found.items() if level is not None})


def _add(found: dict[tuple[int, int], TiledLevel | None], page: Any, number: int) -> None:
    """Note a level; two of one shape are none, as nobody knows which is meant."""
    kind = int(page.subfiletype)
    if kind & _MASK or (number > 0 and not kind & _REDUCED):
        return
    shape_yx = int(page.imagelength), int(page.imagewidth)
    found[shape_yx] = None if shape_yx in found else _level(page, shape_yx)


def _level(page: Any, shape_yx: tuple[int, int]) -> TiledLevel | None:
    """The level, or `None` if there is anything unusual about it."""
    if page.tiledepth > 1 or page.imagedepth != 1 or page.fillorder != 1:
        return None
    dtype, samples, planar = page.dtype, int(page.samplesperpixel), page.planarconfig == 2
    if dtype is None or dtype.kind not in _KINDS or page.bitspersample != 8 * dtype.itemsize:
        return None
    unpack = _unpacking(page, 1 if planar else samples, np.dtype(dtype))
    if unpack is None:
        return None
    level = TiledLevel(
        shape_yx=shape_yx,
        tile_yx=_tile_yx(page, shape_yx),
        in_strips=not page.is_tiled,
        is_packed=page.compression != _NONE,
        samples=samples,
        planar=planar,
        dtype=np.dtype(dtype),
        offsets=np.array(page.dataoffsets, np.int64),
        counts=np.array(page.databytecounts, np.int64),
        unpack=unpack,
    )
    tiles = level.in_a_plane * (samples if planar else 1)
    at_once = level.tile_bytes // (level.tile_yx[0] if level.is_in_rows else 1)
    fits = at_once <= _LARGEST_TILE
    return level if fits and len(level.offsets) == len(level.counts) == tiles else None


def _tile_yx(page: Any, shape_yx: tuple[int, int]) -> tuple[int, int]:
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return min(int(page.rowsperstrip), shape_yx[0]), shape_yx[1]


def _unpacking(page: Any, samples: int, dtype: np.dtype[Any]) -> Unpack | None:
    width = int(page.tilewidth if page.is_tiled else page.imagewidth)
    if page.compression == _JPEG:
        return _jpeg_unpacking(page, width, samples, dtype)
    if page.photometric not in (_MINISBLACK, _RGB, _PALETTE):
        return None
    decode = _DECODERS.get(int(page.compression))
    predictor = int(page.predictor) if page.compression != _NONE else _NO_PREDICTOR
    if decode is None or predictor not in _PREDICTORS.get(dtype.kind, ()):
        return None
    return lambda data, rows: _unpredicted(decode, data, (rows, width, samples), dtype, predictor)


def _copied(data: bytes, *, out: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if len(data) != len(out):  # a single byte would be put everywhere
        raise Unusual
    out[:] = np.frombuffer(data, np.uint8)
    return out


_DECODERS: dict[int, Callable[..., Any]] = {
    _NONE: _copied,
    _LZW: imagecodecs.lzw_decode,
    _ADOBE_DEFLATE: partial(imagecodecs.deflate_decode, raw=False),
    _DEFLATE: partial(imagecodecs.deflate_decode, raw=False),
    _ZSTD: imagecodecs.zstd_decode,
}
_PREDICTORS = {
    "u": (_NO_PREDICTOR, _HORIZONTAL),
    "i": (_NO_PREDICTOR, _HORIZONTAL),
    "f": (_NO_PREDICTOR, _FLOATING_POINT),
}


def _unpredicted(
    decode: Callable[..., Any],
    data: bytes,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    predictor: int,
) -> NDArray[Any]:
    stored = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
    if len(decode(data, out=stored)) != len(stored):
        raise Unusual
    if predictor == _FLOATING_POINT:
        rows = stored.reshape(shape[0], -1)
        return summed_floats(rows, shape[2], dtype.itemsize).view(dtype).reshape(shape)
    tile = stored.view(dtype).reshape(shape)
    if predictor == _HORIZONTAL:
        imagecodecs.delta_decode(tile, axis=-2, out=tile)
    return tile


def _jpeg_unpacking(page: Any, width: int, samples: int, dtype: np.dtype[Any]) -> Unpack | None:
    """Of one band, or of three that are stored as brightness and two colours."""
    if dtype != np.uint8:
        return None
    if samples == 3 and page.photometric == _YCBCR:
        stored, colours = "YCbCr", "RGB"
    elif samples == 1 and page.photometric in (_MINISBLACK, _RGB):
        stored, colours = "Gray", "GRAY"
    else:
        return None
    tables = bytes(page.jpegtables or b"")

    def unpack(data: bytes, rows: int) -> NDArray[Any]:
        # A tile has its tables beside it: between its first marker, and what follows.
        whole = tables[:-2] + data[2:] if tables else data
        height, found_width, kind, _ = simplejpeg.decode_jpeg_header(whole)
        if (height, found_width, kind) != (rows, width, stored):
            raise Unusual
        return np.asarray(simplejpeg.decode_jpeg(whole, colorspace=colours))

    return unpack
