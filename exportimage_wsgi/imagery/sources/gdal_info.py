"""What GDAL says of a raster, in our words; no pixel is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from ...errors import SourceError
from ...pixels import Palette, PixelType, Statistics, pixel_type_of
from ...words import counted
from .complaints import watched_opening
from .gdal_files import check_length, other_files
from .gdal_masks import Mask, mask_of, mask_overviews
from .gdal_place import placed, prj_file
from .handles import opened, opened_quietly
from .levels import with_steps
from .settings import opening
from .source import Level, SourceInfo
from .validity import held
from .versions import checked_version, display_name, is_remote

_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How the pixels lie in the file."""

    bands: tuple[int, ...]
    """GDAL's numbers, from 1, of the bands that aren't alpha."""

    dtypes: tuple[str, ...]
    """NumPy's name of the type of each of them."""

    dtype: str
    """NumPy's name of the type that holds them all."""

    alpha: int | None
    """GDAL's number of the band that is alpha."""

    alpha_dtype: str
    """NumPy's name of its type; that of the others where there is no alpha."""

    mask: Mask
    """Is there a mask, inside the file or beside it?"""

    nodata: tuple[float | None, ...]
    """Of each band, in stored numbers; only values that the type holds."""

    scaling: tuple[tuple[float, float], ...] | None
    """Scale and offset of each band, where they are to be applied."""

    files: tuple[str, ...]
    """The raster's other files, whose change is a change of the raster."""


def describe(
    path: str, unscale: bool, nodata: float | None, band_names: tuple[str, ...] | None
) -> tuple[Stored, SourceInfo]:
    """Open the raster and all its overviews once, and say what is in them.

    Raises:
        SourceError, ValueError: see `open_gdal`.
    """
    name, before = display_name(path), checked_version(path)
    with opening(path), watched_opening(path), opened_quietly(path) as dataset:
        _check_is_raster(dataset, name)
        stored = _stored(dataset, path, unscale, nodata)
        if band_names is not None and len(band_names) != len(stored.bands):
            said, there = counted(len(band_names), "band name"), counted(len(stored.bands), "band")
            raise ValueError(f"{said} for {there} of {name}")
        grid, ground_points = placed(dataset, path)
        check_length(dataset, path, _stored_bits(dataset, tuple(dataset.indexes)))
        tags = dataset.tags(ns="IMAGE_STRUCTURE")
        pixels = dataset.width * dataset.height
        info = SourceInfo(
            grid=grid,
            ground_points=ground_points,
            pixel_type=_pixel_type(dataset, stored),
            band_names=band_names or _band_names(dataset, stored),
            nodata=_delivered_nodata(stored),
            masked=_is_masked(stored),
            levels=_levels(dataset, path, stored),
            palette=_palette(dataset, stored),
            statistics=_statistics(dataset, stored) if nodata is None else None,
            is_rgb=_is_rgb(dataset, stored),
            format=dataset.driver,
            compression=tags.get("COMPRESSION", "None"),
            block_shape_yx=tuple(dataset.block_shapes[0]),
            bytes_uncompressed=-(-pixels * _stored_bits(dataset, stored.bands) // 8),
            version=_version(path, stored, dataset, (unscale, nodata)),
        )
    if checked_version(path) != before:
        raise SourceError(f"{name} was replaced while it was opened")
    return stored, info


def _check_is_raster(dataset: Any, name: str) -> None:
    if dataset.count:
        return
    variables = [text.rpartition(":")[2].strip('/"') for text in dataset.subdatasets]
    if variables:
        listed = ", ".join(f"{name}#{variable}" for variable in variables)
        raise SourceError(f"{name} holds several variables: choose one of {listed}")
    raise SourceError(f"{name} has no bands")


def _stored(dataset: Any, path: str, unscale: bool, nodata: float | None) -> Stored:
    meanings = dataset.colorinterp
    alphas = [i + 1 for i, meaning in enumerate(meanings) if meaning == ColorInterp.alpha]
    bands = tuple(i for i in dataset.indexes if i not in alphas)
    if not bands:
        bands, alphas = tuple(dataset.indexes), []
    dtypes = tuple(_dtype(dataset, band) for band in bands)
    dtype = np.result_type(*dtypes)
    bits = _marked_bits(dataset, bands)
    declared = [_declared(dataset, band) if nodata is None else nodata for band in bands]
    pairs = tuple((dataset.scales[band - 1], dataset.offsets[band - 1]) for band in bands)
    scaled = unscale and any(pair != (1.0, 0.0) for pair in pairs)
    return Stored(
        bands=bands,
        dtypes=tuple(each.name for each in dtypes),
        dtype=dtype.name,
        alpha=alphas[0] if alphas else None,
        alpha_dtype=_dtype(dataset, alphas[0]).name if alphas else dtype.name,
        mask=mask_of(dataset, bands),
        nodata=tuple(
            held(held(value, own, bits), dtype) for value, own in zip(declared, dtypes, strict=True)
        ),
        scaling=pairs if scaled else None,
        files=_files(dataset, path),
    )


def _dtype(dataset: Any, band: int) -> np.dtype[Any]:
    """NumPy's type for rasterio's name; integers in pairs are read as floats in pairs."""
    name = dataset.dtypes[band - 1]
    return np.dtype("complex64" if name.startswith("complex_") else name)


def _declared(dataset: Any, band: int) -> float | None:
    """The no-data value; rasterio leaves out that of the largest 64-bit integers."""
    value, dtype = dataset.nodatavals[band - 1], _dtype(dataset, band)
    flags = dataset.mask_flag_enums[band - 1]
    if value is None and dtype.itemsize == 8 and dtype.kind in "ui" and flags == [MaskFlags.nodata]:
        return float(np.iinfo(dtype).max)
    return None if value is None else float(value)


def _files(dataset: Any, path: str) -> tuple[str, ...]:
    beside = None if dataset.crs else prj_file(path)
    return other_files(dataset, path) + (() if beside is None else (str(beside),))


def _marked_bits(dataset: Any, bands: tuple[int, ...]) -> int | None:
    """1, 2 or 4 where that is all that the bytes of all bands use."""
    found = {
        (dataset.dtypes[band - 1], dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS"))
        for band in bands
    }
    dtype, bits = found.pop()
    return int(bits) if not found and dtype == "uint8" and bits in ("1", "2", "4") else None


def _pixel_type(dataset: Any, stored: Stored) -> PixelType:
    dtype = np.dtype(stored.dtype)
    if stored.scaling is None or dtype.kind == "c":
        return pixel_type_of(dtype, _marked_bits(dataset, stored.bands))
    small = dtype.kind in "ui" and dtype.itemsize <= 2
    return PixelType.F32 if small else PixelType.F64


def _stored_bits(dataset: Any, bands: tuple[int, ...]) -> int:
    """Bits of one pixel, all bands together."""
    marked = _marked_bits(dataset, bands)
    if marked is not None:
        return marked * len(bands)
    names = [dataset.dtypes[band - 1] for band in bands]
    return 8 * sum(4 if name == "complex_int16" else np.dtype(name).itemsize for name in names)


def _delivered_nodata(stored: Stored) -> tuple[float | None, ...]:
    if stored.scaling is not None:
        return (float("nan"),) * len(stored.bands)
    return tuple(None if value is None else float(value) for value in stored.nodata)


def _is_masked(stored: Stored) -> bool:
    return (
        stored.mask is not Mask.NONE
        or stored.alpha is not None
        or np.dtype(stored.dtype).kind in "fc"
        or any(value is not None for value in stored.nodata)
    )


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
