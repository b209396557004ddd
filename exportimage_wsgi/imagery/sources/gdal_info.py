"""What GDAL says of a raster, in our words; no pixel is read."""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning

from ...errors import SourceError, UnknownCRSError
from ...geo.crs import CRS, crs_from_wkt
from ...geo.grid import Grid
from ...pixels import Palette, PixelType, Statistics, pixel_type_of
from .handles import checked_version, display_name, is_remote, opened, settings, watched_opening
from .levels import with_steps
from .source import GroundPoint, Level, SourceInfo
from .validity import held

_MOST_FILES = 16
_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
# Python's filters for warnings belong to the process, not to the thread.
_warnings_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How the pixels lie in the file."""

    bands: tuple[int, ...]
    """GDAL's numbers, from 1, of the bands that aren't alpha."""

    alpha: int | None
    """GDAL's number of the band that is alpha."""

    has_mask: bool
    """Is there a mask of all bands, inside the file or beside it?"""

    dtype: str
    """NumPy's name of the type of the stored numbers."""

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
    with settings(path), watched_opening(path), _opened_quietly(path) as dataset:
        _check_is_raster(dataset, name)
        stored = _stored(dataset, path, unscale, nodata)
        levels = _levels(dataset, path, stored)
        grid, ground_points = _placed(dataset, name)
        if band_names is not None and len(band_names) != len(stored.bands):
            raise ValueError(
                f"{len(band_names)} band names for {len(stored.bands)} bands of {name}"
            )
        pixel_type = _pixel_type(dataset, stored)
        tags = dataset.tags(ns="IMAGE_STRUCTURE")
        info = SourceInfo(
            grid=grid,
            ground_points=ground_points,
            pixel_type=pixel_type,
            band_names=band_names or _band_names(dataset, stored),
            nodata=_delivered_nodata(stored),
            masked=_is_masked(stored),
            levels=levels,
            palette=_palette(dataset, stored),
            statistics=_statistics(dataset, stored) if nodata is None else None,
            is_rgb=_is_rgb(dataset, stored),
            format=dataset.driver,
            compression=tags.get("COMPRESSION", "None"),
            block_shape_yx=tuple(dataset.block_shapes[0]),
            bytes_uncompressed=-(
                -dataset.width * dataset.height * _stored_bits(dataset, stored) // 8
            ),
            version=_version(path, stored, dataset, (unscale, nodata)),
        )
    if checked_version(path) != before:
        raise SourceError(f"{name} was replaced while it was opened")
    return stored, info


def _opened_quietly(path: str) -> Any:
    """The dataset; that it isn't placed is told by an error of ours, not by a warning."""
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return opened(path, None)


def _check_is_raster(dataset: Any, name: str) -> None:
    if dataset.count:
        return
    variables = [text.rpartition(":")[2].strip('/"') for text in dataset.subdatasets]
    if variables:
        listed = ", ".join(f"{name}#{variable}" for variable in variables)
        raise SourceError(f"{name} holds several variables: choose one of {listed}")
    raise SourceError(f"{name} has no bands")


def _stored(dataset: Any, path: str, unscale: bool, nodata: float | None) -> Stored:
    meanings, flags = dataset.colorinterp, dataset.mask_flag_enums[0]
    alphas = [i + 1 for i, meaning in enumerate(meanings) if meaning == ColorInterp.alpha]
    bands = tuple(i for i in dataset.indexes if i not in alphas)
    if not bands:
        bands, alphas = tuple(dataset.indexes), []
    dtype = np.result_type(*(_dtype(dataset.dtypes[band - 1]) for band in bands))
    declared = [dataset.nodatavals[band - 1] if nodata is None else nodata for band in bands]
    bits = _marked_bits(dataset, bands, dtype)
    pairs = tuple((dataset.scales[band - 1], dataset.offsets[band - 1]) for band in bands)
    scaled = unscale and any(pair != (1.0, 0.0) for pair in pairs)
    return Stored(
        bands=bands,
        alpha=alphas[0] if alphas else None,
        has_mask=not alphas and MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
        dtype=dtype.name,
        nodata=tuple(held(value, dtype, bits) for value in declared),
        scaling=pairs if scaled else None,
        files=_other_files(dataset, path),
    )


def _dtype(name: str) -> np.dtype[Any]:
    """NumPy's type for rasterio's name; integers in pairs are read as floats in pairs."""
    return np.dtype("complex64" if name.startswith("complex_") else name)


def _marked_bits(dataset: Any, bands: tuple[int, ...], dtype: np.dtype[Any]) -> int | None:
    """1, 2 or 4 where that is all that the bytes of all bands use."""
    found = {dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS") for band in bands}
    bits = found.pop() if len(found) == 1 else None
    return int(bits) if dtype == np.uint8 and bits in ("1", "2", "4") else None


def _other_files(dataset: Any, path: str) -> tuple[str, ...]:
    """Files whose change must be noticed; of a list that is too long, none."""
    if is_remote(path):
        return ()
    others = tuple(sorted({os.path.abspath(file) for file in dataset.files} - {path}))
    return others if len(others) <= _MOST_FILES else ()


def _pixel_type(dataset: Any, stored: Stored) -> PixelType:
    dtype = np.dtype(stored.dtype)
    if stored.scaling is None or dtype.kind == "c":
        return pixel_type_of(dtype, _marked_bits(dataset, stored.bands, dtype))
    small = dtype.kind in "ui" and dtype.itemsize <= 2
    return PixelType.F32 if small else PixelType.F64


def _stored_bits(dataset: Any, stored: Stored) -> int:
    """Bits of one pixel, all bands together."""
    dtype = np.dtype(stored.dtype)
    bits = _marked_bits(dataset, stored.bands, dtype) or dtype.itemsize * 8
    return int(bits) * len(stored.bands)


def _delivered_nodata(stored: Stored) -> tuple[float | None, ...]:
    if stored.scaling is not None:
        return (float("nan"),) * len(stored.bands)
    return tuple(None if value is None else float(value) for value in stored.nodata)


def _is_masked(stored: Stored) -> bool:
    return (
        stored.has_mask
        or stored.alpha is not None
        or np.dtype(stored.dtype).kind in "fc"
        or any(value is not None for value in stored.nodata)
    )


def _levels(dataset: Any, path: str, stored: Stored) -> tuple[Level, ...]:
    full = Level(shape_yx=dataset.shape, scale_yx=(1.0, 1.0))
    levels = [full]
    for index in range(len(dataset.overviews(stored.bands[0]))):
        with opened(path, f"{index}only") as overview:
            if _is_usable(overview, dataset):
                rows, columns = overview.shape
                scale = (full.shape_yx[0] / rows, full.shape_yx[1] / columns)
                levels.append(Level(shape_yx=(rows, columns), scale_yx=scale, overview=index))
    levels.sort(key=lambda level: -level.shape_yx[0] * level.shape_yx[1])
    return with_steps(tuple(levels))


def _is_usable(overview: Any, dataset: Any) -> bool:
    """Is it smaller, and does it have the same bands, types and kind of mask?"""
    smaller = overview.height <= dataset.height and overview.width <= dataset.width
    alike = (
        overview.dtypes == dataset.dtypes and overview.mask_flag_enums == dataset.mask_flag_enums
    )
    return bool(smaller and overview.shape != dataset.shape and alike)


def _placed(dataset: Any, name: str) -> tuple[Grid, tuple[GroundPoint, ...]]:
    points, points_crs = dataset.gcps
    by_points = dataset.transform == Affine.identity() and bool(points)
    if dataset.transform == Affine.identity() and not points:
        more = "only rational polynomials (RPC)" if dataset.rpcs else "no geotransform"
        raise SourceError(f"{name} is not placed on the earth: it has {more}")
    if dataset.transform.determinant == 0:
        raise SourceError(f"{name} is not placed on the earth: its geotransform has no area")
    crs = _crs(points_crs if by_points else dataset.crs, name)
    affine = Affine.identity() if by_points else Affine(*dataset.transform[:6])
    ground = tuple((p.col, p.row, p.x, p.y) for p in points) if by_points else ()
    return Grid(crs=crs, affine=affine, shape_yx=dataset.shape), ground


def _crs(crs: Any, name: str) -> CRS:
    if not crs:
        raise SourceError(f"{name} has no spatial reference; write one into it, with gdal_edit")
    try:
        return crs_from_wkt(crs.to_wkt(version="WKT2_2019"))
    except (UnknownCRSError, CRSError) as error:
        raise SourceError(f"{name} has a spatial reference that is not understood") from error


def _band_names(dataset: Any, stored: Stored) -> tuple[str, ...]:
    plain = ("Red", "Green", "Blue") if _is_rgb(dataset, stored) else ()
    names = []
    for place, band in enumerate(stored.bands):
        usual = plain[place] if place < len(plain) else f"Band_{place + 1}"
        names.append(dataset.descriptions[band - 1] or usual)
    return tuple(names)


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
    found = [_statistics_of_band(dataset.tags(band)) for band in stored.bands]
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
    if is_remote(path):
        place = hashlib.blake2b(place.encode(), digest_size=16).hexdigest()
    return f"{place}:{asked}"
