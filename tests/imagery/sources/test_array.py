"""Arrays in memory and in dask graphs, read as xarray slices them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray
from affine import Affine

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.array import open_array
from exportimage_wsgi.pixels import PixelType
from tests.imagery.sources.reading import ramp, whole, window


def labelled(values, dims=("band", "y", "x"), crs=32633, **coords):
    """An array of ten-metre pixels whose corner lies at 500000, 5000000."""
    rows, columns = (values.shape[dims.index(axis)] for axis in dims[-2:])
    places = {
        dims[-2]: 5000000 - 10 * (np.arange(rows) + 0.5),
        dims[-1]: 500000 + 10 * (np.arange(columns) + 0.5),
    }
    array = xarray.DataArray(values, dims=dims, coords=places | coords)
    return array if crs is None else array.rio.write_crs(crs)


@pytest.mark.parametrize("chunks", [None, {"y": 128, "x": 200}, {"band": 1, "y": 77, "x": 333}])
def test_a_window_has_the_values_of_the_array(chunks):
    values = ramp(3, 300, 400, "int16")
    source = open_array(labelled(values) if chunks is None else labelled(values).chunk(chunks))

    pixels = source.read(0, window((5, 290), (7, 399)), (2, 0, 2))

    assert np.array_equal(pixels.values, values[[2, 0, 2], 5:290, 7:399])
    assert pixels.valid.shape == (1, 285, 392) and pixels.valid.min() == 255
    assert not source.info.masked


@pytest.mark.parametrize("chunks", [None, {"y": 128, "x": 200}])
def test_levels_take_the_middle_pixel_of_each_step(chunks):
    values = ramp(2, 601, 703, "int32")
    source = open_array(labelled(values) if chunks is None else labelled(values).chunk(chunks))

    pixels = whole(source, 2)

    rows, columns = (np.minimum(np.arange(-(-n // 4)) * 4 + 2, n - 1) for n in (601, 703))
    assert [level.step for level in source.info.levels] == [1, 2, 4]
    assert np.array_equal(pixels.values, values[:, rows][:, :, columns])


def test_dimensions_may_lie_in_any_order():
    values = ramp(3, 30, 40)
    source = open_array(labelled(values).transpose("x", "band", "y"))

    assert np.array_equal(whole(source).values, values)


@pytest.mark.parametrize(
    ("dtype", "pixel_type"),
    [
        ("bool", "U1"),
        ("int8", "S8"),
        ("uint8", "U8"),
        (">i2", "S16"),
        ("uint16", "U16"),
        ("int32", "S32"),
        (">u4", "U32"),
        ("int64", "F64"),
        ("uint64", "F64"),
        ("float16", "F32"),
        (">f4", "F32"),
        ("float64", "F64"),
        ("complex64", "C64"),
        ("complex128", "C128"),
    ],
)
def test_every_type_is_read(dtype, pixel_type):
    values = ramp(1, 4, 5).astype(dtype)
    source = open_array(labelled(values))

    found = whole(source).values

    assert source.info.pixel_type is PixelType[pixel_type]
    assert found.dtype == source.info.pixel_type.dtype and found.flags.c_contiguous
    assert np.array_equal(found, values.astype(found.dtype))


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "U3", "S1", "object", "longdouble"])
def test_other_types_are_no_pixels(dtype):
    with pytest.raises(SourceError, match="which are no pixels"):
        open_array(labelled(np.zeros((1, 4, 5)).astype(dtype)))


def test_nan_and_the_declared_value_are_no_data():
    values = np.array([[[1, np.nan], [2, 3]], [[-9, 4], [5, 6]]], "float32")
    source = open_array(labelled(values).rio.write_nodata(-9))

    assert whole(source).valid.tolist() == [[[255, 0], [255, 255]], [[0, 255], [255, 255]]]
    assert source.info.nodata == (-9.0, -9.0) and source.info.masked


def test_a_no_data_value_given_replaces_the_declared_one():
    array = labelled(np.array([[[1, 2], [3, 4]]], "uint8")).rio.write_nodata(1)

    assert whole(open_array(array, nodata=3)).valid.tolist() == [[[255, 255], [0, 255]]]


def test_a_no_data_value_may_be_an_array_of_one_number():
    array = labelled(ramp(1, 4, 5))
    array.attrs["_FillValue"] = np.array([7], "uint8")

    assert open_array(array).info.nodata == (7.0,)


def test_a_no_data_value_that_is_no_number_is_refused():
    array = labelled(ramp(1, 4, 5))
    array.attrs["_FillValue"] = "none"

    with pytest.raises(SourceError, match="declares a no-data value that is no number"):
        open_array(array)


def test_scale_and_offset_are_applied_on_request_alone():
    array = labelled(np.array([[[1, 2], [9, 4]]], "int16")).rio.write_nodata(9)
    array.attrs |= {"scale_factor": 0.5, "add_offset": 10.0}

    stored, scaled = open_array(array), open_array(array, unscale=True)

    assert whole(stored).values.tolist() == [[[1, 2], [9, 4]]] and stored != scaled
    assert np.array_equal(whole(scaled).values, [[[10.5, 11], [np.nan, 12]]], equal_nan=True)
    assert whole(scaled).valid.tolist() == [[[255, 255], [0, 255]]]
    assert scaled.info.pixel_type is PixelType.F32 and np.isnan(scaled.info.nodata[0])


@pytest.mark.parametrize("flip_y", [1, -1])
@pytest.mark.parametrize("flip_x", [1, -1])
def test_coordinates_may_rise_and_fall(flip_y, flip_x):
    values = ramp(1, 4, 5)
    array = labelled(values)[:, ::flip_y, ::flip_x]
    source = open_array(array)

    column, row = ~source.info.grid.affine @ (500000 + 25, 5000000 - 15)

    assert (column % 1, row % 1) == (0.5, 0.5)
    assert whole(source).values[0, int(row), int(column)] == values[0, 1, 2]


def test_longitudes_beyond_180_degrees_are_kept():
    array = labelled(ramp(1, 4, 4)[0], ("lat", "lon"), lat=[45, 0, -45, -90], lon=[0, 90, 180, 270])
    grid = open_array(array.rio.write_crs(4326)).info.grid

    assert grid.affine == Affine(90, 0, -45, 0, -45, 67.5)


@pytest.mark.parametrize("dims", [("lat", "lon"), ("latitude", "longitude"), ("Y", "X")])
def test_dimensions_are_known_by_their_usual_names(dims):
    source = open_array(labelled(ramp(1, 4, 5)[0], dims))

    assert source.info.grid.affine == Affine(10, 0, 500000, 0, -10, 5000000)


def test_degrees_by_their_units_are_wgs_84():
    array = labelled(ramp(1, 3, 4)[0], ("lat", "lon"), crs=None, lat=[3, 2, 1], lon=[0, 1, 2, 3])
    array.lat.attrs["units"], array.lon.attrs["units"] = "degrees_north", "degrees_east"

    assert open_array(array).info.grid.crs.definition == "EPSG:4326"


def test_coordinates_called_latitude_and_longitude_are_wgs_84():
    array = labelled(ramp(1, 4, 5), crs=None).rename(y="lat", x="lon")
    degrees = array.assign_coords(lat=[40.0, 39, 38, 37], lon=[7.0, 8, 9, 10, 11])

    assert open_array(degrees).info.grid.crs.wkid == 4326
    with pytest.raises(SourceError, match="no spatial reference"):
        open_array(array.assign_coords(lat=[400.0, 300, 200, 100], lon=[7.0, 8, 9, 10, 11]))


def test_kilometres_are_metres_by_the_thousand():
    metres = labelled(ramp(1, 3, 4))
    kilometres = metres.assign_coords(x=metres.x / 1000, y=metres.y / 1000)
    for axis in "xy":
        kilometres[axis].attrs["units"] = "km"

    found = open_array(kilometres).info.grid.affine

    assert found.almost_equals(open_array(metres).info.grid.affine, precision=1e-6)


def test_a_geostationary_scan_angle_is_a_length_at_the_satellites_height():
    height = 35786023.0
    array = labelled(ramp(1, 3, 4), crs=f"+proj=geos +h={height} +lon_0=-75 +sweep=x +ellps=GRS80")
    angles = array.assign_coords(x=array.x / height, y=array.y / height)
    for axis in "xy":
        angles[axis].attrs["units"] = "rad"

    found = open_array(angles).info.grid.affine

    assert found.almost_equals(Affine(10, 0, 500000, 0, -10, 5000000), precision=1e-5)


def test_coordinates_of_single_precision_may_be_uneven_by_their_rounding():
    lat, lon = np.linspace(89.95, -89.95, 1800), np.linspace(0.05, 359.95, 3600)
    coords = {"lat": lat.astype("float32"), "lon": lon.astype("float32")}
    array = labelled(np.zeros((1800, 3600), "uint8"), ("lat", "lon"), crs=4326, **coords)

    affine = open_array(array).info.grid.affine

    assert affine.almost_equals(Affine(0.1, 0, 0, 0, -0.1, 90), precision=1e-5)


@pytest.mark.parametrize(
    ("array", "rule"),
    [
        (labelled(ramp(1, 4, 5), crs=None), "has no spatial reference"),
        (labelled(ramp(1, 4, 5), y=[1, 2, 3, 5]), "coordinates y that are not evenly spaced"),
        (labelled(ramp(1, 4, 5), y=[1.0, 1, 1, 1]), "coordinates y that are not evenly spaced"),
        (labelled(ramp(1, 4, 5), x=[0, 1, np.nan, 3, 4]), "x that are not evenly spaced"),
        (labelled(ramp(1, 4, 5), x=list("abcde")), "coordinates x that are no numbers"),
        (labelled(ramp(1, 4, 5)).drop_vars(["x", "y"]), "is not placed on the earth"),
        (labelled(ramp(1, 1, 1)), "is not placed on the earth"),
        (labelled(ramp(1, 4, 5))[:, :0], "is empty"),
        (labelled(ramp(1, 4, 5))[:, 0], "has no dimensions y and x"),
        (
            labelled(ramp(2, 4, 5), ("time", "y", "x")),
            r"choose one, select it with .isel\(time=0\)",
        ),
    ],
)
def test_what_cannot_be_placed_is_refused(array, rule):
    with pytest.raises(SourceError, match=rule):
        open_array(array)


def test_dimensions_of_one_entry_are_dropped():
    source = open_array(labelled(ramp(1, 4, 5)[None], ("time", "band", "y", "x")))

    assert np.array_equal(whole(source).values, ramp(1, 4, 5))


def test_one_pixel_is_placed_by_its_transform():
    array = xarray.DataArray([[7]], dims=("y", "x")).rio.write_crs(32633)
    source = open_array(array.rio.write_transform(Affine(10, 0, 500000, 0, -10, 5000000)))

    assert whole(source).values.tolist() == [[[7]]]
    assert source.info.grid.affine == Affine(10, 0, 500000, 0, -10, 5000000)


def test_a_rotated_raster_of_rioxarray_keeps_its_place(write):
    affine = Affine(8, 3, 500000, 2, -9, 5000000)

    with rioxarray.open_rasterio(write(ramp(1, 4, 5), transform=affine)) as array:
        assert open_array(array).info.grid.affine == affine


def test_names_of_bands_are_labels_or_counted():
    plain, named = labelled(ramp(2, 4, 5)), labelled(ramp(2, 4, 5), band=["red", "nir"])
    several = plain.assign_attrs(long_name=("a", "b"))

    assert open_array(plain).info.band_names == ("Band_1", "Band_2")
    assert open_array(named).info.band_names == ("red", "nir")
    assert open_array(several).info.band_names == ("a", "b")
    assert open_array(plain, band_names=("x", "y")).info.band_names == ("x", "y")
    assert open_array(plain[0].rename("heat")).info.band_names == ("heat",)
    with pytest.raises(ValueError, match="1 band name for 2 bands"):
        open_array(plain, band_names=("x",))


@pytest.mark.parametrize("chunks", [None, {"y": 3}])
def test_sources_are_values(chunks):
    def opened(first):
        values = ramp(1, 6, 5)
        values[0, 0, 0] = first
        return open_array(labelled(values) if chunks is None else labelled(values).chunk(chunks))

    source = opened(1)
    copy = pickle.loads(pickle.dumps(source))

    assert copy == source == opened(1) and hash(copy) == hash(source) and source != opened(2)
    assert np.array_equal(whole(copy).values, whole(source).values)


def test_nothing_is_loaded_of_an_array_that_is_still_in_its_file(write):
    path = write(ramp(1, 600, 600), tiled=True, nodata=3)

    with rioxarray.open_rasterio(path) as array:
        source = open_array(array)
        pixels = source.read(0, window((5, 50), (6, 60)), (0,))
        copy = pickle.loads(pickle.dumps(source))

        assert not array.variable._in_memory and not source.array.variable._in_memory
        assert copy == source != open_array(array)
    with rasterio.open(path) as witness:
        expected = witness.read(window=((5, 50), (6, 60)), masked=True)
    assert np.array_equal(pixels.values, expected.data)
    assert np.array_equal(pixels.valid == 0, expected.mask)


def test_a_graph_that_fails_is_an_error_of_the_source():
    import dask.array

    def fail(block):
        raise ZeroDivisionError(block.shape)

    broken = dask.array.zeros((1, 4, 5), chunks=2).map_blocks(fail, meta=np.zeros((0, 0, 0)))

    with pytest.raises(SourceError, match="the array cannot be computed"):
        whole(open_array(labelled(broken)))
