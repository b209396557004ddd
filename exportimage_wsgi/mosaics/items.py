"""What is known of an item of a mosaic before it stands in the table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..geo.crs import CRS
from ..pixels import Palette, PixelType

Attribute = str | int | float | dt.datetime | dt.date | None
"""A value of an attribute as it was found; its column's type is decided for all items at once."""

_NONE: Mapping[str, Attribute] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelPlace:
    """Where a raster's middle pixel lies, in its own reference."""

    x: float

    y: float

    across: tuple[float, float]
    """One column further: x, y."""

    down: tuple[float, float]
    """One row further: x, y."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a raster is, and where; of a STAC item without its being opened."""

    crs: CRS
    """Of the raster."""

    outline: bytes
    """WKB of a polygon, in `outline_crs`; empty where no pixel is valid."""

    outline_crs: CRS
    """The raster's own, but WGS 84 where a table of items says the outline."""

    pixel: PixelPlace

    pixel_type: PixelType | None = None
    """`None`: not known."""

    bands: int | None = None
    """`None`: not known."""

    band_names: tuple[str, ...] | None = None

    nodata: tuple[float | None, ...] | None = None
    """One a band; `None`: not known."""

    palette: Palette | None = None

    is_rgb: bool = False

    tags: Mapping[str, Attribute] = field(default_factory=lambda: _NONE)
    """Metadata of the file that become attributes, by column."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A raster that belongs to a mosaic; nothing was read for it yet."""

    raster: Any
    """Address, or a source that is open already."""

    name: str
    """Of the file, without its ending, or of the STAC item."""

    place: str
    """Path below the folder, or below the fixed part of the glob; what a pattern is searched in."""

    attributes: Mapping[str, Attribute] = field(default_factory=lambda: _NONE)
    """By column, from a table of items."""

    known: Description | None = None
    """Where the table says enough for the raster to stay closed."""

    outline: bytes | None = None
    """WKB of the footprint that the table says, in `outline_crs`."""

    seamline: bytes | None = None
    """WKB of the seamline that the table says, in `outline_crs`."""

    outline_crs: CRS | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MosaicItem:
    """A raster, what it is, and its version when that was found."""

    found: Found

    description: Description

    version: str
    """Of a local file; nothing of others."""
