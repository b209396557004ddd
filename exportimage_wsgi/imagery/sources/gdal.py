"""Rasters that GDAL reads: GeoTIFF and COG first, and any other format by the same door."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from ...geo.grid import Window
from ...pixels import Pixels, Validity, Values
from .gdal_info import Stored, describe
from .handles import checked_version, display_name, is_remote, pool, watched_reading
from .levels import Ranges, assembled
from .source import Level, SourceInfo
from .validity import scaled, validity


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
        self._check_version()
        chosen = self.info.levels[level]
        with pool.handle(self.path, self.info.version, overview_option(chosen)) as dataset:
            with watched_reading(self.path):
                values, shared = self._stored_pixels(dataset, chosen, window, bands)
            self._check_version()
        valid = validity(values, tuple(self.stored.nodata[band] for band in bands), shared)
        return Pixels(values=self._delivered(values, valid, bands), valid=valid)

    def _check_version(self) -> None:
        try:
            found = source_version(self.path, self.stored.files, self.info.version)
        except SourceError:
            pool.close(self.path)
            raise
        if found != self.info.version:
            pool.close(self.path)
            raise SourceError(f"{display_name(self.path)} was replaced while it was served")

    def _stored_pixels(
        self, dataset: Any, level: Level, window: Window, bands: tuple[int, ...]
    ) -> tuple[Values, NDArray[np.uint8] | None]:
        """The stored numbers `(band, y, x)` and the mask or alpha `(1, y, x)` of all bands."""
        stored, base_yx = self.stored, (dataset.height, dataset.width)
        indexes = [stored.bands[band] for band in bands]
        if stored.alpha is not None:
            indexes.append(stored.alpha)

        def values_of(where: Ranges, shape_yx: tuple[int, int]) -> NDArray[Any]:
            shape = (len(indexes), *shape_yx)
            read = dataset.read(indexes, window=where, out_shape=shape, out_dtype=stored.dtype)
            return np.asarray(read)

        def mask_of(where: Ranges, shape_yx: tuple[int, int]) -> NDArray[Any]:
            return np.asarray(dataset.read_masks([1], window=where, out_shape=(1, *shape_yx)))

        values = assembled(values_of, level, window, base_yx)
        if stored.alpha is not None:
            return values[:-1], as_alpha(values[-1:])
        return values, assembled(mask_of, level, window, base_yx) if stored.has_mask else None

    def _delivered(self, values: Values, valid: Validity, bands: tuple[int, ...]) -> Values:
        """The stored numbers in the type of `info`, scaled where they are to be."""
        dtype = self.info.pixel_type.dtype
        if self.stored.scaling is None:
            return values.astype(dtype, copy=False)
        pairs = tuple(self.stored.scaling[band] for band in bands)
        return scaled(values, valid, pairs, dtype)


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
    if is_remote(path):
        return path
    if "://" in path:
        raise SourceError(f"{path.partition('://')[0]}:// is not a kind of address that is read")
    if not os.path.exists(path):
        raise SourceError(f"{Path(path).name} is missing")
    return os.path.abspath(path)


def source_version(path: str, files: tuple[str, ...], known: str) -> str:
    """The version now, with what follows the colon of the known one: the options."""
    if is_remote(path):
        return known
    return f"{checked_version(path, files)}:{known.partition(':')[2]}"


def overview_option(level: Level) -> str | None:
    """What GDAL's `OVERVIEW_LEVEL` must be, for reads of this level to touch no other level."""
    if level.overview >= 0:
        return f"{level.overview}only"
    return "NONE" if level.step > 1 else None


def as_alpha(values: Values) -> NDArray[np.uint8]:
    """Alpha of any type as 0 to 255; only what is 0 there is 0 here."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "ui":
        return np.where(values.real > 0, 255, 0).astype(np.uint8)
    share = np.maximum(values, 0) / np.iinfo(values.dtype).max
    return np.where(values > 0, np.maximum(np.rint(share * 255), 1), 0).astype(np.uint8)
