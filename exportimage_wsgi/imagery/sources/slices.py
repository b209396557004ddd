"""Variables of NetCDF files and Zarr stores, one slice of each."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import xarray

from ...errors import SourceError
from ...geo.grid import Window
from ...pixels import Pixels
from ...words import counted
from .array import array_values
from .array_info import Axes, axes_of, declared_nodata, describe_array, spatial_dimensions
from .datasets import FAULTS, datasets, is_zarr
from .source import SourceInfo
from .validity import held, validity
from .versions import check_allowed, checked_version, display_name, is_address

NETCDF_ENDINGS = (".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceSource:
    """A variable of two dimensions, or three with bands; its file is opened in the task."""

    path: str
    """Absolute path of the file or store, or a URL."""

    variable: str

    selection: tuple[tuple[str, int], ...]
    """Dimension and index of each entry that was chosen."""

    axes: Axes
    """Which dimension is which."""

    nodata: float | None
    """In decoded numbers, beside NaN."""

    info: SourceInfo
    """What was found when it was opened."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SliceSource) and self.info.version == other.info.version

    def __hash__(self) -> int:
        return hash(self.info.version)

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        """Read a window of one level; see `Source.read`."""
        name = display_name(self.path)
        version = self._current_version()
        try:
            with datasets.dataset(self.path, version) as dataset:
                array = _slice(dataset, self.variable, self.selection)
                array = array.isel(dict.fromkeys(self.axes.dropped, 0), drop=True)
                values = array_values(array, self.axes, self.info.levels[level], window, bands)
        except FAULTS as error:
            datasets.close(self.path)
            _log.warning("%s: %s", name, error)
            raise SourceError(f"{name} is damaged: {self.variable} cannot be read") from error
        self._current_version()
        nodata = held(self.nodata, values.dtype)
        valid = validity(values, (nodata,) * len(bands))
        return Pixels(values=values.astype(self.info.pixel_type.dtype, copy=False), valid=valid)

    def attributes(self) -> dict[str, object]:
        """What the file says of itself, and of the variable, which goes before; reads the file.

        Raises:
            SourceError: it is missing, damaged or was replaced.
        """
        version = self._current_version()
        try:
            with datasets.dataset(self.path, version) as dataset:
                found = {**dataset.attrs, **dataset[self.variable].attrs}
        except FAULTS as error:
            datasets.close(self.path)
            raise SourceError(f"{display_name(self.path)} is damaged") from error
        return {str(name): value for name, value in found.items()}

    def _current_version(self) -> str:
        """The file's version, without our options; an error if it isn't the one we opened."""
        try:
            found = store_version(self.path, self.variable)
        except SourceError:
            datasets.close(self.path)
            raise
        if self.info.version.partition("#")[0] != found:
            datasets.close(self.path)
            raise SourceError(f"{display_name(self.path)} was replaced while it was served")
        return found


def open_slice(
    text: str,
    *,
    nodata: float | None = None,
    band_names: tuple[str, ...] | None = None,
) -> SliceSource:
    """Describe a variable: `cube.nc#t2m`, `store.zarr#ndvi`, `cube.nc#t2m?time=0&level=3`.

    CF's scale, offset and fill value are applied, so that values are floats where there are any.
    The spatial reference is that of the grid mapping; latitudes and longitudes by CF's standard
    names or units are WGS 84. Dimensions beside y, x and the bands (see `open_array`) have one
    entry, or one is chosen by its index from 0 after the `?`.

    Args:
        text: path or URL of the file or store, then `#` and the variable; the latter may be left
            out where there is only one.
        nodata: a value that is no data beside the fill value; in decoded numbers.
        band_names: replace those of the variable.

    Raises:
        SourceError: it is missing, damaged, not placed on the earth, or a choice is wanting.
        ValueError: `band_names` are not as many as the bands.
    """
    path, wanted, selection = _parsed(text)
    with datasets.dataset(path, store_version(path, "")) as dataset:
        variable = _variable(dataset, wanted, display_name(path))
        return _described(dataset, path, variable, selection, nodata, band_names)


def _described(
    dataset: xarray.Dataset,
    path: str,
    variable: str,
    selection: tuple[tuple[str, int], ...],
    nodata: float | None,
    band_names: tuple[str, ...] | None,
) -> SliceSource:
    name, version = f"{display_name(path)}#{variable}", store_version(path, variable)
    array = _slice(dataset, variable, selection, display_name(path))
    chosen = "&".join(f"{dimension}={index}" for dimension, index in (*selection, ("{0}", 0)))
    axes = axes_of(array, name, f"such as {name}?{chosen}")
    array = array.isel(dict.fromkeys(axes.dropped, 0), drop=True)
    declared = declared_nodata(array, name) if nodata is None else float(nodata)
    info = describe_array(
        array,
        axes,
        name=name,
        version=f"{version}#{variable}{selection}{nodata}",
        nodata=declared,
        band_names=band_names,
        format="Zarr" if is_zarr(path) else "netCDF",
    )
    return SliceSource(
        path=path, variable=variable, selection=selection, axes=axes, nodata=declared, info=info
    )


def is_slice(text: str) -> bool:
    """Does this name a file or store of variables, with or without a variable?"""
    path = text.partition("#")[0].rstrip("/")
    return path.lower().endswith(NETCDF_ENDINGS) or is_zarr(path)


def _parsed(text: str) -> tuple[str, str, tuple[tuple[str, int], ...]]:
    """Path, variable (maybe empty) and selection."""
    path, _, fragment = text.partition("#")
    variable, _, query = fragment.partition("?")
    if not is_address(path):
        check_allowed(path)
        if not os.path.exists(path):
            raise SourceError(f"{Path(path).name} is missing")
        path = os.path.abspath(path)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        selection = tuple((dimension, _index(index)) for dimension, index in pairs)
    except ValueError as error:
        raise SourceError(f"#{fragment}: a choice reads #variable?dimension=0") from error
    return path.rstrip("/"), variable, selection


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def _variable(dataset: xarray.Dataset, wanted: str, name: str) -> str:
    if wanted:
        if wanted not in dataset.variables:
            raise SourceError(f"{name} has no variable {wanted}; it has {_listed(dataset)}")
        return wanted
    rasters = _rasters(dataset)
    if len(rasters) != 1:
        choice = ", ".join(f"{name}#{each}" for each in rasters) or "none that is a raster"
        raise SourceError(f"{name} holds several variables: choose one of {choice}")
    return rasters[0]


def _rasters(dataset: xarray.Dataset) -> list[str]:
    return sorted(str(k) for k, array in dataset.data_vars.items() if spatial_dimensions(array))


def _listed(dataset: xarray.Dataset) -> str:
    return ", ".join(sorted(map(str, dataset.data_vars))) or "none"


def _slice(
    dataset: xarray.Dataset,
    variable: str,
    selection: tuple[tuple[str, int], ...],
    name: str = "the file",
) -> xarray.DataArray:
    array = dataset[variable]
    for dimension, index in selection:
        if dimension not in array.dims:
            listed = ", ".join(map(str, array.dims))
            raise SourceError(f"{name}#{variable} has no dimension {dimension}; it has {listed}")
        if index >= array.sizes[dimension]:
            entries = counted(array.sizes[dimension], "entry", "entries")
            where = f"{entries} along {dimension}"
            raise SourceError(f"{name}#{variable} has {where}: {dimension}={index} is none")
        array = array.isel({dimension: index}, drop=True)
    return array


def slice_version(text: str) -> str:
    """The version, as `store_version` gives it, of what `open_slice` is given."""
    path, variable, _ = _parsed(text)
    return store_version(path, variable)


def store_version(path: str, variable: str) -> str:
    """The version of the file; of a store that of its folder, its metadata and the variable.

    Chunks of a store that are written one by one may pass unnoticed: a store that is served is to
    be replaced as a whole.
    """
    metadata = (
        "zarr.json",
        ".zmetadata",
        ".zgroup",
        f"{variable}/zarr.json",
        f"{variable}/.zarray",
    )
    inside = tuple(os.path.join(path, each) for each in (*metadata, variable, f"{variable}/c"))
    return checked_version(path, inside if os.path.isdir(path) else ())
