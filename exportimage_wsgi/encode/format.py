"""What every file format must be told and do: the seam of all encoders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from ..geo.grid import Grid
from ..pixels import Palette, Pixels, PixelType

Bytes = Any
"""`bytes`, or `(byte,)` of U8: values that aren't packed are not copied. NumPy tells type checkers
that its arrays are buffers from Python 3.12 on only."""

Placed = tuple[int, Bytes]
"""Where in a file bytes go, and which."""


class Compression(Enum):
    """How the pixels inside a TIFF are packed."""

    NONE = "none"
    DEFLATE = "deflate"
    JPEG = "jpeg"
    LZW = "lzw"
    ZSTD = "zstd"
    LERC = "lerc"


class Content(Enum):
    """What a format carries."""

    PICTURE = "picture"
    """One or three bands of U8 to look at, and alpha."""

    INDEXED = "indexed"
    """As a picture, but takes a palette and its indices as they are, if the raster has one."""

    VALUES = "values"
    """The bands as they are, in any pixel type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What is known of the pixels before the first of them is read."""

    grid: Grid
    """Where they lie; its shape is the picture's. North up."""

    bands: int
    """Bands that will come; 1 or 3 for a picture."""

    pixel_type: PixelType
    """Type of the values that will come; U8 for a picture."""

    fill: tuple[float | complex, ...] | None = None
    """No-data value of each band for formats that mark it in the values, if one is declared."""

    fills_jointly: bool = False
    """Is a pixel no data only where each of its bands is `fill`?"""

    opaque: bool = False
    """Is it certain that every pixel is valid?"""

    palette: Palette | None = None
    """Colours, where the one band that will come holds indices."""

    band_names: tuple[str, ...] = ()
    """One a band, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a request or a service's settings say about the file."""

    quality: int = 75
    """Of JPEG, 0 to 100."""

    compression: Compression = Compression.NONE
    """Of TIFF."""

    tolerance: float = 0.0
    """Largest error of LERC, in units of the values."""

    lerc_version: int = 2
    """As Esri counts: 2 is Lerc2."""

    lerc_fill: bool = False
    """LERC carries `Canvas.fill` in place of a mask."""

    background: tuple[int, int, int] = (255, 255, 255)
    """Colour of no data in pictures without transparency."""


class Encoder(Protocol):
    """A file format fitted to a canvas. A frozen, picklable value."""

    @property
    def media_type(self) -> str: ...

    @property
    def extension(self) -> str:
        """Of the file's name, with its dot."""
        ...

    @property
    def length(self) -> int | None:
        """Bytes of the whole file, where that is known before the pixels are."""
        ...

    @property
    def gathers(self) -> int:
        """Bytes that all strips take in memory at most, while they wait for the last; 0 of formats
        that don't make them wait there."""
        ...

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        """Rows (first, behind the last) of each piece, in the order they are wanted."""
        ...

    def piece(self, index: int, pixels: Pixels) -> Any:
        """Encode a strip: the pixels of all columns and of the rows `strips[index]`.

        Pure and picklable in what it gives, so that it may run in any thread or process.
        """
        ...

    def assemble(self, pieces: Iterable[Any]) -> Iterator[bytes]:
        """The file's bytes, given the pieces in order; pieces that must wait are spooled."""
        ...


@runtime_checkable
class Placing(Protocol):
    """An encoder that knows where bytes go before it knows all that stands before them."""

    def placed(self, pieces: Iterable[Any]) -> Iterator[Placed]:
        """The bytes of `assemble`, in an order in which none of the many must wait."""
        ...


def placed(encoder: Encoder, pieces: Iterable[Any]) -> Iterator[Placed]:
    """The file's bytes, for one that is written in any order."""
    if isinstance(encoder, Placing):
        return encoder.placed(pieces)
    return _in_a_row(encoder.assemble(pieces))


def _in_a_row(chunks: Iterator[bytes]) -> Iterator[Placed]:
    position = 0
    for chunk in chunks:
        yield position, chunk
        position += len(chunk)


class Format(Protocol):
    """One row of the table of formats."""

    @property
    def content(self) -> Content: ...

    def fit(self, canvas: Canvas, options: Options) -> Encoder:
        """The encoder for one picture.

        Raises:
            ValueError: the format cannot carry this (a pixel type, a number of bands, a size).
        """
        ...
