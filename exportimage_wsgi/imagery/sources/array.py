"""Rasters in memory or in a dask graph: an `xarray.DataArray` with a place on the earth."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from dask.base import is_dask_collection, tokenize
from numpy.typing import NDArray

from ...errors import SourceError
from ...geo.grid import Window
from ...pixels import Pixels, Values
from .array_info import Axes, axes_of, declared_nodata, describe_array
from .levels import Ranges, assembled
from .source import Level, SourceInfo
from .validity import held, scaled, validity

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArraySource:
    """An array that is served as it was when it was opened; equal where its token is."""

    array: xarray.DataArray
    """Of the dimensions that `axes` names; values as stored."""

    axes: Axes
    """Which dimension is which."""

    nodata: float | None
    """In the numbers that the array holds; one for all bands."""

    scaling: tuple[float, float] | None
    """Scale and offset of the metadata, where they are to be applied."""

    info: SourceInfo
    """What was found when it was opened."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArraySource) and self.info.version == other.info.version

    def __hash__(self) -> int:
        return hash(self.info.version)

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        """Read a window of one level; see `Source.read`. Computes dask arrays in this thread."""
        chosen = self.info.levels[level]
        try:
            values = array_values(self.array, self.axes, chosen, window, bands)
        except Exception as error:  # Whatever made the array may raise anything.
            _log.warning("an array cannot be computed", exc_info=error)
            raise SourceError("the array cannot be computed") from error
        nodata = held(self.nodata, values.dtype)
        valid = validity(values, (nodata,) * len(bands))
        dtype = self.info.pixel_type.dtype
        if self.scaling is not None:
            values = scaled(values, valid, (self.scaling,) * len(bands), dtype)
        return Pixels(values=values.astype(dtype, copy=False), valid=valid)


def open_array(
    array: xarray.DataArray,
    *,
    unscale: bool = False,
    nodata: float | None = None,
    band_names: tuple[str, ...] | None = None,
) -> ArraySource:
    """Describe an array; none of its values is computed.

    Its dimensions are y and x, by any name that rioxarray knows (x, longitude, a CF axis or
    standard name) or `lat`, `lon`, and a dimension of bands if it has one: named band, bands,
    channel, channels or wavelength. Other dimensions of one entry are dropped. Coordinates are
    one-dimensional and evenly spaced, rising or falling; longitudes may run from 0 to 360.

    Args:
        array: the array; it must not be changed in place while it is served.
        unscale: apply `scale_factor` and `add_offset` of its attributes; no data is NaN then.
        nodata: replaces the declared no-data value, in the numbers that the array holds.
        band_names: replace those of the array.

    Raises:
        SourceError: it isn't placed on the earth, isn't of numbers, or has further dimensions.
        ValueError: `band_names` are not as many as the bands.
    """
    axes = axes_of(array, "the array", "select it with .isel({0}=0)")
    array = array.isel(dict.fromkeys(axes.dropped, 0), drop=True)
    scaling = _scaling(array) if unscale else None
    declared = declared_nodata(array, "the array") if nodata is None else float(nodata)
    options = (unscale, declared)
    info = describe_array(
        array,
        axes,
        name="the array",
        version=_token(array, options),
        nodata=declared,
        band_names=band_names,
        scaled=scaling is not None,
    )
    return ArraySource(array=array, axes=axes, nodata=declared, scaling=scaling, info=info)


def _token(array: xarray.DataArray, options: tuple[Any, ...]) -> str:
    """Equal for equal arrays; of one that is still to be loaded from its file it is the only."""
    if not is_dask_collection(array.variable) and not getattr(array.variable, "_in_memory", True):
        return uuid.uuid4().hex
    return str(tokenize(array.variable, dict(array.coords), array.dtype.str, options))


def _scaling(array: xarray.DataArray) -> tuple[float, float] | None:
    pair = (array.attrs.get("scale_factor", 1.0), array.attrs.get("add_offset", 0.0))
    try:
        scale, offset = (float(np.asarray(number).item()) for number in pair)
    except (TypeError, ValueError) as error:
        raise SourceError("scale_factor and add_offset of the array must be numbers") from error
    return None if (scale, offset) == (1.0, 0.0) else (scale, offset)


def array_values(
    array: xarray.DataArray, axes: Axes, level: Level, window: Window, bands: tuple[int, ...]
) -> Values:
    """`(band, y, x)`: the stored values of a window of a level, computed in this thread."""
    base = array.variable

    def read(where: Ranges, shape_yx: tuple[int, int]) -> NDArray[Any]:
        (top, bottom), (left, right) = where
        down, across = (bottom - top) // shape_yx[0], (right - left) // shape_yx[1]
        part = base.isel(
            {
                axes.y: slice(top + down // 2, bottom, down),
                axes.x: slice(left + across // 2, right, across),
            }
        )
        if axes.band is not None:
            part = part.isel({axes.band: list(bands)})
        return _computed(part.transpose(*axes.dimensions), len(bands))

    return assembled(read, level, window, (base.sizes[axes.y], base.sizes[axes.x]))


def _computed(part: xarray.Variable, bands: int) -> NDArray[Any]:
    data = part.data
    if is_dask_collection(data):
        data = data.compute(scheduler="synchronous")
    values = np.asarray(data)
    values = values.astype(values.dtype.newbyteorder("="), order="C", copy=False)
    return values if values.ndim == 3 else np.repeat(values[None], bands, axis=0)
