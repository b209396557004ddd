"""File formats: pieces of pixels become the bytes of a file. `FORMATS` is their table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .bmp import BmpFormat
from .format import Format
from .indexed import GifFormat, Png8Format
from .jpeg import JpegFormat
from .lerc import LercFormat
from .png import PngFormat
from .raw import RawFormat
from .tiff import TiffFormat

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "png": PngFormat(),
        "png8": Png8Format(),
        "png24": PngFormat(rgb=True, binary=True),
        "png32": PngFormat(rgb=True, alpha=True),
        "jpg": JpegFormat(),
        "bmp": BmpFormat(),
        "gif": GifFormat(),
        "tiff": TiffFormat(),
        "bip": RawFormat(by_pixel=True),
        "bsq": RawFormat(by_pixel=False),
        "lerc": LercFormat(),
    }
)
"""By the name that a request gives; `jpgpng` is one of two of these, decided by the pixels."""
