from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray

from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from tests.mosaics.scenes import scene

BOX = 500_000, 5_500_000, 501_000, 5_501_000


def test_tags_of_files_become_attributes(tmp_path: Path) -> None:
    for name, sun in (("a", "30.5"), ("b", "31")):
        with rasterio.open(scene(tmp_path / f"{name}.tif", 1, BOX), "r+") as dataset:
            dataset.update_tags(SUN=sun, SEEN="20200102")
            dataset.update_tags(ns="ORBIT", number=f"{name}1")

    settings = MosaicSettings(tags=("SUN", "SEEN", "ORBIT:number", "GONE"))
    table = open_mosaic(tmp_path, settings).table

    assert table.rows.column("SUN").to_pylist() == [30.5, 31]
    assert table.value("SEEN", 0) == dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    assert table.rows.column("ORBIT_number").to_pylist() == ["a1", "b1"]
    assert table.rows.column("GONE").to_pylist() == [None, None]


def test_attributes_of_variables_and_arrays_do_too(tmp_path: Path) -> None:
    pytest.importorskip("netCDF4")
    coordinates = {"lat": ("lat", [2.0, 1.0], {"units": "degrees_north"})}
    coordinates["lon"] = ("lon", [1.0, 2.0], {"units": "degrees_east"})
    data = ("lat", "lon"), np.zeros((2, 2)), {"orbit": 7}
    xarray.Dataset({"a": data}, coordinates, {"sensor": "x"}).to_netcdf(tmp_path / "a.nc")
    array = xarray.DataArray(
        np.ones((2, 2)), {"y": [2.0, 1.0], "x": [1.0, 2.0]}, ("y", "x"), attrs={"orbit": 8}
    ).rio.write_crs(4326)

    what = [str(tmp_path / "a.nc"), array]
    table = open_mosaic(what, MosaicSettings(tags=("orbit", "sensor"))).table

    assert table.rows.column("orbit").to_pylist() == [7, 8]
    assert table.rows.column("sensor").to_pylist() == ["x", None]
