"""What GDAL says of a raster, in our words; no pixel is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from rasterio.enums import ColorInterp

from ...errors import SourceError
from ...pixels import Palette, Statistics
from .complaints import watched_opening
from .gdal_files import check_length
from .gdal_masks import Mask, mask_overviews
from .gdal_place import placed
from .gdal_stored import Stored, bits_per_pixel, delivered_type, stored_of
from .handles import opened, opened_quietly, pool
from .levels import with_steps
from .settings import opening
from .source import Level, SourceInfo, check_band_names
from .versions import checked_version, display_name, is_remote

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_T = TypeVar("_T")


def describe(
    path: str, unscale: bool, nodata: float | None, band_names: tuple[str, ...] | None
) -> tuple[Stored, SourceInfo]:
    """Open the raster and all its overviews once, and say what is in them.

    Raises:
        SourceError, ValueError: see `open_gdal`.
    """
    name, before = display_name(path), checked_version(path)
    pool.end_others(path, before)
    with opening(path), watched_opening(path), opened_quietly(path) as dataset:
        _check_is_raster(dataset, name)
        stored = stored_of(dataset, path, unscale, nodata)
        check_band_names(band_names, len(stored.bands), name)
        info = _info(dataset, path, stored, (unscale, nodata), band_names)
    if checked_version(path) != before:
        raise SourceError(f"{name} was replaced while it was opened")
    return stored, info


def _info(
    dataset: Any,
    path: str,
    stored: Stored,
    options: tuple[bool, float | None],
    band_names: tuple[str, ...] | None,
) -> SourceInfo:
    """What is in the raster, opened with the options `unscale` and `nodata`."""
    _, nodata = options
    grid, ground_points = placed(dataset, path)
    check_length(dataset, path, bits_per_pixel(dataset, tuple(dataset.indexes)))
    pixels = dataset.width * dataset.height
    return SourceInfo(
        grid=grid,
        ground_points=ground_points,
        pixel_type=delivered_type(dataset, stored),
        band_names=band_names or _band_names(dataset, stored),
        nodata=stored.delivered_nodata,
        masked=stored.is_masked,
        levels=_levels(dataset, path, stored),
        palette=_palette(dataset, stored),
        statistics=_statistics(dataset, stored) if nodata is None else None,
        is_rgb=_is_rgb(dataset, stored),
        format=dataset.driver,
        compression=dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "None"),
        block_shape_yx=tuple(dataset.block_shapes[0]),
        bytes_uncompressed=-(-pixels * bits_per_pixel(dataset, stored.bands) // 8),
        version=_version(path, stored, dataset, options),
    )


def _check_is_raster(dataset: Any, name: str) -> None:
    if dataset.count:
        return
    variables = [text.rpartition(":")[2].strip('/"') for text in dataset.subdatasets]
    if variables:
        listed = ", ".join(f"{name}#{variable}" for variable in variables)
        raise SourceError(f"{name} holds several variables: choose one of {listed}")
    raise SourceError(f"{name} has no bands")


def _levels(dataset: Any, path: str, stored: Stored) -> tuple[Level, ...]:
    full = Level(shape_yx=dataset.shape, scale_yx=(1.0, 1.0))
    levels, first = [full], stored.bands[0]
    factors = dataset.overviews(first)
    masked = set(factors)
    if factors and stored.mask is not Mask.NONE:
        masked = set.intersection(*(mask_overviews(dataset, path, b) for b in _masks(stored)))
    for index, factor in enumerate(factors):
        with opened(path, f"{index}only") as overview:
            if factor in masked and _is_usable(overview, dataset):
                rows, columns = overview.shape
                scale = (full.shape_yx[0] / rows, full.shape_yx[1] / columns)
                levels.append(Level(shape_yx=(rows, columns), scale_yx=scale, overview=index))
    levels.sort(key=lambda level: -level.shape_yx[0] * level.shape_yx[1])
    return with_steps(tuple(levels))


def _masks(stored: Stored) -> tuple[int, ...]:
    """The bands whose masks must have overviews."""
    return stored.bands if stored.mask is Mask.BY_BAND else stored.bands[:1]


def _is_usable(overview: Any, dataset: Any) -> bool:
    """Is it smaller, and does it have the same bands, types and kind of mask?"""
    smaller = overview.height <= dataset.height and overview.width <= dataset.width
    alike = (
        overview.dtypes == dataset.dtypes and overview.mask_flag_enums == dataset.mask_flag_enums
    )
    return bool(smaller and overview.shape != dataset.shape and alike)


def _band_names(dataset: Any, stored: Stored) -> tuple[str, ...]:
    plain = ("Red", "Green", "Blue") if _is_rgb(dataset, stored) else ()
    described = _readable(lambda: dataset.descriptions, (None,) * dataset.count)
    names = []
    for place, band in enumerate(stored.bands):
        usual = plain[place] if place < len(plain) else f"Band_{place + 1}"
        names.append(described[band - 1] or usual)
    return tuple(names)


def _readable(read: Callable[[], _T], instead: _T) -> _T:
    """What is read, or something else where its text is no UTF-8."""
    try:
        return read()
    except UnicodeDecodeError:
        return instead


def _is_rgb(dataset: Any, stored: Stored) -> bool:
    return tuple(dataset.colorinterp[band - 1] for band in stored.bands[:3]) == _RGB


def _palette(dataset: Any, stored: Stored) -> Palette | None:
    """The colours of the only band; larger tables than a byte can point into are ignored."""
    is_indexed = dataset.colorinterp[stored.bands[0] - 1] == ColorInterp.palette
    if len(stored.bands) > 1 or not is_indexed or stored.dtype != "uint8" or stored.scaling:
        return None
    colours = dataset.colormap(stored.bands[0])
    count = max(colours) + 1
    return tuple(colours.get(index, (0, 0, 0, 0)) for index in range(min(count, 256)))


def _statistics(dataset: Any, stored: Stored) -> tuple[Statistics, ...] | None:
    """Those of the metadata, if every band has all four."""
    if np.dtype(stored.dtype).kind == "c":
        return None
    nothing: list[dict[str, str]] = [{}]
    tags = _readable(lambda: [dataset.tags(band) for band in stored.bands], nothing)
    found = [_statistics_of_band(each) for each in tags]
    known = tuple(each for each in found if each is not None)
    if len(known) < len(found):
        return None
    return known if stored.scaling is None else tuple(map(_scaled, known, stored.scaling))


def _statistics_of_band(tags: dict[str, str]) -> Statistics | None:
    keys = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")
    try:
        low, high, mean, deviation = (float(tags[f"STATISTICS_{key}"]) for key in keys)
    except (KeyError, ValueError):
        return None
    if not np.isfinite([low, high, mean, deviation]).all() or low > high or deviation < 0:
        return None
    return Statistics(minimum=low, maximum=high, mean=mean, deviation=deviation)


def _scaled(statistics: Statistics, scaling: tuple[float, float]) -> Statistics:
    scale, offset = scaling
    ends = (statistics.minimum * scale + offset, statistics.maximum * scale + offset)
    return Statistics(
        minimum=min(ends),
        maximum=max(ends),
        mean=statistics.mean * scale + offset,
        deviation=statistics.deviation * abs(scale),
    )


def _version(path: str, stored: Stored, dataset: Any, options: tuple[Any, ...]) -> str:
    """The file's version, a colon, and what was asked of it."""
    facts = (
        (options, dataset.shape, dataset.dtypes, dataset.overviews(1))
        if is_remote(path)
        else options
    )
    asked = hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()
    place = checked_version(path, stored.files)
    return f"{place}:{asked}"
