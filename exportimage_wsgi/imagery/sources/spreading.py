"""Parts of tiles, whose bands lie side by side, laid out band by band."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ...compiled import compiled
from ...woven import SIXTEEN, laid_apart, pointer
from .thinned import Part
from .tiff_rows import Bands

_BYTES = np.dtype(np.uint8)
_AT_ONCE = 32
"""Tiles that wait for each other: compiled code goes through them without Python's lock."""


class Spreading:
    """Copies parts of tiles to their places in `out` `(band, y, x)`; all are there after `end`."""

    def __init__(self, bands: Bands, out: NDArray[Any]) -> None:
        self._bands, self._out = bands, out
        self._are_all = len(bands) == len(out) and all(at == of for at, of in bands)
        self._are_coloured = self._are_all and len(out) == 3 and _is_known(out)
        self._waiting: list[tuple[NDArray[Any], Part, Part]] = []

    def add(self, tile: NDArray[Any], down: Part, across: Part) -> None:
        """A part of a tile `(y, x, band)`, told by its rows and columns."""
        is_thinned = down.there.step != 1 or across.there.step != 1
        if is_thinned or not (self._are_coloured and tile.shape[2] == 3 and _is_known(tile)):
            self._copy(tile, down, across)
            return
        self._waiting.append((tile, down, across))
        if len(self._waiting) == _AT_ONCE:
            self.end()

    def end(self) -> None:
        """Copy what waits."""
        if self._waiting:
            _spread_colours(np.array([_place(*part) for part in self._waiting]), self._out)
            self._waiting.clear()

    def _copy(self, tile: NDArray[Any], down: Part, across: Part) -> None:
        there, here = tile[down.there, across.there], self._out[:, down.here, across.here]
        if self._are_all and tile.shape[2] == len(here):
            here[:] = np.moveaxis(there, -1, 0)
            return
        for band, sample in self._bands:
            here[band] = there[..., sample]


def _is_known(array: NDArray[Any]) -> bool:
    """Are they bytes that lie as compiled code takes it?"""
    return array.dtype == _BYTES and array.flags.carray


def _place(tile: NDArray[Any], down: Part, across: Part) -> tuple[int, ...]:
    """Address and shape of the tile, what of it is copied, and where to."""
    rows, columns = down.here, across.here
    return (
        tile.__array_interface__["data"][0],
        tile.shape[0],
        tile.shape[1],
        down.there.start,
        across.there.start,
        rows.stop - rows.start,
        columns.stop - columns.start,
        rows.start,
        columns.start,
    )


@compiled
def _spread_colours(places: Any, out: Any) -> None:  # pragma: no cover - compiled
    for n in range(len(places)):
        address, height, width, top, left, rows, columns, at_y, at_x = places[n]
        tile = numba.carray(pointer(address), (height, width, 3))  # type: ignore[attr-defined]
        whole = columns // SIXTEEN * SIXTEEN
        for y in range(rows):
            line, to = tile[top + y, left:], out[:, at_y + y, at_x:]
            red, green, blue = to[0], to[1], to[2]
            for x in range(0, whole, SIXTEEN):
                laid_apart(line, red, green, blue, x)
            for x in range(whole, columns):
                red[x], green[x], blue[x] = line[x, 0], line[x, 1], line[x, 2]


def warm() -> None:
    """Compile, or load from disk, what pictures need."""
    whole = Part(slice(0, 1), slice(0, 1, 1))
    spreading = Spreading([(n, n) for n in range(3)], np.zeros((3, 1, 1), np.uint8))
    spreading.add(np.zeros((1, 1, 3), np.uint8), whole, whole)
    spreading.end()
