"""Image services: a raster with a name and the settings that it is served by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from os import PathLike, fspath
from typing import Any

import numpy as np

from .errors import SourceError
from .geo.crs import CRS
from .geo.extent import Extent, envelope_of_ring, ring
from .geo.placement import pixels_to_points
from .imagery.sources import address_of, is_current, open_source
from .imagery.sources.source import Source, SourceInfo
from .imagery.statistics import kept_statistics
from .mosaics.dataset import MosaicDataset
from .mosaics.opening import is_mosaic, is_mosaic_current, open_mosaic
from .mosaics.settings import MosaicSettings
from .mosaics.state import postpone
from .mosaics.statistics import passing_statistics
from .pixels import Interpolation, Statistics
from .rasters import stem
from .settings import ServiceSettings


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ImageService:
    """A raster as it is served. A value: it holds no open file, and can be sent to a worker."""

    name: str
    """With its folder: `Folder/name`."""

    source: Source | MosaicDataset

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
        """Open a raster, or a mosaic of several, to serve it.

        This reads the description of a raster, but no pixel; of the rasters of a mosaic that have
        no-data values, masks or alpha also those, coarsely, for their outlines.

        Args:
            raster: path of a file that GDAL reads, `cube.nc#variable`, `store.zarr#variable`, a
                URL, or an `xarray.DataArray` with a spatial reference (`.rio`). For a mosaic: a
                folder, a glob, a table of items (CSV, Parquet), a STAC document, or a list of any
                of these.
            name: of the service; the file's stem if not given.
            settings: all settings at once.
            changes: single settings by name: `resampling="cubic"`, `nodata=0`, `band_names`,
                `max_image_size` and what else `exportimage_wsgi.settings.ServiceSettings` has;
                of a mosaic `mosaic`, an `exportimage_wsgi.mosaics.settings.MosaicSettings`.

        Raises:
            SourceError: the raster is missing, cannot be read or isn't georeferenced.
            ValueError: a setting breaks its rule.
        """
        chosen = replace(settings or ServiceSettings(), **changes)
        several = partial(open_mosaic, settings=chosen.mosaic)
        opened: Callable[..., Source | MosaicDataset] = (
            several if _is_several(raster, chosen) else open_source
        )
        source = opened(
            raster, unscale=chosen.unscale, nodata=chosen.nodata, band_names=chosen.band_names
        )
        return cls(name=name or _name_of(raster), source=source, settings=chosen)

    def __repr__(self) -> str:
        info = self.info
        rows, columns = info.grid.shape_yx
        return (
            f"<ImageService {self.name}: {columns} x {rows} pixels, "
            f"{info.band_count} x {info.pixel_type.name}, {str(self.crs)[:30]}>"
        )

    @property
    def info(self) -> SourceInfo:
        return self.source.info

    @property
    def is_mosaic(self) -> bool:
        """Is it made of several rasters?"""
        return isinstance(self.source, MosaicDataset)

    @property
    def is_current(self) -> bool:
        """Are its files those that were opened? Reads nothing; those of a mosaic are looked at
        every few seconds only."""
        if isinstance(self.source, MosaicDataset):
            return is_mosaic_current(self.source)
        return is_current(self.source)

    def look_later(self) -> None:
        """Count as current for some seconds, though its files have changed."""
        if isinstance(self.source, MosaicDataset):
            postpone(self.info.version)

    @property
    def address(self) -> Any:
        """What opens it again; an array in memory is its own address."""
        if isinstance(self.source, MosaicDataset):
            return self.source.address
        return address_of(self.source)

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
    def shape_yx(self) -> tuple[int, int]:
        """Rows and columns of the extent at that pixel size."""
        extent, (across, down) = self.extent, self.pixel_size_xy
        return max(1, round(extent.height / down)), max(1, round(extent.width / across))

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
        if isinstance(self.source, MosaicDataset):
            return passing_statistics(self.source)
        return kept_statistics(self.source)

    @property
    def told_statistics(self) -> tuple[Statistics, ...]:
        """The same for who describes the service: nothing of a mosaic of which no item can be
        read, which is no reason not to describe it."""
        try:
            return self.statistics or ()
        except SourceError:
            if not self.is_mosaic:
                raise
            return ()

    @property
    def max_image_size(self) -> tuple[int, int]:
        """Width, height."""
        return self.settings.max_image_size


def _is_several(raster: Any, settings: ServiceSettings) -> bool:
    """Is it a mosaic? One raster is, too, where something is said of it as a mosaic."""
    return is_mosaic(raster) or settings.mosaic != MosaicSettings()


def _name_of(raster: Any) -> str:
    if isinstance(raster, (list, tuple)):
        return _name_of(raster[0]) if raster else "image"
    if isinstance(raster, (str, PathLike)):
        return stem(fspath(raster)) or "image"
    return str(getattr(raster, "name", None) or "image")


@lru_cache(maxsize=1024)
def _extent(info: SourceInfo) -> Extent:
    if not info.ground_points:
        return info.grid.extent
    rows, columns = info.grid.shape_yx
    box = Extent(xmin=0, ymin=0, xmax=columns, ymax=rows, crs=info.grid.crs)
    xs, ys = pixels_to_points(info.ground_points, *ring(box, 22))
    return envelope_of_ring(np.asarray(xs), np.asarray(ys), info.grid.crs)
