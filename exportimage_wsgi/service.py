"""Image services: a raster with a name and the settings that it is served by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from os import PathLike
from typing import Any

import numpy as np

from .errors import SourceError, shown
from .geo.crs import CRS
from .geo.extent import Extent, envelope_of_ring, ring
from .geo.grid import Grid
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
from .rasters import is_glob, stem


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

    tiles: bool = False
    """Say a scheme of tiles, so that some clients ask for them in place of pictures."""

    default_format: str = "png"
    """Of requests that don't say: `png` as 9.3, `jpgpng` as 10.0 and later."""

    mosaic: MosaicSettings = field(default_factory=MosaicSettings)
    """Of a service of several rasters."""

    def __post_init__(self) -> None:
        """Take names as TOML has them, and refuse what breaks a rule.

        Raises:
            ValueError: by the name of the setting.
        """
        if isinstance(self.resampling, str):
            names = {kernel.value: kernel for kernel in Interpolation}
            object.__setattr__(self, "resampling", names.get(self.resampling, self.resampling))
        for pair in ("max_image_size", "background", "band_names"):
            if isinstance(getattr(self, pair), list):
                object.__setattr__(self, pair, tuple(getattr(self, pair)))
        for name, (holds, rule) in _RULES.items():
            value = getattr(self, name)
            if not holds(value):
                raise ValueError(f"{name}={shown(repr(value))}: must be {rule}")

    def fitted(self, size_wh: tuple[int, int]) -> tuple[int, int]:
        """The size, or one of its shape that is no larger than a picture may be."""
        scale = min(
            1.0, *(most / size for most, size in zip(self.max_image_size, size_wh, strict=True))
        )
        width, height = (max(1, int(size * scale)) for size in size_wh)
        return width, height


def _is_count(value: Any, least: int = 1, most: float = float("inf")) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _are_counts(values: Any, number: int, least: int = 1, most: float = float("inf")) -> bool:
    fits = isinstance(values, tuple) and len(values) == number
    return fits and all(_is_count(value, least, most) for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "description": (lambda v: isinstance(v, str), "text"),
    "copyright": (lambda v: isinstance(v, str), "text"),
    "nodata": (lambda v: v is None or _is_number(v), "a number"),
    "band_names": (lambda v: v is None or _are_texts(v), "a list of names"),
    "resampling": (
        lambda v: v is None or isinstance(v, Interpolation),
        "nearest, bilinear, cubic or majority",
    ),
    "max_image_size": (lambda v: _are_counts(v, 2), "width and height, at least 1 each"),
    "max_image_bytes": (_is_count, "a whole number, at least 1"),
    "compression_quality": (lambda v: _is_count(v, 0, 100), "from 0 to 100"),
    "unscale": (lambda v: isinstance(v, bool), "True or False"),
    "background": (lambda v: _are_counts(v, 3, 0, 255), "red, green, blue, 0 to 255 each"),
    "lerc_nodata": (lambda v: v in ("mask", "fill"), "mask or fill"),
    "mosaic": (lambda v: isinstance(v, MosaicSettings), "MosaicSettings"),
    "tiles": (lambda v: isinstance(v, bool), "True or False"),
    "default_format": (lambda v: v in ("png", "jpgpng"), "png or jpgpng"),
}


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
            changes: single settings by name, e.g. `resampling="cubic"`.

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
    if isinstance(raster, (str, PathLike)) and is_glob(str(raster)):
        return stem(str(raster))
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
