"""Variables of NetCDF files and Zarr stores, read as xarray decodes them."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import rioxarray  # noqa: F401 - gives arrays their .rio
import xarray

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources import is_current, open_source
from exportimage_wsgi.imagery.sources.datasets import DatasetPool, datasets
from exportimage_wsgi.pixels import PixelType
from tests.imagery.sources.reading import ramp, whole, window

netcdf4 = pytest.importorskip("netCDF4")
pytest.importorskip("zarr")

KINDS = ["cube.nc", "classic.nc", "cube.zarr", "second.zarr"]


def cube(change=0):
    """Heat by time as packed integers, a plain depth, and three bands of colour."""
    places = {
        "y": 5000000 - 10 * (np.arange(30) + 0.5),
        "x": 500000 + 10 * (np.arange(40) + 0.5),
    }
    heat = xarray.DataArray(
        ramp(4, 30, 40).astype("float32") / 2 + change, dims=("time", "y", "x"), coords=places
    )
    heat[:, 0, :3] = np.nan
    heat.encoding |= {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}
    depth = xarray.DataArray(ramp(1, 30, 40, "int16")[0] + change, dims=("y", "x"))
    colour = xarray.DataArray(ramp(3, 30, 40, "int8"), dims=("band", "y", "x"))
    whole_cube = xarray.Dataset({"heat": heat, "depth": depth, "colour": colour})
    return whole_cube.rio.write_crs(32633)


def write_cube(path, change=0):
    if path.suffix == ".zarr":
        cube(change).to_zarr(
            path, mode="w", zarr_format=2 if path.stem == "second" else 3, consolidated=False
        )
    else:
        form = "NETCDF3_64BIT" if path.stem == "classic" else "NETCDF4"
        cube(change).to_netcdf(path, engine="netcdf4", format=form)
    return path


@pytest.fixture(params=KINDS)
def path(request, tmp_path):
    return write_cube(tmp_path / request.param)


def test_packed_values_are_decoded_as_xarray_does_it(path):
    source = open_source(f"{path}#heat?time=2")
    part = source.read(0, window((0, 9), (2, 33)), (0,))

    expected = cube()["heat"].isel(time=2).values[:9, 2:33]
    assert np.array_equal(part.values[0], expected, equal_nan=True)
    assert np.array_equal(part.valid[0] == 0, np.isnan(expected))
    assert source.info.pixel_type.is_float and np.isnan(source.info.nodata[0])


def test_plain_integers_stay_as_they_are(path):
    source = open_source(f"{path}#depth")

    assert source.info.pixel_type is PixelType.S16 and not source.info.masked
    assert np.array_equal(whole(source).values, ramp(1, 30, 40, "int16"))


def test_bands_are_those_of_a_dimension_called_so(path):
    source = open_source(f"{path}#colour")

    assert np.array_equal(whole(source, 0, (2, 0)).values, ramp(3, 30, 40, "int8")[[2, 0]])


def test_a_slice_lies_where_its_coordinates_say(path):
    info = open_source(f"{path}#depth").info

    assert info.grid.crs.definition == "EPSG:32633"
    assert tuple(info.grid.affine)[:6] == (10, 0, 500000, 0, -10, 5000000)


@pytest.mark.parametrize(
    ("choice", "rule"),
    [
        ("", "holds several variables: choose one of {0}#colour, {0}#depth, {0}#heat"),
        ("#none", "has no variable none; it has colour, depth, heat"),
        ("#heat", "{0}#heat has 4 entries along time: choose one, such as {0}#heat?time=0"),
        ("#heat?time=4", "{0}#heat has 4 entries along time: time=4 is none"),
        ("#heat?level=0", "{0}#heat has no dimension level; it has time, y, x"),
        ("#heat?time=0&time=0", "{0}#heat has no dimension time; it has y, x"),
        ("#heat?time=-1", "a choice reads #variable?dimension=0"),
        ("#heat?time=٣", "a choice reads #variable?dimension=0"),
        ("#heat?time=1e3", "a choice reads #variable?dimension=0"),
        ("#heat?time", "a choice reads #variable?dimension=0"),
        ("#x", "{0}#x has no dimensions y and x"),
        ("#spatial_ref", "{0}#spatial_ref has no dimensions y and x"),
    ],
)
def test_what_is_wanting_or_wrong_in_a_choice_is_said(path, choice, rule):
    with pytest.raises(SourceError) as caught:
        open_source(f"{path}{choice}")

    assert rule.format(path.name) in str(caught.value)


def test_the_only_raster_need_not_be_named(tmp_path):
    cube()[["depth"]].to_netcdf(tmp_path / "one.nc", engine="netcdf4")

    assert open_source(tmp_path / "one.nc").info.band_names == ("depth",)


def test_a_given_no_data_value_counts_beside_the_fill_value(path):
    source = open_source(f"{path}#heat?time=0", nodata=3.5)

    expected = cube()["heat"].isel(time=0).values
    assert np.array_equal(whole(source).valid[0] == 0, np.isnan(expected) | (expected == 3.5))


def test_sources_are_values(path):
    source = open_source(f"{path}#heat?time=1")
    copy = pickle.loads(pickle.dumps(source))

    assert copy == source == open_source(f"{path}#heat?time=1") and hash(copy) == hash(source)
    assert source != open_source(f"{path}#heat?time=2") != open_source(f"{path}#depth")
    assert np.array_equal(whole(copy).values, whole(source).values, equal_nan=True)


def test_threads_read_the_same(path):
    source = open_source(f"{path}#depth")

    with ThreadPoolExecutor(8) as threads:
        reads = list(threads.map(lambda _: whole(source).values, range(64)))

    assert all(np.array_equal(read, ramp(1, 30, 40, "int16")) for read in reads)


@pytest.mark.parametrize("name", ["cube.nc", "classic.nc"])
def test_threads_open_and_close_files_that_others_read(tmp_path, name):
    """In a process of its own: what netCDF cannot bear ends it."""
    paths = [str(tmp_path / f"{number}.nc") for number in range(4)]
    write_cube(tmp_path / name)
    for path in paths:
        shutil.copy(tmp_path / name, path)
    program = f"""
from concurrent.futures import ThreadPoolExecutor, wait
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources import open_source
from exportimage_wsgi.imagery.sources.datasets import DatasetPool, datasets
paths = {paths!r}
window = Window(rows=(0, 30), columns=(0, 40))

def total(number):
    path = paths[number % 4]
    values = open_source(path + "#depth").read(0, window, (0,)).values
    datasets.close(path)
    return int(values.sum())

with ThreadPoolExecutor(8) as threads:
    totals = set(threads.map(total, range(800)))
assert totals == {{{int(ramp(1, 30, 40, "int16").sum())}}}, totals
"""
    home = Path(__file__).parents[3]

    subprocess.run([sys.executable, "-c", program], check=True, cwd=home, timeout=120)


def test_levels_take_the_middle_pixel_of_each_step(tmp_path):
    values = ramp(1, 600, 700, "int16")[0]
    places = {"y": 600 - np.arange(600.0), "x": np.arange(700.0)}
    array = xarray.DataArray(values, dims=("y", "x"), coords=places, name="v")
    array.rio.write_crs(32633).to_netcdf(tmp_path / "large.nc", engine="netcdf4")
    source = open_source(tmp_path / "large.nc")

    assert np.array_equal(whole(source, 1).values[0], values[1::2, 1::2])


def replaced(path, tmp_path):
    fresh = write_cube(tmp_path / "fresh" / path.name, 1)
    if path.is_dir():
        shutil.rmtree(path)
    fresh.replace(path)


def rewritten(path, tmp_path):
    if path.is_dir():
        write_cube(path, 1)
        return
    data = write_cube(tmp_path / "fresh" / path.name, 1).read_bytes()
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


@pytest.mark.parametrize("change", [replaced, rewritten])
def test_a_file_that_changed_is_an_error_and_then_read_anew(path, tmp_path, change):
    (tmp_path / "fresh").mkdir()
    source = open_source(f"{path}#depth")
    before = whole(source).values

    change(path, tmp_path)

    assert not is_current(source)
    with pytest.raises(SourceError, match="was replaced while it was served"):
        whole(source)
    assert np.array_equal(whole(open_source(f"{path}#depth")).values, before + 1)


@pytest.mark.parametrize("change", [replaced, rewritten])
def test_a_file_that_changed_can_be_opened_at_once(path, tmp_path, change):
    (tmp_path / "fresh").mkdir()
    before = whole(open_source(f"{path}#depth")).values

    change(path, tmp_path)

    # The libraries would go on with what they have open of the file.
    assert np.array_equal(whole(open_source(f"{path}#depth")).values, before + 1)


def test_a_file_that_changed_is_opened_when_its_readers_have_left(tmp_path):
    (tmp_path / "fresh").mkdir()
    path, pool = write_cube(tmp_path / "cube.nc"), DatasetPool()

    def corner(version):
        with pool.dataset(str(path), version) as dataset:
            return int(dataset["depth"][0, 0])

    with ThreadPoolExecutor(1) as threads:
        with pool.dataset(str(path), "old"):
            before = corner("old")
            rewritten(path, tmp_path)
            after = threads.submit(corner, "new")
            wait([after], timeout=0.5)

        assert after.result(10) == before + 1
    pool.close(str(path))


def test_a_file_that_is_gone_is_missing_until_it_is_back(path, tmp_path):
    source = open_source(f"{path}#depth")
    before = whole(source).values

    path.rename(tmp_path / "away")
    with pytest.raises(SourceError, match="is missing"):
        whole(source)
    (tmp_path / "away").rename(path)

    assert np.array_equal(whole(source).values, before)


@pytest.mark.parametrize("kind", ["cube.nc", "classic.nc"])
def test_a_file_cut_short_gives_an_error(tmp_path, kind):
    path = write_cube(tmp_path / kind)
    data = path.read_bytes()

    for share in range(1, 32):
        path.write_bytes(data[: len(data) * share // 32])
        for choice in ("#depth", "#heat?time=3", "#colour"):
            with pytest.raises(SourceError, match="is damaged"):
                whole(open_source(f"{path}{choice}"))


@pytest.mark.parametrize("kind", ["cube.zarr", "second.zarr"])
def test_a_chunk_cut_short_gives_an_error(tmp_path, kind):
    path = write_cube(tmp_path / kind)
    (chunk,) = (file for file in path.glob("depth/**/*0") if file.is_file())
    data = chunk.read_bytes()

    for size in (0, 1, len(data) // 2):
        chunk.write_bytes(data[:size])
        with pytest.raises(SourceError, match="is damaged: depth cannot be read"):
            whole(open_source(f"{path}#depth"))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"zarr_format": 3, "node_type": "group", "x": 1}']
)
def test_a_store_with_other_metadata_cannot_be_opened(tmp_path, content):
    path = write_cube(tmp_path / "cube.zarr")
    (path / "zarr.json").write_text(content)

    with pytest.raises(SourceError, match=r"cube\.zarr cannot be opened"):
        open_source(f"{path}#depth")


def test_a_store_of_gdals_is_placed_by_what_gdal_writes(write, tmp_path):
    path, plain = tmp_path / "gdal.zarr", write(ramp(1, 30, 40))
    subprocess.run(["gdal_translate", "-q", "-of", "Zarr", plain, path], check=True)
    source = open_source(path)

    with rasterio.open(plain) as witness:
        assert source.info.grid.affine == witness.transform
    assert source.info.grid.crs.definition == "EPSG:32633"
    assert np.array_equal(whole(source).values, ramp(1, 30, 40))


def test_a_file_of_gdals_is_read_with_the_south_up(write, tmp_path):
    path, plain = tmp_path / "gdal.nc", write(ramp(1, 30, 40))
    subprocess.run(["gdal_translate", "-q", "-of", "netCDF", plain, path], check=True)
    source = open_source(path)

    assert source.info.grid.affine.e == 10 and source.info.grid.crs.definition == "EPSG:32633"
    assert np.array_equal(whole(source).values[0, ::-1], ramp(1, 30, 40)[0])


def test_a_grid_mapping_in_words_places_points_as_proj_does(tmp_path):
    data = cube()[["depth"]].drop_vars("spatial_ref")
    data["lambert"] = xarray.DataArray(
        0,
        attrs={
            "grid_mapping_name": "lambert_conformal_conic",
            "standard_parallel": [30.0, 60.0],
            "longitude_of_central_meridian": 10.0,
            "latitude_of_projection_origin": 45.0,
            "semi_major_axis": 6371229.0,
            "inverse_flattening": 0.0,
        },
    )
    data["depth"].attrs["grid_mapping"] = "lambert"
    data["depth"].encoding.clear()
    data.to_netcdf(tmp_path / "lambert.nc", engine="netcdf4")

    crs = open_source(tmp_path / "lambert.nc").info.grid.crs

    text = "+proj=lcc +lat_1=30 +lat_2=60 +lon_0=10 +lat_0=45 +R=6371229"
    ours, theirs = (pyproj.Proj(each)(12, 50) for each in (crs.proj, text))
    assert ours == pytest.approx(theirs, abs=1e-6)


def degrees(path, **variables):
    """A file by the NetCDF library itself, with latitudes and longitudes by their units."""
    with netcdf4.Dataset(path, "w") as file:
        for name, places in (("lat", [3, 2, 1]), ("lon", [0, 1, 2, 3])):
            file.createDimension(name, len(places))
            file.createVariable(name, "f4", (name,))[:] = places
        file["lat"].units, file["lon"].units = "degrees_north", "degrees_east"
        for name, (dtype, attributes, values) in variables.items():
            variable = file.createVariable(name, dtype, ("lat", "lon"))
            variable.set_auto_maskandscale(False)
            variable.setncatts(attributes)
            variable[:] = values
    return path


def test_units_of_degrees_are_wgs_84(tmp_path):
    path = degrees(tmp_path / "a.nc", v=("i2", {}, np.arange(12).reshape(3, 4)))
    info = open_source(path).info

    assert info.grid.crs.definition == "EPSG:4326"
    assert tuple(info.grid.affine)[:6] == (1, 0, -0.5, 0, -1, 3.5)


def test_unsigned_bytes_and_units_of_time_are_numbers(tmp_path):
    path = degrees(
        tmp_path / "a.nc",
        bytes=("i1", {"_Unsigned": "true"}, np.full((3, 4), -1)),
        days=("f8", {"units": "days since 2000-01-01"}, np.full((3, 4), 1.5)),
    )

    assert (whole(open_source(f"{path}#bytes")).values == 255).all()
    assert (whole(open_source(f"{path}#days")).values == 1.5).all()


def test_a_missing_value_is_no_data(tmp_path):
    values = np.arange(12).reshape(3, 4)
    path = degrees(tmp_path / "a.nc", v=("i2", {"missing_value": np.int16(5)}, values))

    assert np.array_equal(whole(open_source(path)).valid[0] == 0, values == 5)


def test_the_pool_is_bounded_and_closes_what_it_drops(tmp_path):
    paths = [degrees(tmp_path / f"{i}.nc", v=("i2", {}, np.zeros((3, 4)))) for i in range(20)]

    for path in paths:
        whole(open_source(path))

    assert len(datasets) <= 16


def test_a_dataset_is_not_closed_under_a_reader(tmp_path):
    path = write_cube(tmp_path / "cube.nc")
    source = open_source(f"{path}#depth")
    version = source.info.version.partition("#")[0]

    with datasets.dataset(str(path), version) as dataset:
        datasets.close(str(path))
        assert np.array_equal(dataset["depth"].values, ramp(1, 30, 40, "int16")[0])
        with datasets.dataset(str(path), version) as other:
            assert other is not dataset


def test_threads_that_open_at_once_share_one_dataset(tmp_path):
    path = write_cube(tmp_path / "cube.nc")
    version = open_source(f"{path}#depth").info.version.partition("#")[0]
    datasets.close(str(path))
    meeting, held = threading.Barrier(4), []

    def hold():
        with datasets.dataset(str(path), version) as dataset:
            held.append(dataset)
            meeting.wait(10)

    with ThreadPoolExecutor(4) as threads:
        for task in [threads.submit(hold) for _ in range(4)]:
            task.result()

    assert len({id(dataset) for dataset in held}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kind", ["cube.nc", "cube.zarr"])
def test_a_forked_child_opens_files_of_its_own(tmp_path, kind):
    path = write_cube(tmp_path / kind)
    program = f"""
import os
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources import open_source
from exportimage_wsgi.imagery.sources.datasets import DatasetPool, datasets
source = open_source({str(path)!r} + "#depth")
window = Window(rows=(0, 30), columns=(0, 40))
parents = source.read(0, window, (0,)).values
child = os.fork()
if not child:
    kept = len(datasets)
    same = (source.read(0, window, (0,)).values == parents).all()
    os._exit(0 if same and kept == 0 else 1)
assert os.waitpid(child, 0)[1] == 0
assert (source.read(0, window, (0,)).values == parents).all()
"""
    home = Path(__file__).parents[3]

    subprocess.run([sys.executable, "-c", program], check=True, cwd=home, timeout=60)
