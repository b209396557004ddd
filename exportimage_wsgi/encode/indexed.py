"""png8 and gif: pictures of indices, and the palette of their colours."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..pixels import Palette, Pixels
from .format import Canvas, Content, Encoder, Options
from .palette import (
    GREYS,
    NO_INDEX,
    Drawing,
    Numbers,
    coloured,
    indexed,
    numbers,
    with_transparent,
)
from .png import Packed, finish, grey_lines, pack, palette_start
from .rows import Bytes2D, cut

_LARGEST_GIF = 65535
_OPAQUE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedPng:
    """PNG of one band whose palette is known before its pixels: it is made strip by strip."""

    shape_yx: tuple[int, int]

    palette: Palette
    """With an entry for no data, if there can be any."""

    none: int
    """That entry's index; it also stands for indices that the palette doesn't have."""

    media_type: ClassVar[str] = "image/png"
    extension: ClassVar[str] = ".png"
    gathers: ClassVar[int] = 0
    length: ClassVar[None] = None

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx)

    def piece(self, index: int, pixels: Pixels) -> Packed:
        found = numbers(pixels)
        table = np.full(NO_INDEX + 1, self.none, np.uint8)
        table[: len(self.palette)] = np.arange(len(self.palette))
        last = index == len(self.strips) - 1
        return pack(_lines(table[found], self.palette), first=index == 0, last=last)

    def assemble(self, pieces: Iterable[Packed]) -> Iterator[bytes]:
        yield palette_start(self.shape_yx, self.palette)
        yield from finish(pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredPng:
    """PNG whose palette depends on all pixels: these are gathered first."""

    shape_yx: tuple[int, int]

    palette: Palette | None
    """Of one band; `None` of three."""

    media_type: ClassVar[str] = "image/png"
    extension: ClassVar[str] = ".png"
    length: ClassVar[None] = None

    @property
    def gathers(self) -> int:
        return _gathered(self.shape_yx, self.palette)

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx)

    def piece(self, index: int, pixels: Pixels) -> Numbers:
        return numbers(pixels)

    def assemble(self, pieces: Iterable[Numbers]) -> Iterator[bytes]:
        drawing = _drawn(list(pieces), self.palette)
        yield palette_start(self.shape_yx, drawing.palette)
        yield from finish(self._packed(drawing))

    def _packed(self, drawing: Drawing) -> Iterator[Packed]:
        last = len(drawing.strips) - 1
        for index, strip in enumerate(drawing.strips):
            lines = _lines(strip, drawing.palette)
            yield pack(lines, first=index == 0, last=index == last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gif:
    """GIF of one picture, not interlaced."""

    shape_yx: tuple[int, int]

    palette: Palette | None
    """Of one band; `None` of three."""

    media_type: ClassVar[str] = "image/gif"
    extension: ClassVar[str] = ".gif"
    length: ClassVar[None] = None

    @property
    def gathers(self) -> int:
        return _gathered(self.shape_yx, self.palette)

    @property
    def strips(self) -> tuple[tuple[int, int], ...]:
        return cut(self.shape_yx)

    def piece(self, index: int, pixels: Pixels) -> Numbers:
        found = numbers(pixels)
        if self.palette is not None:
            seen = [index for index, entry in enumerate(self.palette) if entry[3] >= _OPAQUE]
            table = np.full(NO_INDEX + 1, NO_INDEX, np.uint16)
            table[seen] = seen
            found = table[found]
        return found

    def assemble(self, pieces: Iterable[Numbers]) -> Iterator[bytes]:
        from PIL import Image

        drawing = _drawn(list(pieces), self.palette)
        image = Image.fromarray(np.concatenate(drawing.strips))
        image.putpalette([part for entry in drawing.palette for part in entry[:3]])
        said = {} if drawing.transparent is None else {"transparency": drawing.transparent}
        file = io.BytesIO()
        image.save(file, "GIF", optimize=False, interlace=False, **said)
        yield file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Png8Format:
    """`png8`."""

    content: ClassVar[Content] = Content.INDEXED

    def fit(self, canvas: Canvas, options: Options) -> Encoder:
        shape, palette = canvas.grid.shape_yx, _own_palette(canvas)
        if palette is not None and len(palette) < NO_INDEX:
            none = len(palette)
            return IndexedPng(shape_yx=shape, palette=with_transparent(palette, none), none=none)
        if palette is not None and canvas.opaque:
            return IndexedPng(shape_yx=shape, palette=palette, none=0)
        return GatheredPng(shape_yx=shape, palette=palette)


@dataclass(frozen=True, slots=True, kw_only=True)
class GifFormat:
    """`gif`."""

    content: ClassVar[Content] = Content.INDEXED

    def fit(self, canvas: Canvas, options: Options) -> Gif:
        if max(canvas.grid.shape_yx) > _LARGEST_GIF:
            raise ValueError(f"GIF holds at most {_LARGEST_GIF} rows and columns")
        return Gif(shape_yx=canvas.grid.shape_yx, palette=_own_palette(canvas))


def _own_palette(canvas: Canvas) -> Palette | None:
    """Of one band: the raster's colours, else greys."""
    return (canvas.palette or GREYS) if canvas.bands == 1 else None


def _drawn(strips: list[Numbers], palette: Palette | None) -> Drawing:
    return coloured(strips) if palette is None else indexed(strips, palette)


def _gathered(shape_yx: tuple[int, int], palette: Palette | None) -> int:
    """Bytes of all pixels as numbers, and of what is made of them before they go: a sample of
    colours, or indices, the picture and its file."""
    return shape_yx[0] * shape_yx[1] * (9 if palette is None else 6)


def _lines(indices: NDArray[np.uint8], palette: Palette) -> Bytes2D:
    """Lines of a PNG: greys are filtered; neighbouring indices of other palettes mean nothing."""
    if [entry[:3] for entry in palette] == [entry[:3] for entry in GREYS]:
        return grey_lines(indices)
    lines = np.zeros((indices.shape[0], 1 + indices.shape[1]), np.uint8)
    lines[:, 1:] = indices
    return lines
