"""Image services: a raster with a name and the settings that it is served by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np

from .geo.crs import CRS
from .geo.extent import Extent, envelope_of_ring, ring
from .geo.grid import Grid
from .geo.mesh import pixels_to_points
from .imagery.sources import open_source
from .imagery.sources.source import Source, SourceInfo
from .imagery.statistics import kept_statistics
from .pixels import Interpolation, Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What the operator says of a service; everything has a default."""

    description: str = ""

    copyright: str = ""

    nodata: float | None = None
    """In place of the no-data value that the raster declares."""

    band_names: tuple[str, ...] | None = None

    resampling: Interpolation | None = None
    """Of requests that don't say; `None`: nearest for palettes and bits, else bilinear."""

    max_image_size: tuple[int, int] = (15000, 4100)
    """Width, height of the largest picture."""

    max_image_bytes: int = 1 << 32
    """Of the pixels of the largest picture, all bands together and not compressed."""

    compression_quality: int = 75
    """Of JPEG where a request doesn't say."""

    unscale: bool = False
    """Apply scale and offset that a GeoTIFF carries."""

    background: tuple[int, int, int] = (255, 255, 255)
    """Colour of no data in JPEG and BMP."""

    lerc_nodata: str = "mask"
    """`mask` or `fill`: how LERC tells which pixels are no data."""

    default_format: str = "png"
    """Of requests that don't say: `png` as 9.3, `jpgpng` as 10.0 and later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageService:
    """A raster as it is served. A value: it holds no open file, and can be sent to a worker."""

    name: str
    """With its folder: `Folder/name`."""

    source: Source

    settings: ServiceSettings = field(default_factory=ServiceSettings)

    @classmethod
    def open(
        cls,
        raster: Any,
        *,
        name: str | None = None,
        settings: ServiceSettings | None = None,
        **changes: Any,
    ) -> ImageService:
        """Open a raster to serve it. This reads its description, but no pixel.

        Args:
            raster: path of a file that GDAL reads, `cube.nc#variable`, `store.zarr#variable`, a
                URL, or an `xarray.DataArray` with a spatial reference (`.rio`).
            name: of the service; the file's stem if not given.
            settings: all settings at once.
            changes: single settings by name, e.g. `resampling=Interpolation.CUBIC`.

        Raises:
            SourceError: the raster is missing, cannot be read or isn't georeferenced.
        """
        chosen = replace(settings or ServiceSettings(), **changes)
        source = open_source(
            raster, unscale=chosen.unscale, nodata=chosen.nodata, band_names=chosen.band_names
        )
        return cls(name=name or _name_of(raster), source=source, settings=chosen)

    @property
    def info(self) -> SourceInfo:
        return self.source.info

    @property
    def crs(self) -> CRS:
        """The service's own spatial reference."""
        return self.info.grid.crs

    @property
    def extent(self) -> Extent:
        """The box around the raster in its own reference."""
        return _extent(self.info)

    @property
    def pixel_size_xy(self) -> tuple[float, float]:
        """Width and height of a pixel in CRS units, for a raster by points on the average."""
        if not self.info.ground_points:
            return self.info.grid.pixel_size_xy
        rows, columns = self.info.grid.shape_yx
        return self.extent.width / columns, self.extent.height / rows

    @property
    def interpolation(self) -> Interpolation:
        """Of requests that don't say."""
        if self.settings.resampling is not None:
            return self.settings.resampling
        thematic = self.info.palette is not None or self.info.pixel_type.bits < 8
        return Interpolation.NEAREST if thematic else Interpolation.BILINEAR

    @property
    def statistics(self) -> tuple[Statistics, ...] | None:
        """One a band, or `None` if no pixel is valid. Computed on first use, then kept."""
        return kept_statistics(self.source)

    @property
    def max_image_size(self) -> tuple[int, int]:
        """Width, height."""
        return self.settings.max_image_size


def _name_of(raster: Any) -> str:
    if isinstance(raster, (str, PathLike)):
        text = str(raster).partition("?")[0].rstrip("/")
        path, _, variable = text.partition("#")
        return variable or path.replace("\\", "/").rpartition("/")[2].partition(".")[0] or "image"
    return str(getattr(raster, "name", None) or "image")


@lru_cache(maxsize=1024)
def _extent(info: SourceInfo) -> Extent:
    if not info.ground_points:
        return info.grid.extent
    rows, columns = info.grid.shape_yx
    box = Extent(xmin=0, ymin=0, xmax=columns, ymax=rows, crs=info.grid.crs)
    xs, ys = pixels_to_points(info.ground_points, *ring(box, 22))
    return envelope_of_ring(np.asarray(xs), np.asarray(ys), info.grid.crs)


def full_grid(service: ImageService) -> Grid:
    """A north-up grid over the whole service at its own pixel size."""
    extent, (across, down) = service.extent, service.pixel_size_xy
    size = max(1, round(extent.width / across)), max(1, round(extent.height / down))
    return Grid.over(extent, size)
