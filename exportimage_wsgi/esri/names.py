"""Names: Esri's words for our values, and the other spellings that clients send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from ..pixels import Interpolation, NoDataMatch, PixelType

Value = TypeVar("Value")

FORMATS = (
    "jpgpng", "png", "png8", "png24", "png32", "jpg", "bmp", "gif", "tiff", "bip", "bsq", "lerc",
)  # fmt: skip
"""Formats of exportImage, as 9.3 to 11 name them."""

_FORMAT_SPELLINGS = {name: name for name in FORMATS} | {"jpeg": "jpg", "tif": "tiff"}

PIXEL_TYPES: Mapping[str, PixelType | None] = {
    "UNKNOWN": None,
    **{pixel_type.name: pixel_type for pixel_type in PixelType},
}
"""The fourteen codes; UNKNOWN leaves the type as it is."""

INTERPOLATIONS = {
    "RSP_BilinearInterpolation": Interpolation.BILINEAR,
    "RSP_CubicConvolution": Interpolation.CUBIC,
    "RSP_Majority": Interpolation.MAJORITY,
    "RSP_NearestNeighbor": Interpolation.NEAREST,
}
_INTERPOLATION_SPELLINGS = INTERPOLATIONS | {
    "RSP_Bilinear": Interpolation.BILINEAR,
    "RSP_Cubic": Interpolation.CUBIC,
    "RSP_Nearest": Interpolation.NEAREST,
}

NO_DATA_MATCHES = {
    "esriNoDataMatchAny": NoDataMatch.ANY,
    "esriNoDataMatchAll": NoDataMatch.ALL,
}

COMPRESSIONS = {
    "None": "none",
    "JPEG": "jpeg",
    "LZ77": "deflate",
    "Deflate": "deflate",
    "LZW": "lzw",
    "ZSTD": "zstd",
    "LERC": "lerc",
}
"""Of TIFF. Esri documents the first three; its LZ77 is TIFF's Deflate."""

_BOOLEANS = {"true": True, "false": False}


def format_name(text: str) -> str:
    """The format as `FORMATS` spells it.

    Raises:
        ValueError: it is none of them.
    """
    return _chosen(text, _FORMAT_SPELLINGS, FORMATS)


def pixel_type(text: str) -> PixelType | None:
    """The pixel type of a code; `None` of UNKNOWN.

    Raises:
        ValueError: it is none of the fourteen.
    """
    return _chosen(text, PIXEL_TYPES, PIXEL_TYPES)


def pixel_type_name(pixel_type: PixelType) -> str:
    """The code of a pixel type."""
    return pixel_type.name


def interpolation(text: str) -> Interpolation:
    """The kernel of a name. A plus sign before it is a blank that was encoded twice.

    Raises:
        ValueError: there is no such kernel.
    """
    return _chosen(text.lstrip("+ "), _INTERPOLATION_SPELLINGS, INTERPOLATIONS)


def no_data_match(text: str) -> NoDataMatch:
    """Raises: ValueError: it is neither Any nor All."""
    return _chosen(text, NO_DATA_MATCHES, NO_DATA_MATCHES)


def compression(text: str) -> str:
    """The name that our encoders know a compression of TIFF by.

    Raises:
        ValueError: there is no such compression.
    """
    return _chosen(text, COMPRESSIONS, COMPRESSIONS)


def boolean(text: str) -> bool:
    """Raises: ValueError: it is neither true nor false."""
    return _chosen(text, _BOOLEANS, _BOOLEANS)


def _chosen(text: str, known: Mapping[str, Value], listed: Iterable[str]) -> Value:
    """The value of a name in any letter case; ASCII alone has cases here."""
    wanted = text.lower() if text.isascii() else ""
    for name, value in known.items():
        if name.lower() == wanted:
            return value
    raise ValueError(f"must be one of {', '.join(listed)}")
