"""What every kind of source must do, whatever it reads."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rioxarray
import xarray
from rasterio.enums import ColorInterp

from exportimage_wsgi.imagery.sources import address_of, is_current, open_source
from tests.imagery.sources.reading import ramp, whole, window

SHAPE = 3, 301, 555
MARKS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)


def plain(write, _):
    return write(ramp(*SHAPE, "int16"), nodata=7, tiled=True)


def with_overviews(write, _):
    return write(ramp(*SHAPE), mask=ramp(*SHAPE)[0], overviews=(2,), tiled=True, compress="lzw")


def with_alpha(write, _):
    return write(ramp(4, *SHAPE[1:]), colours=MARKS)


def unscaled(write, _):
    def scale(dataset):
        dataset.scales, dataset.offsets = (0.5, 1.0, -1.0), (1.0, 0.0, 0.0)

    return open_source(write(ramp(*SHAPE, "int16"), change=scale, nodata=3), unscale=True)


def array(write, _):
    with rioxarray.open_rasterio(plain(write, _)) as data:
        return data.load()


def graph(write, _):
    return array(write, _).chunk(y=100, x=128)


def still_in_its_file(write, _):
    return rioxarray.open_rasterio(plain(write, _))


def netcdf(write, folder):
    pytest.importorskip("netCDF4")
    array(write, folder).rename("v").to_netcdf(folder / "cube.nc", engine="netcdf4")
    return f"{folder / 'cube.nc'}#v"


def zarr(write, folder):
    pytest.importorskip("zarr")
    data: xarray.DataArray = graph(write, folder).rename("v")
    data.to_zarr(folder / "cube.zarr", consolidated=False)
    return f"{folder / 'cube.zarr'}#v"


KINDS = [plain, with_overviews, with_alpha, unscaled, array, graph, still_in_its_file, netcdf, zarr]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def source(request, write, tmp_path):
    return open_source(request.param(write, tmp_path))


def same(one, two):
    return np.array_equal(one, two, equal_nan=one.dtype.kind == "f")


def test_values_are_of_the_type_that_is_told(source):
    for level in range(len(source.info.levels)):
        pixels = whole(source, level)
        assert pixels.values.dtype == source.info.pixel_type.dtype
        assert pixels.valid.dtype == np.uint8 and len(pixels.valid) in (1, 3)
        assert pixels.values.flags.c_contiguous


def test_levels_begin_with_all_and_grow_coarser(source):
    levels = source.info.levels

    sizes = [level.shape_yx for level in levels]
    assert sizes[0] == source.info.grid.shape_yx == SHAPE[1:] and levels[0].scale_yx == (1, 1)
    assert sizes == sorted(sizes, reverse=True) and max(sizes[-1]) <= 256
    for level in levels:
        assert level.shape_yx == whole(source, levels.index(level)).shape_yx
        covered = [size * scale for size, scale in zip(level.shape_yx, level.scale_yx, strict=True)]
        assert all(
            n <= c < n + s + 1 for n, c, s in zip(SHAPE[1:], covered, level.scale_yx, strict=True)
        )


@pytest.mark.parametrize("rows", [(0, 1), (0, 2), (3, 40), (-30, -1), (-1, None)])
@pytest.mark.parametrize("columns", [(0, 1), (17, 60), (-9, None)])
def test_a_window_is_a_part_of_the_whole(source, rows, columns):
    for number, level in enumerate(source.info.levels):
        complete = whole(source, number)
        (top, bottom, _), (left, right, _) = (
            slice(*ends).indices(size)
            for ends, size in zip((rows, columns), level.shape_yx, strict=True)
        )
        part = source.read(number, window((top, bottom), (left, right)), (0, 1, 2))
        assert same(part.values, complete.values[:, top:bottom, left:right])
        assert same(part.valid, complete.valid[:, top:bottom, left:right])


@pytest.mark.parametrize("bands", [(0,), (2, 0), (1, 1, 1), (2, 1, 0, 2)])
def test_bands_come_in_the_order_asked_and_may_repeat(source, bands):
    complete, chosen = whole(source), whole(source, 0, bands)

    assert same(chosen.values, complete.values[list(bands)])
    valid = np.broadcast_to(complete.valid, complete.values.shape)[list(bands)]
    assert same(np.broadcast_to(chosen.valid, chosen.values.shape), valid)


def test_a_copy_is_equal_and_reads_the_same(source):
    copy = pickle.loads(pickle.dumps(source))

    assert copy == source and hash(copy) == hash(source)
    assert same(whole(copy).values, whole(source).values)
    assert copy.info.version == source.info.version


def test_what_is_not_masked_is_valid_everywhere(source):
    if not source.info.masked:
        assert whole(source).valid.min() == 255


def test_it_is_current_and_can_be_opened_again(source):
    again = open_source(address_of(source))

    assert is_current(source)
    assert (again.info.grid, again.info.levels) == (source.info.grid, source.info.levels)
