"""How a picture is cut into strips, and how its bands are laid side by side."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..pixels import Pixels, Values
from ..woven import SIXTEEN, laid_together

STRIP_PIXELS = 1 << 20
"""Most pixels of a strip, unless a single row has more."""

STRIP_BYTES = 1 << 23
"""Most bytes of a strip's values, unless a single row has more."""

Bytes2D = NDArray[np.uint8]


def cut(
    shape_yx: tuple[int, int], *, pixel_bytes: int = 1, multiple: int = 1
) -> tuple[tuple[int, int], ...]:
    """Strips from the top to the bottom: (first row, row behind the last) of each.

    Args:
        shape_yx: of the picture.
        pixel_bytes: bytes that a pixel takes, all bands together.
        multiple: all strips but the last have a multiple of so many rows.
    """
    rows, columns = shape_yx
    most = min(STRIP_PIXELS, STRIP_BYTES // pixel_bytes) // columns
    step = max(most // multiple, 1) * multiple
    return _strips(rows, step)


# Each piece of a picture asks for them.
@lru_cache(maxsize=256)
def _strips(rows: int, step: int) -> tuple[tuple[int, int], ...]:
    return tuple((top, min(top + step, rows)) for top in range(0, rows, step))


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array as compiled code knows it: contiguous and writable. No copy if it is so."""
    return np.require(array, requirements=["C", "W"])


def interleaved(values: Values) -> NDArray[Any]:
    """`(y, x, band)` of `(band, y, x)`."""
    bands, rows, columns = values.shape
    if bands == 1:
        return values.reshape(rows, columns, 1)
    out = np.empty((rows, columns, bands), values.dtype)
    is_coloured = bands == 3 and values.dtype == np.uint8
    (_weave if is_coloured else _interleave)(plain(values), out)
    return out


def painted(pixels: Pixels, background: tuple[int, int, int], channels: int) -> Bytes2D:
    """`(y, x, channel)`: a picture on a ground that shows where it isn't opaque.

    Args:
        pixels: U8, one or three bands.
        background: red, green, blue; of one channel the red counts.
        channels: 1 or 3; a single band is repeated in all of them.
    """
    if pixels.is_certain and channels == len(pixels.values):
        return interleaved(pixels.values)
    out = np.empty((*pixels.shape_yx, channels), np.uint8)
    ground = np.array(background, np.uint8)
    _paint(plain(pixels.values), plain(pixels.alpha()), ground, out)
    return out


@compiled
def _paint(
    values: Any, alpha: Any, background: Any, out: Any
) -> None:  # pragma: no cover - compiled
    bands = values.shape[0]
    rows, columns, channels = out.shape
    for y in range(rows):
        for c in range(channels):
            band, ground = values[min(c, bands - 1), y], np.int32(background[c])
            for x in range(columns):
                share = np.int32(alpha[y, x])
                if share == 255:
                    out[y, x, c] = band[x]
                else:
                    mixed = np.int32(band[x]) * share + ground * (255 - share)
                    out[y, x, c] = (mixed + 127) // 255


@compiled
def _weave(values: Any, out: Any) -> None:  # pragma: no cover - compiled
    rows, columns, _ = out.shape
    whole = columns // SIXTEEN * SIXTEEN
    for y in range(rows):
        red, green, blue, line = values[0, y], values[1, y], values[2, y], out[y]
        for x in range(0, whole, SIXTEEN):
            laid_together(red, green, blue, line, x)
        for x in range(whole, columns):
            line[x, 0], line[x, 1], line[x, 2] = red[x], green[x], blue[x]


@compiled
def _interleave(values: Any, out: Any) -> None:  # pragma: no cover - compiled
    bands, rows, columns = values.shape
    for y in range(rows):
        for b in range(bands):
            band = values[b, y]
            for x in range(columns):
                out[y, x, b] = band[x]
