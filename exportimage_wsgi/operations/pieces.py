"""Pieces of an export: strips made and encoded one by one, and the stream that comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from ..encode.format import Encoder
from ..geo.grid import Window
from ..imagery.view import View, read
from ..pixels import Pixels
from ..running import Stop, close
from .saving import Progress

Chunk = TypeVar("Chunk")


def make_piece(view: View, encoder: Encoder, index: int) -> Any:
    """Compute and encode one strip; this reads the rasters."""
    return encoder.piece(index, _strip(view, encoder, index))


def make_opaque_piece(view: View, encoder: Encoder, index: int) -> Any:
    """As `make_piece`, but `None` if a pixel of the strip isn't fully valid."""
    pixels = _strip(view, encoder, index)
    return encoder.piece(index, pixels) if (pixels.alpha() == 255).all() else None


def _strip(view: View, encoder: Encoder, index: int) -> Pixels:
    return read(view, Window(rows=encoder.strips[index], columns=(0, view.grid.shape_yx[1])))


def assembled(
    told: Callable[[Iterator[Any]], Iterator[Chunk]], pieces: Iterator[Any]
) -> Iterator[Chunk]:
    """The file. The first piece is made before the first of it is given away, so that what fails
    at once can still be answered by an error."""
    first = list(islice(pieces, 1))
    yield from told(chain(first, pieces))


def watched(pieces: Iterator[Any], count: int, progress: Progress | None) -> Iterator[Any]:
    """The pieces; their number is told to the progress, if there is one."""
    if progress is None:
        return pieces
    return _counted(pieces, count, progress)


def _counted(pieces: Iterator[Any], count: int, progress: Progress) -> Iterator[Any]:
    try:
        for done, piece in enumerate(pieces, 1):
            yield piece
            progress(done, count)
    finally:
        close(pieces)


class Stream(Generic[Chunk]):
    """The bytes of an export, or these and their places. `close` stops what is still being made,
    also before the first."""

    def __init__(self, chunks: Iterator[Chunk], pieces: Iterator[Any], stop: Stop) -> None:
        self._chunks, self._pieces, self._stop = chunks, pieces, stop

    def __iter__(self) -> Stream[Chunk]:
        return self

    def __next__(self) -> Chunk:
        return next(self._chunks)

    def close(self) -> None:
        self._stop.now()
        close(self._chunks)
        close(self._pieces)

    def __enter__(self) -> Stream[Chunk]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
