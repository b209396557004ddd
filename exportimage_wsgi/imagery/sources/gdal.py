"""Rasters that GDAL reads: GeoTIFF and COG first, and any other format by the same door."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags

from ...errors import SourceError
from ...geo.grid import Window
from ...pixels import Pixels, Validity, Values
from .complaints import watched_reading
from .gdal_info import describe
from .gdal_masks import Mask, as_alpha
from .gdal_stored import Stored
from .handles import pool
from .levels import Ranges, assembled
from .source import Level, SourceInfo
from .tiled import forget, read_tiles
from .validity import scaled, validity
from .versions import check_allowed, checked_version, display_name, is_address, replaced

_Read = tuple[Values, NDArray[np.uint8] | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GdalSource:
    """A raster file or URL; opened again, from a pool, in the task that reads it."""

    path: str
    """Absolute path of a file or folder, a URL, or a `/vsi` path."""

    stored: Stored
    """How to get at its pixels."""

    info: SourceInfo
    """What was found when it was opened."""

    def __eq__(self, other: object) -> bool:
        # By version: a no-data value of NaN would make a copy unequal.
        if not isinstance(other, GdalSource):
            return NotImplemented
        return (self.path, self.info.version) == (other.path, other.info.version)

    def __hash__(self) -> int:
        return hash((self.path, self.info.version))

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        """Read a window of one level; see `Source.read`."""
        try:
            values, shared = self._read(self.info.levels[level], window, bands)
        except Exception:
            self._check_version()  # A file that is another one now is best called so.
            raise
        self._check_version()
        valid = validity(values, tuple(self.stored.nodata[band] for band in bands), shared)
        return Pixels(values=self._delivered(values, valid, bands), valid=valid)

    def _read(self, level: Level, window: Window, bands: tuple[int, ...]) -> _Read:
        read = self._tiles(level, window, bands)
        if read is not None:
            return read
        handle = pool.handle(self.path, self.info.version, overview_option(level))
        with handle as dataset, watched_reading(self.path):
            return self._stored_pixels(dataset, level, window, bands)

    def _check_version(self) -> None:
        """Look again only after reading: what was read until then of another file is forgotten."""
        try:
            found = source_version(self.path, self.stored.files, self.info.version)
            if found != self.info.version:
                raise replaced(self.path)
        except SourceError:
            pool.close(self.path)
            forget(self.path)
            raise

    def _tiles(self, level: Level, window: Window, bands: tuple[int, ...]) -> _Read | None:
        """As `_stored_pixels`, without GDAL; `None` of a raster that needs it."""
        stored = self.stored
        if self.info.format != "GTiff" or stored.mask is not Mask.NONE or stored.state is None:
            return None
        if stored.alpha_dtype != stored.dtype:
            return None
        alphas = [] if stored.alpha is None else [stored.alpha]
        numbers = [stored.bands[band] for band in bands] + alphas
        base_yx = self.info.base_yx(level)
        both = read_tiles(
            self.path, stored.state, self.info.version, level, base_yx, window, numbers,
            stored.dtype,
        )  # fmt: skip
        if both is None:
            return None
        return both[: len(bands)], as_alpha(both[len(bands) :]) if alphas else None

    def _stored_pixels(
        self, dataset: Any, level: Level, window: Window, bands: tuple[int, ...]
    ) -> _Read:
        """The stored numbers `(band, y, x)`, and mask and alpha `(1 or band, y, x)` as one."""
        stored, count = self.stored, len(bands)
        indexes = [stored.bands[band] for band in bands]
        alphas = [] if stored.alpha is None else [stored.alpha]
        if stored.alpha_dtype == stored.dtype:
            both = _values(dataset, level, window, indexes + alphas, stored.dtype)
            values, alpha = both[:count], both[count:]
        else:
            values = _values(dataset, level, window, indexes, stored.dtype)
            alpha = _values(dataset, level, window, alphas, stored.alpha_dtype)
        shared = as_alpha(alpha) if alphas else None
        if stored.mask is not Mask.NONE:
            masked = indexes if stored.mask is Mask.BY_BAND else indexes[:1]
            self._check_mask(dataset, masked)
            mask = _masks(dataset, level, window, masked)
            shared = mask if shared is None else np.minimum(shared, mask)
        return values, shared

    def _check_mask(self, dataset: Any, indexes: list[int]) -> None:
        """A mask beside the raster may not have been opened with it; GDAL then calls all valid."""
        flags = dataset.mask_flag_enums
        if self.stored.mask is Mask.SHARED and MaskFlags.all_valid in flags[indexes[0] - 1]:
            raise SourceError(f"{display_name(self.path)} is damaged: its mask cannot be read")

    def _delivered(self, values: Values, valid: Validity, bands: tuple[int, ...]) -> Values:
        """The stored numbers in the type of `info`, scaled where they are to be."""
        dtype = self.info.pixel_type.dtype
        if self.stored.scaling is None:
            return values.astype(dtype, copy=False)
        pairs = tuple(self.stored.scaling[band] for band in bands)
        return scaled(values, valid, pairs, dtype)


def _values(
    dataset: Any, level: Level, window: Window, indexes: list[int], dtype: str
) -> NDArray[Any]:
    """`(band, y, x)`: bands by GDAL's numbers, in one type."""
    kinds = {dataset.dtypes[index - 1] for index in indexes}

    def read(where: Ranges, shape_yx: tuple[int, int]) -> NDArray[Any]:
        if len(kinds) > 1:  # rasterio reads such bands one by one only.
            shape = (1, *shape_yx)
            parts = [
                dataset.read([index], window=where, out_shape=shape, out_dtype=dtype)
                for index in indexes
            ]
            return np.concatenate(parts)
        shape = (len(indexes), *shape_yx)
        return np.asarray(dataset.read(indexes, window=where, out_shape=shape, out_dtype=dtype))

    return assembled(read, level, window, (dataset.height, dataset.width))


def _masks(dataset: Any, level: Level, window: Window, indexes: list[int]) -> NDArray[np.uint8]:
    """`(band, y, x)`: the masks of bands by GDAL's numbers."""

    def read(where: Ranges, shape_yx: tuple[int, int]) -> NDArray[Any]:
        shape = (len(indexes), *shape_yx)
        return np.asarray(dataset.read_masks(indexes, window=where, out_shape=shape))

    return assembled(read, level, window, (dataset.height, dataset.width))


def open_gdal(
    path: str | os.PathLike[str],
    *,
    unscale: bool = False,
    nodata: float | None = None,
    band_names: tuple[str, ...] | None = None,
) -> GdalSource:
    """Describe a raster without reading its pixels.

    Args:
        path: an existing file or folder, a URL (http, https, s3, gs, az) or a `/vsi` path. It is
            never taken for one of GDAL's connection strings.
        unscale: apply the scale and offset of the metadata. Values are floats then, no-data
            pixels NaN. Otherwise the stored numbers are served.
        nodata: replaces the declared no-data value of all bands; in stored numbers.
        band_names: replace those of the raster.

    Raises:
        SourceError: the raster is missing, damaged, lies nowhere on the earth, or is a container
            of several variables.
        ValueError: `band_names` are not as many as the bands.
    """
    where = _checked_path(os.fspath(path))
    stored, info = describe(where, unscale, nodata, band_names)
    return GdalSource(path=where, stored=stored, info=info)


def _checked_path(path: str) -> str:
    if is_address(path):
        return path
    if "://" in path:
        raise SourceError(f"{path.partition('://')[0]}:// is not a kind of address that is read")
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise SourceError(f"{Path(path).name} is no file")
    check_allowed(path)
    if not os.path.exists(path):
        raise SourceError(f"{Path(path).name} is missing")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise SourceError(f"{Path(path).name!a} cannot be opened: its name is not UTF-8") from None
    return os.path.abspath(path)


def source_version(path: str, files: tuple[str, ...], known: str) -> str:
    """The version now, with what follows the colon of the known one: the options."""
    return f"{checked_version(path, files)}:{known.partition(':')[2]}"


def overview_option(level: Level) -> str | None:
    """What GDAL's `OVERVIEW_LEVEL` must be, for reads of this level to touch no other level."""
    if level.overview >= 0:
        return f"{level.overview}only"
    return "NONE" if level.step > 1 else None
