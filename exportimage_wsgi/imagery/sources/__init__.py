"""Rasters that can be served: files and URLs, variables of cubes, arrays in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

from ...errors import SourceError
from ...rasters import is_glob
from .source import Source

_SEVERAL = "here one raster is needed, and this may be several"


def open_source(
    what: Any,
    *,
    unscale: bool = False,
    nodata: float | None = None,
    band_names: Sequence[str] | None = None,
) -> Source:
    """Open a raster to serve it; this reads its description, but no pixel.

    Args:
        what: a path, a URL, `file#variable`, an `xarray.DataArray`, or a source, which is given
            back as it is.
        unscale: apply the scale and offset of the metadata; variables of NetCDF and Zarr always
            come so.
        nodata: replaces the declared no-data value.
        band_names: replace those of the raster.

    Raises:
        SourceError: there is no such raster, or it cannot be served.
        ValueError: `band_names` are not as many as the bands, or options come with a source.
        TypeError: it is none of those.
    """
    names = None if band_names is None else tuple(band_names)
    if isinstance(what, (str, os.PathLike)):
        return _open_path(os.fspath(what), unscale, nodata, names)
    if isinstance(what, (list, tuple, set, frozenset)):
        raise SourceError(_SEVERAL)
    if is_source(what):
        if unscale or nodata is not None or names is not None:
            raise ValueError("unscale, nodata and band_names are said when a source is opened")
        return cast(Source, what)
    if type(what).__module__.partition(".")[0] == "xarray":
        return _open_array(what, unscale, nodata, names)
    raise TypeError(f"a raster is a path, a URL or a DataArray, not a {type(what).__name__}")


def is_source(what: Any) -> bool:
    """Is this a source that is open already?"""
    return hasattr(what, "info") and hasattr(what, "read")


def _open_path(
    path: str, unscale: bool, nodata: float | None, names: tuple[str, ...] | None
) -> Source:
    from . import slices
    from .gdal import open_gdal

    if is_glob(path):
        raise SourceError(_SEVERAL)
    exists = os.path.exists(path)
    if slices.is_slice(path) and not (exists and "#" in path):
        return slices.open_slice(path, nodata=nodata, band_names=names)
    if exists and os.path.isdir(path) and _is_folder_of_rasters(path):
        raise SourceError(_SEVERAL)
    return open_gdal(path, unscale=unscale, nodata=nodata, band_names=names)


def _is_folder_of_rasters(path: str) -> bool:
    """Some formats are folders themselves (Esri grids have a header file)."""
    return not os.path.exists(os.path.join(path, "hdr.adf"))


def _open_array(
    array: Any, unscale: bool, nodata: float | None, names: tuple[str, ...] | None
) -> Source:
    import xarray

    from .array import open_array

    if not isinstance(array, xarray.DataArray):
        raise TypeError("of a Dataset, give the one variable that is to be served")
    return open_array(array, unscale=unscale, nodata=nodata, band_names=names)


def is_current(source: Source) -> bool:
    """Are the files of a source those that were opened? Looks at their times, reads nothing.

    Of URLs their servers are asked, now and then; arrays in memory are always current.
    """
    from .gdal import GdalSource, source_version

    known = source.info.version
    try:
        if isinstance(source, GdalSource):
            return source_version(source.path, source.stored.files, known) == known
        from .slices import SliceSource, store_version

        if isinstance(source, SliceSource):
            return store_version(source.path, source.variable) == known.partition("#")[0]
    except SourceError:
        return False
    return True


def version_of(raster: str) -> str:
    """What changes when the raster at an address does; nothing for URLs, which would be asked.

    Raises:
        SourceError: it is missing or cannot be reached.
    """
    from .slices import is_slice, slice_version
    from .versions import checked_version, is_remote

    if is_remote(raster):
        return ""
    if is_slice(raster) and not ("#" in raster and os.path.exists(raster)):
        return slice_version(raster)
    return checked_version(raster)


def address_of(source: Source) -> Any:
    """What opens the source again; an array in memory is its own address."""
    from .slices import SliceSource

    if not isinstance(source, SliceSource):
        return getattr(source, "path", source)
    chosen = "&".join(f"{dimension}={index}" for dimension, index in source.selection)
    return f"{source.path}#{source.variable}{'?' if chosen else ''}{chosen}"
