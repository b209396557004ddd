"""File formats: pieces of pixels become the bytes of a file. `FORMATS` is their table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .format import Format
from .png import PngFormat

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "png": PngFormat(),
        "png24": PngFormat(rgb=True, binary=True),
        "png32": PngFormat(rgb=True, alpha=True),
    }
)
