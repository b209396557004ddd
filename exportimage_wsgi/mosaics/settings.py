"""What the operator says of a mosaic; everything has a default."""

from __future__ import annotations

from dataclasses import dataclass

from ..esri.rules import MosaicMethod
from ..pixels import MosaicOperation, PixelType


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicSettings:
    """How items are found and described, and how they are laid over each other by default."""

    index: str | None = None
    """Path of the GeoParquet file that `exportimage-wsgi index` writes; in memory without it."""

    pattern: str | None = None
    """Regular expression searched in file names; its named groups become attributes."""

    table: str | None = None
    """Path of a CSV or (Geo)Parquet table with more attributes, joined by `name`."""

    seamlines: str | None = None
    """Path of a GeoJSON or GeoParquet file of polygons, joined by `name`."""

    tags: tuple[str, ...] = ()
    """Names of metadata tags of the files that become attributes."""

    types: tuple[tuple[str, str], ...] = ()
    """Attribute → `text`, `integer`, `number` or `date`, where that isn't to be guessed."""

    time: tuple[str, ...] = ()
    """Attributes of the instant, or of the start and the end, of an item."""

    asset: str | None = None
    """Of STAC items: the asset that is served; by default the one with the role `data`."""

    footprints: str = "outline"
    """`outline`: of the valid pixels, where there are others; `box`: of the raster."""

    crs: int | None = None
    """Number of the service's spatial reference; by default the one that most items have."""

    pixel_size: float | None = None
    """Of the service, in units of its reference; by default the finest of the items."""

    pixel_type: PixelType | None = None
    """Of the service; by default the smallest type that holds those of all items."""

    bands: int | None = None
    """Of the service; by default as many as most items have."""

    method: MosaicMethod = MosaicMethod.NONE
    """Of requests that don't say."""

    operation: MosaicOperation = MosaicOperation.FIRST
    """Of requests that don't say."""

    sort_field: str | None = None
    """Of the method Attribute."""

    sort_value: float | str | None = None
    """Of the method Attribute; the nearest to it lies on top."""

    ascending: bool = True

    max_images: int = 1000
    """Items in one picture (`maxMosaicImageCount`)."""

    blend_width: float = 50.0
    """Pixels of the service within which MT_BLEND fades."""

    on_failure: str = "fail"
    """`fail`: an item that cannot be read fails the export; `skip`: it is left out, and told."""
