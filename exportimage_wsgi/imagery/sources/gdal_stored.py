"""How pixels lie in a file, as GDAL says: their bands and types, and what marks no data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from ...errors import SourceError
from ...pixels import PixelType, pixel_type_of
from .gdal_files import other_files
from .gdal_masks import Mask, mask_of
from .gdal_place import prj_file
from .validity import held
from .versions import State, display_name, is_address, state_of


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

    state: State | None
    """Of the file that was looked at; `None` where it isn't one of this machine by itself."""

    files: tuple[str, ...]
    """The raster's other files, whose change is a change of the raster."""

    @property
    def delivered_nodata(self) -> tuple[float | None, ...]:
        """Of each band, in the numbers that are delivered: where these are scaled, NaN."""
        if self.scaling is not None:
            return (float("nan"),) * len(self.bands)
        return tuple(None if value is None else float(value) for value in self.nodata)

    @property
    def is_masked(self) -> bool:
        """May a pixel inside of the raster be no data?"""
        return (
            self.mask is not Mask.NONE
            or self.alpha is not None
            or np.dtype(self.dtype).kind in "fc"
            or any(value is not None for value in self.nodata)
        )


def stored_of(dataset: Any, path: str, unscale: bool, nodata: float | None) -> Stored:
    """How the pixels of an open dataset lie; `nodata`, where given, replaces what it declares."""
    meanings = dataset.colorinterp
    alphas = [i + 1 for i, meaning in enumerate(meanings) if meaning == ColorInterp.alpha]
    bands = tuple(i for i in dataset.indexes if i not in alphas)
    if not bands:
        bands, alphas = tuple(dataset.indexes), []
    dtypes = tuple(_dtype(dataset, band) for band in bands)
    dtype = np.result_type(*dtypes)
    bits, files = _marked_bits(dataset, bands), _files(dataset, path)
    declared = _declared(dataset, bands) if nodata is None else [nodata] * len(bands)
    pairs = tuple((dataset.scales[band - 1], dataset.offsets[band - 1]) for band in bands)
    scaled = unscale and any(pair != (1.0, 0.0) for pair in pairs)
    return Stored(
        bands=bands,
        dtypes=tuple(each.name for each in dtypes),
        dtype=dtype.name,
        alpha=alphas[0] if alphas else None,
        alpha_dtype=_dtype(dataset, alphas[0]).name if alphas else dtype.name,
        mask=_mask(dataset, path, bands),
        nodata=tuple(
            held(held(value, own, bits), dtype) for value, own in zip(declared, dtypes, strict=True)
        ),
        scaling=pairs if scaled else None,
        state=None if is_address(path) else state_of(path),
        files=files,
    )


def _dtype(dataset: Any, band: int) -> np.dtype[Any]:
    """NumPy's type for rasterio's name; integers in pairs are read as floats in pairs."""
    name = dataset.dtypes[band - 1]
    return np.dtype("complex64" if name.startswith("complex_") else name)


def _declared(dataset: Any, bands: tuple[int, ...]) -> list[float | None]:
    """The no-data values; rasterio leaves out that of the largest 64-bit integers."""
    values, flags = dataset.nodatavals, dataset.mask_flag_enums  # made anew at each look
    found: list[float | None] = []
    for band in bands:
        value, dtype = values[band - 1], _dtype(dataset, band)
        is_long = dtype.itemsize == 8 and dtype.kind in "ui"
        if value is None and is_long and flags[band - 1] == [MaskFlags.nodata]:
            value = np.iinfo(dtype).max
        found.append(None if value is None else float(value))
    return found


def _files(dataset: Any, path: str) -> tuple[str, ...]:
    beside = None if dataset.crs else prj_file(path)
    return other_files(dataset, path) + (() if beside is None else (str(beside),))


def _mask(dataset: Any, path: str, bands: tuple[int, ...]) -> Mask:
    """GDAL passes over a file of masks that is damaged, or that no more files may be open for."""
    found = mask_of(dataset, bands)
    if found is Mask.NONE and not is_address(path) and os.path.exists(f"{path}.msk"):
        raise SourceError(f"{display_name(path)} is damaged: its .msk file cannot be read")
    return found


def _marked_bits(dataset: Any, bands: tuple[int, ...]) -> int | None:
    """1, 2 or 4 where that is all that the bytes of all bands use."""
    found = {
        (dataset.dtypes[band - 1], dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS"))
        for band in bands
    }
    dtype, bits = found.pop()
    return int(bits) if not found and dtype == "uint8" and bits in ("1", "2", "4") else None


def delivered_type(dataset: Any, stored: Stored) -> PixelType:
    """The type of values as they are delivered: of scaled ones, a float that holds them."""
    dtype = np.dtype(stored.dtype)
    if stored.scaling is None or dtype.kind == "c":
        return pixel_type_of(dtype, _marked_bits(dataset, stored.bands))
    small = dtype.kind in "ui" and dtype.itemsize <= 2
    return PixelType.F32 if small else PixelType.F64


def bits_per_pixel(dataset: Any, bands: tuple[int, ...]) -> int:
    """Bits of one pixel, all bands together."""
    marked = _marked_bits(dataset, bands)
    if marked is not None:
        return marked * len(bands)
    names = [dataset.dtypes[band - 1] for band in bands]
    return 8 * sum(4 if name == "complex_int16" else np.dtype(name).itemsize for name in names)
