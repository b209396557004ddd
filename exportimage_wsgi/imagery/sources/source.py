"""What a raster must say of itself and do, to be served: the seam of all sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...geo.grid import Grid, Window
from ...pixels import Palette, Pixels, PixelType, Statistics
from ...words import counted

GroundPoint = tuple[float, float, float, float]
"""A ground control point: column, row (of pixel corners), x, y."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution at which a raster can be read."""

    shape_yx: tuple[int, int]
    """Rows, columns at this level."""

    scale_yx: tuple[float, float]
    """Rows and columns of the full resolution that one pixel of this level covers."""

    overview: int = -1
    """Index of the overview that holds it; -1 is the full resolution."""

    step: int = 1
    """Above 1: no overview holds it, each `step`-th pixel of `overview` is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known of a raster without reading its pixels."""

    grid: Grid
    """Full resolution; the affine may be rotated or south-up. With `ground_points` only its
    CRS and shape have a meaning."""

    ground_points: tuple[GroundPoint, ...] = ()
    """Where the raster is placed by points instead of the affine."""

    pixel_type: PixelType
    """Type of the values that `read` gives (after scale and offset, where they are applied)."""

    band_names: tuple[str, ...]
    """One a band; a band that is alpha isn't counted."""

    nodata: tuple[float | None, ...]
    """Declared no-data value of each band."""

    masked: bool
    """May any pixel inside be invalid (no-data value, mask, alpha, NaN in a float type)?"""

    levels: tuple[Level, ...]
    """From the full resolution to the coarsest; steps after overviews."""

    palette: Palette | None = None
    """Colours of the indices of a raster of one band."""

    statistics: tuple[Statistics, ...] | None = None
    """One a band, where the raster carries them itself."""

    is_rgb: bool = False
    """Are the first three bands marked red, green and blue?"""

    format: str = "MEM"
    """Short name of the format, as GDAL calls it (GTiff, netCDF, …)."""

    compression: str = "None"
    """Name of the compression, or None."""

    block_shape_yx: tuple[int, int] = (256, 256)
    """Rows, columns of the blocks that it is stored in."""

    bytes_uncompressed: int = 0
    """Size of the full resolution without compression."""

    version: str
    """Changes whenever the raster does (path, inode, size, time; or a token of the array)."""

    @property
    def band_count(self) -> int:
        return len(self.band_names)

    def base_yx(self, level: Level) -> tuple[int, int]:
        """Shape of the overview, or full resolution, that holds a level."""
        same = (each for each in self.levels if each.overview == level.overview)
        return next(each.shape_yx for each in same if each.step == 1)


def check_band_names(given: tuple[str, ...] | None, bands: int, name: str) -> None:
    """Names that are given in place of a raster's own must be as many as its bands.

    Raises:
        ValueError: they are not.
    """
    if given is not None and len(given) != bands:
        said, there = counted(len(given), "band name"), counted(bands, "band")
        raise ValueError(f"{said} for {there} of {name}")


class Source(Protocol):
    """A raster that can be read by level and window. Hashable, picklable; holds no open file."""

    @property
    def info(self) -> SourceInfo:
        """What is known without reading pixels; found once, when the source is opened."""
        ...

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        """Read a window of one level; this does the I/O.

        Args:
            level: index in `info.levels`.
            window: inside the level's shape, at least one pixel.
            bands: from 0, in the order wanted; may repeat.

        Returns:
            Values in `info.pixel_type` and their validity, which is `(1, y, x)` where all bands
            share a mask and `(band, y, x)` where a no-data value or NaN decides by band.

        Raises:
            SourceError: the raster is missing, was replaced since it was opened, or a block of
                it cannot be read.
        """
        ...
