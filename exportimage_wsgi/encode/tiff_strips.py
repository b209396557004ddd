"""Packing a strip of a TIFF in each of the compressions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from ..pixels import PixelType
from .format import Bytes, Compression
from .jpeg import encoded
from .lerc import CODEC_VERSION, blob, telling_blob

CODES = {
    Compression.NONE: 1,
    Compression.LZW: 5,
    Compression.JPEG: 7,
    Compression.DEFLATE: 8,
    Compression.LERC: 34887,
    Compression.ZSTD: 50000,
}
"""Numbers of the compressions in a TIFF."""

LERC_PARAMETERS = 50674, "I", (CODEC_VERSION, 0)
"""Tag that LERC needs: the version, and that nothing else packs its blobs."""

JPEG_ROWS = 16
"""A JPEG strip has a multiple of so many rows, the last one excepted."""

_DEFLATE_LEVEL = 2
_ZSTD_LEVEL = 3

Packer = Callable[[NDArray[Any]], Bytes]
"""Makes a strip's bytes of its values `(y, x, band)`, contiguous and little-endian."""


def packer(
    compression: Compression,
    pixel_type: PixelType,
    quality: int,
    tolerance: float,
    fill: float | None,
) -> Packer:
    """How strips are packed; `fill` says no data, so no loss may touch it."""
    if compression is Compression.JPEG:
        return partial(encoded, quality=quality)
    if compression is Compression.LERC:
        return partial(_lerc, tolerance=tolerance, fill=fill)
    return partial(_packed, compression=compression, bits=pixel_type.bits)


def _packed(values: NDArray[Any], compression: Compression, bits: int) -> Bytes:
    data: Bytes = bit_rows(values, bits) if bits < 8 else values.reshape(-1).view(np.uint8)
    if compression is Compression.DEFLATE:
        return bytes(isal_zlib.compress(data, _DEFLATE_LEVEL))
    if compression is Compression.LZW:
        from imagecodecs import lzw_encode

        return bytes(lzw_encode(data))
    if compression is Compression.ZSTD:
        from imagecodecs import zstd_encode

        return bytes(zstd_encode(data, _ZSTD_LEVEL))
    return data


def bit_rows(values: NDArray[Any], bits: int) -> bytes:
    """`(y, x, band)` of 1, 2 or 4 bits a sample, the first in the highest bits.

    Every row ends on a byte.
    """
    lines = values.reshape(len(values), -1)
    each = np.unpackbits(lines[:, :, None], axis=2)[:, :, -bits:]
    return np.packbits(each.reshape(len(lines), -1), axis=1).tobytes()


def _lerc(values: NDArray[Any], tolerance: float, fill: float | None) -> bytes:
    """One blob, in which a pixel has all bands."""
    shaped = values[:, :, 0] if values.shape[2] == 1 else values
    if fill is None:
        return blob(shaped, None, tolerance)
    return telling_blob(shaped, tolerance, fill)
