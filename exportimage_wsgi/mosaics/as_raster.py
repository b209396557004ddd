"""What a mosaic is as one raster: its grid, type and bands."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from affine import Affine

from ..errors import SourceError
from ..geo.grid import Grid
from ..imagery.sources.opened import open_kept
from ..imagery.sources.source import Level, Source, SourceInfo
from ..pixels import PixelType, Statistics
from ..words import counted
from .settings import MosaicSettings
from .table import ItemTable
from .together import Together

_LARGEST_SHAPE = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How rasters are opened, single ones as well."""

    unscale: bool = False

    nodata: float | None = None

    band_names: tuple[str, ...] | None = None


def info_of(
    table: ItemTable,
    made: Together,
    settings: MosaicSettings,
    options: Options,
    statistics: tuple[Statistics, ...] | None = None,
) -> SourceInfo:
    """The mosaic as if it were one raster; opens one item if nothing tells its type and bands.

    Raises:
        SourceError: no pixel size is known, or that item cannot be opened.
        ValueError: `band_names` are not as many as the bands.
    """
    if made.pixel_type is None or made.bands is None:
        made = _learned(table, made, options)
    pixel_type, bands = made.pixel_type, made.bands
    assert pixel_type is not None and bands is not None
    grid = _grid(table, settings)
    rows, columns = grid.shape_yx
    return SourceInfo(
        grid=grid,
        pixel_type=pixel_type,
        band_names=_band_names(made, bands, options.band_names),
        nodata=_nodata(made, pixel_type, bands, options.nodata),
        masked=True,
        levels=(Level(shape_yx=grid.shape_yx, scale_yx=(1.0, 1.0)),),
        palette=made.palette if pixel_type is PixelType.U8 or pixel_type.bits < 8 else None,
        statistics=statistics if statistics and len(statistics) == bands else None,
        is_rgb=made.is_rgb,
        format="AMD",
        bytes_uncompressed=-(-rows * columns * bands * pixel_type.bits // 8),
        version=_version(table, settings, options),
    )


def _learned(table: ItemTable, made: Together, options: Options) -> Together:
    """With what the first item tells that can be opened, where nothing else does."""
    source = _first(table, options)
    info = source.info
    bands = made.bands or info.band_count
    alike = info.band_count == bands
    return Together(
        pixel_type=made.pixel_type or info.pixel_type,
        bands=bands,
        band_names=made.band_names or (info.band_names if alike else None),
        nodata=made.nodata or (info.nodata if alike else None),
        palette=made.palette or (info.palette if bands == 1 else None),
        is_rgb=made.is_rgb or (alike and info.is_rgb),
    )


def _first(table: ItemTable, options: Options) -> Source:
    raster = table.rasters[0] if table.rasters else table.value("source", 0)
    if not isinstance(raster, str):
        source: Source = raster
        return source
    return open_kept(raster, unscale=options.unscale, nodata=options.nodata)


def _grid(table: ItemTable, settings: MosaicSettings) -> Grid:
    """North-up, from the upper left corner of the box of all footprints."""
    size = settings.pixel_size or finest(table)
    low, high = table.bounds[:, :2].min(axis=0), table.bounds[:, 2:].max(axis=0)
    columns, rows = (max(1, math.ceil(side / size - 1e-6)) for side in high - low)
    if max(rows, columns) > _LARGEST_SHAPE:
        raise SourceError(f"pixel_size={size:g}: too small for the extent of the mosaic")
    affine = Affine(size, 0.0, float(low[0]), 0.0, -size, float(high[1]))
    return Grid(crs=table.crs, affine=affine, shape_yx=(rows, columns))


def finest(table: ItemTable) -> float:
    """The smallest pixel size of the items.

    Raises:
        SourceError: of no item it is known.
    """
    sizes = table.numbers("low_ps")
    known = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not len(known):
        raise SourceError("no item tells its pixel size: say it by mosaic.pixel_size")
    return float(known.min())


def _band_names(made: Together, bands: int, said: tuple[str, ...] | None) -> tuple[str, ...]:
    if said is not None and len(said) != bands:
        told = f"{counted(len(said), 'band name')} for {counted(bands, 'band')}"
        raise ValueError(f"{told} of the mosaic")
    if said is not None:
        return said
    known = made.band_names
    if known is not None and len(known) == bands:
        return known
    return tuple(f"Band_{band + 1}" for band in range(bands))


def _nodata(
    made: Together, pixel_type: PixelType, bands: int, said: float | None
) -> tuple[float | None, ...]:
    values = made.nodata if said is None else (said,) * bands
    if values is None or len(values) != bands:
        return (None,) * bands
    return tuple(
        value if value is not None and pixel_type.holds(value) else None for value in values
    )


def _version(table: ItemTable, settings: MosaicSettings, options: Options) -> str:
    facts = table.version, settings, options
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).hexdigest()
