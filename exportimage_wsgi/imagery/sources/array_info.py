"""What a labelled array says of itself: which dimension is which, where it lies, its type."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import rioxarray  # noqa: F401  (registers the accessor .rio)
import xarray
from affine import Affine
from rasterio.errors import CRSError
from rioxarray.exceptions import RioXarrayError

from ...errors import SourceError, UnknownCRSError
from ...geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ...geo.grid import Grid
from ...pixels import PixelType, pixel_type_of
from .levels import with_steps
from .source import Level, SourceInfo, check_band_names
from .validity import held

BAND_DIMENSIONS = ("band", "bands", "channel", "channels", "wavelength")
_SPATIAL_NAMES = (("lat", "lon"), ("Y", "X"), ("northing", "easting"))
_KILOMETRES = ("km", "kilometre", "kilometres", "kilometer", "kilometers")
_RADIANS = ("rad", "radian", "radians")
_LATITUDES, _LONGITUDES = ("lat", "latitude"), ("lon", "long", "longitude")
_NORTH, _EAST = ("degrees_north", "degree_north"), ("degrees_east", "degree_east")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Which dimension is which."""

    y: Hashable

    x: Hashable

    band: Hashable | None

    dropped: tuple[Hashable, ...]
    """Dimensions of one entry."""

    @property
    def dimensions(self) -> tuple[Hashable, ...]:
        """In the order of cubes: band, y, x."""
        return (self.y, self.x) if self.band is None else (self.band, self.y, self.x)


def axes_of(array: xarray.DataArray, name: str, advice: str) -> Axes:
    """Which dimension of the array is which.

    Args:
        array: of y and x, maybe bands, and any number of dimensions of one entry.
        name: what a message calls it.
        advice: how one entry of a dimension is chosen; `{0}` is the dimension's name.

    Raises:
        SourceError: there is no y or x, or a further dimension of more than one entry.
    """
    y, x = _spatial(array, name)
    others = [dimension for dimension in array.dims if dimension not in (y, x)]
    bands = [each for each in others if str(each).lower() in BAND_DIMENSIONS]
    band = bands[0] if bands else None
    rest = tuple(each for each in others if each != band)
    for each in rest:
        if array.sizes[each] != 1:
            entries = f"{name} has {array.sizes[each]} entries along {each}"
            raise SourceError(f"{entries}: choose one, {advice.format(each)}")
    if 0 in array.shape:
        raise SourceError(f"{name} is empty")
    return Axes(y=y, x=x, band=band, dropped=rest)


def spatial_dimensions(array: xarray.DataArray) -> tuple[Hashable, Hashable] | None:
    """The dimensions y and x, if the array has both."""
    try:
        return array.rio.y_dim, array.rio.x_dim
    except RioXarrayError:
        found = [pair for pair in _SPATIAL_NAMES if set(pair) <= set(array.dims)]
        return found[0] if found else None


def _spatial(array: xarray.DataArray, name: str) -> tuple[Hashable, Hashable]:
    found = spatial_dimensions(array)
    if found is None:
        listed = ", ".join(map(str, array.dims)) or "none"
        raise SourceError(f"{name} has no dimensions y and x (its dimensions: {listed})")
    return found


def describe_array(
    array: xarray.DataArray,
    axes: Axes,
    *,
    name: str,
    version: str,
    nodata: float | None,
    band_names: tuple[str, ...] | None,
    scaled: bool = False,
    format: str = "MEM",
) -> SourceInfo:
    """What is known of an array whose dimensions are those of `axes`; no value is computed.

    Raises:
        SourceError: it isn't placed on the earth or isn't of numbers.
        ValueError: `band_names` are not as many as the bands.
    """
    shape_yx = (array.sizes[axes.y], array.sizes[axes.x])
    names = _band_names(array, axes)
    check_band_names(band_names, len(names), name)
    dtype = array.dtype.newbyteorder("=")
    stored = held(None if nodata is None else float(nodata), dtype)
    shown = stored if not scaled else float("nan")
    crs = _crs(array, axes, name)
    grid = Grid(crs=crs, affine=_affine(array, axes, crs, name), shape_yx=shape_yx)
    pixel_type = _pixel_type(dtype, scaled, name)
    return SourceInfo(
        grid=grid,
        pixel_type=pixel_type,
        band_names=band_names or names,
        nodata=(None if shown is None else float(shown),) * len(names),
        masked=dtype.kind in "fc" or stored is not None or scaled,
        levels=with_steps((Level(shape_yx=shape_yx, scale_yx=(1.0, 1.0)),)),
        format=format,
        block_shape_yx=_block_shape(array, axes),
        bytes_uncompressed=int(array.size) * dtype.itemsize,
        version=version,
    )


def _pixel_type(dtype: np.dtype[Any], scaled: bool, name: str) -> PixelType:
    try:
        stored = pixel_type_of(dtype)
    except KeyError as error:
        raise SourceError(f"{name} holds values of type {dtype}, which are no pixels") from error
    if not scaled or stored.is_complex:
        return stored
    return PixelType.F32 if dtype.kind in "uib" and dtype.itemsize <= 2 else PixelType.F64


def _block_shape(array: xarray.DataArray, axes: Axes) -> tuple[int, int]:
    chunks = array.chunksizes
    sizes = [chunks[axis][0] if axis in chunks else array.sizes[axis] for axis in (axes.y, axes.x)]
    return int(sizes[0]), int(sizes[1])


def _band_names(array: xarray.DataArray, axes: Axes) -> tuple[str, ...]:
    """Names that the band coordinate or rioxarray's `long_name` gives, else Band_1, …"""
    if axes.band is None:
        return (str(array.name),) if array.name is not None else ("Band_1",)
    count = array.sizes[axes.band]
    labels = array.coords[axes.band].values if axes.band in array.coords else np.arange(count)
    if labels.dtype.kind in "UTO":
        return tuple(map(str, labels))
    long_name = array.attrs.get("long_name")
    if isinstance(long_name, (tuple, list)) and len(long_name) == count:
        return tuple(map(str, long_name))
    return tuple(f"Band_{place + 1}" for place in range(count))


def _crs(array: xarray.DataArray, axes: Axes, name: str) -> CRS:
    try:
        crs = array.rio.crs
        wkt = _wkt_of_gdal(array) if crs is None else crs.to_wkt(version="WKT2_2019")
        if wkt is not None:
            return crs_from_wkt(wkt)
    except (UnknownCRSError, CRSError, RioXarrayError) as error:
        raise SourceError(f"{name} has a spatial reference that is not understood") from error
    if _are_degrees(array, axes):
        return crs_from_wkid(4326)
    raise SourceError(f"{name} has no spatial reference; set one with .rio.write_crs")


def _wkt_of_gdal(array: xarray.DataArray) -> str | None:
    """The reference as GDAL writes it into a Zarr store."""
    found = array.attrs.get("_CRS")
    wkt = found.get("wkt") if isinstance(found, dict) else None
    return wkt if isinstance(wkt, str) else None


def _are_degrees(array: xarray.DataArray, axes: Axes) -> bool:
    """Do CF's standard names or units, or else their own names, say latitude and longitude?"""
    if axes.y not in array.coords or axes.x not in array.coords:
        return False
    y, x = array.coords[axes.y], array.coords[axes.x]
    if "units" not in y.attrs and "units" not in x.attrs:
        named = str(axes.y).lower() in _LATITUDES and str(axes.x).lower() in _LONGITUDES
        if named and abs(y).max() <= 90 and x.min() >= -180 and x.max() <= 360:
            return True
    return (y.attrs.get("standard_name") == "latitude" or y.attrs.get("units") in _NORTH) and (
        x.attrs.get("standard_name") == "longitude" or x.attrs.get("units") in _EAST
    )


def _affine(array: xarray.DataArray, axes: Axes, crs: CRS, name: str) -> Affine:
    """From the coordinates, or where there are none or one from the transform of rioxarray."""
    have = [axis in array.coords and array.sizes[axis] > 1 for axis in (axes.y, axes.x)]
    if all(have):
        top, down = _spacing(array, axes.y, crs, name)
        left, across = _spacing(array, axes.x, crs, name)
        return Affine(across, 0.0, left, 0.0, down, top)
    for axis, known in zip((axes.y, axes.x), have, strict=True):
        if known:
            _spacing(array, axis, crs, name)
    try:
        spatial = array.rio.set_spatial_dims(x_dim=axes.x, y_dim=axes.y)
        affine = Affine(*spatial.rio.transform()[:6])
    except RioXarrayError as error:
        raise SourceError(f"{name} is not placed on the earth: no size of a pixel") from error
    if affine == Affine.identity() or not np.isfinite(affine[:6]).all() or not affine.determinant:
        raise SourceError(f"{name} is not placed on the earth: it has no coordinates")
    return affine


def _spacing(array: xarray.DataArray, axis: Hashable, crs: CRS, name: str) -> tuple[float, float]:
    """Where the first pixel's outer edge lies, and the step from pixel to pixel."""
    coordinate = array.coords[axis]
    if coordinate.ndim != 1 or coordinate.dtype.kind not in "uif":
        raise SourceError(f"{name} has coordinates {axis} that are no numbers along one axis")
    places = coordinate.values.astype(np.float64) * _unit(coordinate, crs)
    count = len(places)
    step = (places[-1] - places[0]) / (count - 1)
    rounding = 4 * np.finfo(coordinate.dtype).eps if coordinate.dtype.kind == "f" else 0.0
    slack = 0.01 * abs(step) + rounding * float(np.abs(places).max())
    even = places[0] + step * np.arange(count)
    if not step or not np.isfinite(places).all() or np.abs(places - even).max() > slack:
        raise SourceError(f"{name} has coordinates {axis} that are not evenly spaced")
    return float(places[0] - step / 2), float(step)


def _unit(coordinate: xarray.DataArray, crs: CRS) -> float:
    """Metres of a unit of the coordinate, where it says so and the reference is in metres."""
    unit = str(coordinate.attrs.get("units", "")).strip().lower()
    if crs.is_geographic or crs.proj.axis_info[0].unit_conversion_factor != 1.0:
        return 1.0
    if unit in _KILOMETRES:
        return 1000.0
    if unit in _RADIANS:  # Of a geostationary satellite: seen from its height.
        return float(crs.proj.to_cf().get("perspective_point_height", 1.0))
    return 1.0


def declared_nodata(array: xarray.DataArray, name: str) -> float | None:
    """The no-data value that the array declares.

    Raises:
        SourceError: it is no number.
    """
    try:
        found = array.rio.nodata
    except (TypeError, ValueError, OverflowError):  # It may be an array of one number.
        found = np.asarray(array.attrs.get("_FillValue", array.attrs.get("missing_value")))
    try:
        return None if found is None else float(np.asarray(found).item())
    except (TypeError, ValueError) as error:
        raise SourceError(f"{name} declares a no-data value that is no number") from error
