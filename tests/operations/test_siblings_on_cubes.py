"""Operations on variables of NetCDF and Zarr, and on arrays in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray

from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask


@pytest.fixture
def array() -> xarray.DataArray:
    """Two bands of temperatures, 20 by 10 pixels of a degree; one pixel is missing."""
    values = np.arange(400, dtype="float32").reshape(2, 10, 20) / 4
    values[:, 3, 5] = np.nan
    found = xarray.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": [1, 2], "y": 50 - np.arange(0.5, 10), "x": 10 + np.arange(0.5, 20)},
        name="t2m",
    )
    return found.rio.write_crs(4326)


def test_an_array_is_identified_band_by_band(array: xarray.DataArray) -> None:
    service = ImageService.open(array)

    found = ask(service, "identify", geometry="12.3,48.8")["value"]

    expected = array.sel(x=12.5, y=48.5).values
    assert [float(text) for text in found.split(", ")] == expected.tolist()
    assert ask(service, "identify", geometry="15.5,46.5")["value"] == "NoData"


def test_a_variable_of_a_file_is_counted(array: xarray.DataArray, tmp_path: Path) -> None:
    array[0].drop_vars("band").to_netcdf(tmp_path / "cube.nc", engine="netcdf4")
    service = ImageService.open(f"{tmp_path / 'cube.nc'}#t2m")

    found = ask(service, "computeStatisticsHistograms", geometry="10,40,30,50")["statistics"]

    (each,) = found
    assert each["count"] == 199
    assert each["mean"] == pytest.approx(float(np.nanmean(array.values[0].astype(float))))
