"""GeoTIFF of the values, in any pixel type, interleaved by pixel, in strips.

Uncompressed, all is known before the first pixel, so the file streams. Otherwise the strips wait
until their sizes are known, since the head comes first. Where a pixel may be no data and no value
says so, a mask follows as a second image, which GDAL and those who build on it read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..geo.grid import Grid
from ..pixels import Palette, Pixels, PixelType, Values
from .format import Bytes, Canvas, Compression, Content, Options, Placed
from .geotiff import names_tag, no_data_tag, place_tags, reference_tags
from .jpeg import LARGEST
from .raw import little_endian
from .rows import cut, interleaved
from .spool import append, in_order, read_back, room
from .tiff_strips import CODES, JPEG_ROWS, LERC_PARAMETERS, packer
from .tiff_tags import Image, Tag, head

Piece = tuple[tuple[Bytes, ...], bytes]
"""Packed strips, and rows of the mask, of one bit a pixel."""

_STRIP_BYTES = 1 << 18
_MIN_IS_BLACK, _RGB, _PALETTE, _YCBCR = 1, 2, 3, 6
_MASK, _MASK_OF = 4, 4
"""Photometric interpretation, and kind of sub-file, of a mask."""
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiff:
    """GeoTIFF of any number of bands."""

    grid: Grid

    bands: int

    pixel_type: PixelType

    fill: float | None
    """What stands for no data, in all bands, as the file can tell one value only."""

    fills_jointly: bool
    """Is a pixel no data only where each of its bands is `fill`?"""

    masked: bool
    """Does a mask tell which pixels are no data?"""

    palette: Palette | None

    band_names: tuple[str, ...]

    compression: Compression

    quality: int
    """Of JPEG, 1 to 100; otherwise 0."""

    tolerance: float
    """Of LERC; otherwise 0."""

    media_type: ClassVar[str] = "image/tiff"
    extension: ClassVar[str] = ".tif"
    gathers: ClassVar[int] = 0

    @property
    def length(self) -> int | None:
        if self.compression is not Compression.NONE:
            return None
        lines = self._line_bytes + (self._mask_line_bytes if self.masked else 0)
        return len(_plain_head(self)) + lines * self.grid.shape_yx[0]

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        """Each is cut again into strips as TIFF means them, which are shorter."""
        pixel_bytes = self.bands * self.pixel_type.dtype.itemsize
        return cut(self.grid.shape_yx, pixel_bytes=pixel_bytes, multiple=self._rows)

    def piece(self, index: int, pixels: Pixels) -> Piece:
        """The packed strips of the file that lie in the piece, and its part of the mask."""
        values = little_endian(interleaved(self._told(pixels)))
        pack = packer(self.compression, self.pixel_type, self.quality, self.tolerance, self.fill)
        # As they are, strips lie one behind the other: all of a piece are one run of bytes.
        rows = len(values) if self.compression is Compression.NONE else self._rows
        strips = tuple(pack(values[top : top + rows]) for top in range(0, len(values), rows))
        mask = np.packbits(pixels.alpha() > 0, axis=1).tobytes() if self.masked else b""
        return strips, mask

    def _told(self, pixels: Pixels) -> Values:
        """The values, in which no data is what the file says."""
        if self.fill is None:
            return pixels.filled((0,) * self.bands)
        return pixels.marked((self.fill,) * self.bands, self.fills_jointly)

    def assemble(self, pieces: Iterable[Piece]) -> Iterator[bytes]:
        with room() as waiting:
            yield from in_order(self.placed(pieces), waiting)

    def placed(self, pieces: Iterable[Piece]) -> Iterator[Placed]:
        """The file as it comes: of a compressed one the head is last."""
        return (self._plain if self.compression is Compression.NONE else self._packed)(pieces)

    def _plain(self, pieces: Iterable[Piece]) -> Iterator[Placed]:
        yield 0, _plain_head(self)
        position = len(_plain_head(self))
        masks = position + self._line_bytes * self.grid.shape_yx[0]
        for strips, mask in pieces:
            for strip in strips:
                yield position, strip
                position += len(strip)
            if mask:
                yield masks, mask
                masks += len(mask)

    def _packed(self, pieces: Iterable[Piece]) -> Iterator[Placed]:
        sizes: list[int] = []
        position = len(self._packed_head([0] * len(self._heights)))
        with room() as masks:
            for strips, mask in pieces:
                append(masks, mask)
                for strip in strips:
                    yield position, strip
                    position += len(strip)
                    sizes.append(len(strip))
            for data in read_back(masks):
                yield position, data
                position += len(data)
        yield 0, self._packed_head(sizes)

    def _packed_head(self, sizes: list[int]) -> bytes:
        """As long whatever the sizes: it is a BigTIFF if the strips could be too large for another.

        No packing makes them twice as large as they were.
        """
        most = 2 * self.grid.shape_yx[0] * (self._line_bytes + self._mask_line_bytes)
        return head(self._images(sizes), most)

    @property
    def _rows(self) -> int:
        """Rows of a strip as TIFF means it."""
        rows = max(_STRIP_BYTES // self._line_bytes, 1)
        if self.compression is Compression.JPEG:
            rows = -(-rows // JPEG_ROWS) * JPEG_ROWS
        return min(rows, self.grid.shape_yx[0])

    @property
    def _line_bytes(self) -> int:
        """Of an uncompressed row, which ends on a byte."""
        return (self.grid.shape_yx[1] * self.bands * self.pixel_type.bits + 7) // 8

    @property
    def _mask_line_bytes(self) -> int:
        return (self.grid.shape_yx[1] + 7) // 8

    @property
    def _heights(self) -> list[int]:
        """Rows of each strip as TIFF means it."""
        rows = self.grid.shape_yx[0]
        return [min(self._rows, rows - top) for top in range(0, rows, self._rows)]

    def plain_head(self) -> bytes:
        """Of an uncompressed file."""
        return head(self._images([height * self._line_bytes for height in self._heights]))

    def _images(self, counts: list[int]) -> list[Image]:
        """The image and, if there is one, its mask."""
        image = Image(tags=self._tags(), counts=counts)
        if not self.masked:
            return [image]
        counts = [height * self._mask_line_bytes for height in self._heights]
        return [image, Image(tags=self._mask_tags(), counts=counts)]

    def _mask_tags(self) -> list[Tag]:
        rows, columns = self.grid.shape_yx
        return [
            Tag(254, "I", (_MASK_OF,)),
            Tag(256, "I", (columns,)),
            Tag(257, "I", (rows,)),
            Tag(258, "H", (1,)),
            Tag(259, "H", (CODES[Compression.NONE],)),
            Tag(262, "H", (_MASK,)),
            Tag(277, "H", (1,)),
            Tag(278, "I", (self._rows,)),
        ]

    def _tags(self) -> list[Tag]:
        rows, columns = self.grid.shape_yx
        tags = [
            Tag(256, "I", (columns,)),
            Tag(257, "I", (rows,)),
            Tag(259, "H", (CODES[self.compression],)),
            Tag(277, "H", (self.bands,)),
            Tag(278, "I", (self._rows,)),
            Tag(284, "H", (1,)),
            *self._pixel_tags(),
            *place_tags(self.grid),
        ]
        if any(self.band_names):
            tags.append(names_tag(self.band_names))
        if self.fill is not None:
            tags.append(no_data_tag(self.fill))
        return tags

    def _pixel_tags(self) -> Iterator[Tag]:
        """What the samples of a pixel are, and what they mean."""
        photometric, colours = self._photometric()
        yield Tag(258, "H", (self.pixel_type.bits,) * self.bands)
        yield Tag(262, "H", (photometric,))
        yield Tag(339, "H", (_SAMPLE_FORMATS[self.pixel_type.dtype.kind],) * self.bands)
        if self.bands > colours:
            yield Tag(338, "H", (0,) * (self.bands - colours))
        if self.palette is not None:
            yield Tag(320, "H", _colour_map(self.palette, self.pixel_type.bits).tolist())
        if photometric == _YCBCR:
            yield Tag(530, "H", (2, 2))
        if self.compression is Compression.LERC:
            yield Tag(*LERC_PARAMETERS)

    def _photometric(self) -> tuple[int, int]:
        """How the colours are told, and how many bands they take."""
        if self.palette is not None:
            return _PALETTE, 1
        if self.bands != 3 or self.pixel_type is not PixelType.U8:
            return _MIN_IS_BLACK, 1
        return (_YCBCR if self.compression is Compression.JPEG else _RGB), 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffFormat:
    """`tiff`."""

    content: ClassVar[Content] = Content.VALUES

    def fit(self, canvas: Canvas, options: Options) -> Tiff:
        compression = options.compression
        _check(canvas, compression)
        reference_tags(canvas.grid.crs)
        fill = _fill(canvas, compression)
        return Tiff(
            grid=canvas.grid,
            bands=canvas.bands,
            pixel_type=canvas.pixel_type,
            fill=fill,
            fills_jointly=canvas.fills_jointly,
            masked=fill is None and not canvas.opaque,
            palette=canvas.palette,
            band_names=canvas.band_names,
            compression=compression,
            quality=min(max(options.quality, 1), 100) if compression is Compression.JPEG else 0,
            tolerance=options.tolerance if compression is Compression.LERC else 0.0,
        )


def _fill(canvas: Canvas, compression: Compression) -> float | None:
    """What can stand for no data in all bands."""
    # JPEG would blur it.
    if canvas.fill is None or compression is Compression.JPEG:
        return None
    fill = complex(canvas.fill[0]).real
    if compression is Compression.LERC and canvas.bands > 1 and fill != fill:
        # LERC keeps no NaN of one band where others have numbers.
        return canvas.pixel_type.limits[0]
    return fill


def _check(canvas: Canvas, compression: Compression) -> None:
    """Raises: ValueError: the values can't be packed in this way."""
    if compression is Compression.JPEG:
        if canvas.pixel_type is not PixelType.U8 or canvas.bands not in (1, 3) or canvas.palette:
            raise ValueError("JPEG packs one or three bands of U8, and no indices of a palette")
        if canvas.grid.shape_yx[1] > LARGEST:
            raise ValueError(f"JPEG packs at most {LARGEST} columns")
    if compression is Compression.LERC and (
        canvas.pixel_type.is_complex or canvas.pixel_type.bits < 8
    ):
        raise ValueError("LERC packs real numbers of at least eight bits")


def _colour_map(palette: Palette, bits: int) -> NDArray[np.uint16]:
    """All reds, all greens, all blues, of 16 bits each."""
    table = np.zeros((3, 2**bits), np.uint16)
    shown = np.array(palette[: 2**bits], np.uint16)[:, :3] * 257
    table[:, : len(shown)] = shown.T
    return table.ravel()


# An answer asks for its length more than once.
_plain_head = lru_cache(maxsize=16)(Tiff.plain_head)
