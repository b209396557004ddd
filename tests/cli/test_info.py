"""`info`: what rasters, services and mosaics say of themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import BOX, run
from tests.mosaics.scenes import row_of_scenes
from tests.rasters import write


def test_info_prints_what_a_raster_says_of_itself(scene: Path) -> None:
    said = json.loads(run("info", scene).stdout)

    assert (said["name"], said["bandCount"], said["pixelType"]) == ("scene", 3, "U8")
    assert said["extent"]["xmin"] == -120
    assert "itemCount" not in said


def test_info_writes_no_number_that_json_lacks(tmp_path: Path) -> None:
    raster = write(tmp_path / "a.tif", np.ones((1, 2, 2), "f4"), BOX, "EPSG:4326", nodata=np.nan)

    assert json.loads(run("info", raster).stdout)["noDataValues"] == ["NaN"]


def test_info_of_a_service_has_its_name_and_version(config: Path) -> None:
    config.write_text("[compat]\nversion = 10.3\n" + config.read_text())

    said = json.loads(run("info", f"{config}#A/scene").stdout)

    assert (said["name"], said["currentVersion"]) == ("A/scene", 10.3)


def test_info_of_several_services_lists_them(config: Path) -> None:
    assert run("info", config).stdout == f"{config}#A/scene\n{config}#small\n"


def test_a_variable_of_a_cube_is_a_raster_too(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("netCDF4")
    coordinates = {"lat": ("lat", [2.0, 1.0], {"units": "degrees_north"})}
    coordinates["lon"] = ("lon", [1.0, 2.0], {"units": "degrees_east"})
    variables = {name: (("lat", "lon"), np.zeros((2, 2))) for name in ("a", "b")}
    xarray.Dataset(variables, coordinates).to_netcdf(tmp_path / "cube.nc")

    assert json.loads(run("info", f"{tmp_path}/cube.nc#b").stdout)["name"] == "b"
    assert "choose one of cube.nc#a, cube.nc#b" in run("info", tmp_path / "cube.nc").stderr


@pytest.mark.parametrize("what", ["scenes", "scenes/*.tif", "scenes/**"])
def test_a_folder_or_a_glob_is_described_as_one_mosaic(what: str, tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")

    described = json.loads(run("info", tmp_path / what).stdout)

    assert (described["name"], described["itemCount"]) == ("scenes", 3)
    extent = [described["extent"][side] for side in ("xmin", "ymin", "xmax", "ymax")]
    assert extent == [500_000, 5_500_000, 502_000, 5_501_000]
