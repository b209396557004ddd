"""The pool of open datasets: bounded, shared, never mixing versions."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.imagery.sources.handles import HandlePool, pool
from tests.imagery.sources.reading import ramp, whole
from tests.rasters import waves, write


def test_a_dataset_is_used_again_where_its_version_is_the_same(write):
    path, handles = str(write(ramp(1, 5, 5))), HandlePool()

    with handles.handle(path, "one", None) as first:
        pass
    with handles.handle(path, "one", None) as second:
        pass
    with handles.handle(path, "two", None) as other:
        pass

    assert first is second and first is not other
    handles.close()


def test_two_threads_never_hold_the_same_dataset(write):
    path, handles = str(write(ramp(1, 5, 5))), HandlePool()
    meeting, held = threading.Barrier(4), []

    def hold():
        with handles.handle(path, "one", None) as dataset:
            held.append(id(dataset))
            meeting.wait(10)

    with ThreadPoolExecutor(4) as threads:
        for task in [threads.submit(hold) for _ in range(4)]:
            task.result()

    assert len(set(held)) == 4 == len(handles)
    handles.close()


def test_the_pool_is_bounded(write):
    path, handles = str(write(ramp(1, 5, 5))), HandlePool(idle=3)

    for options in "abcdef":
        with handles.handle(path, f"one:{options}", None) as dataset:
            pass

    assert len(handles) == 3 and not dataset.closed
    handles.close()
    assert len(handles) == 0 and dataset.closed


def test_a_dataset_whose_use_failed_is_closed(write):
    path, handles = str(write(ramp(1, 5, 5))), HandlePool()

    with (
        pytest.raises(ZeroDivisionError),
        handles.handle(path, "one", None) as dataset,
    ):
        _ = 1 / 0

    assert dataset.closed and len(handles) == 0


def test_closing_a_path_leaves_the_others(write):
    one, two = str(write(ramp(1, 5, 5), "1.tif")), str(write(ramp(1, 5, 5), "2.tif"))
    handles = HandlePool()
    for path in (one, two):
        with handles.handle(path, "v", None):
            pass

    handles.close(one)

    assert len(handles) == 1
    handles.close()


def test_threads_read_the_same(write):
    values = ramp(3, 256, 256)
    source = open_gdal(write(values, tiled=True, compress="deflate"))

    with ThreadPoolExecutor(8) as threads:
        reads = list(threads.map(lambda _: whole(source).values, range(64)))

    assert all(np.array_equal(read, values) for read in reads)


def test_no_read_mixes_what_was_and_what_is(write, tmp_path):
    ones, twos = np.full((1, 600, 600), 1, "uint8"), np.full((1, 600, 600), 2, "uint8")
    path, other = write(ones, tiled=True), write(twos, "other.tif", tiled=True)
    copies = {name: file.read_bytes() for name, file in (("one", path), ("two", other))}
    source, done = open_gdal(path), threading.Event()

    def replace():
        for turn in range(60):
            fresh = tmp_path / "fresh.tif"
            fresh.write_bytes(copies["two" if turn % 2 else "one"])
            os.replace(fresh, path)
        done.set()

    thread, read = threading.Thread(target=replace), []
    thread.start()
    while not done.is_set():
        try:
            read.append(np.unique(whole(source).values).tolist())
        except SourceError:
            source = _reopened(path)
    thread.join()

    assert all(values in ([1], [2]) for values in read)


@pytest.fixture
def netcdf(write, tmp_path):
    """Writes ones or twos as a NetCDF file that is GDAL's to read, by its name."""

    def copy(number):
        raster, fresh = write(np.full((1, 20, 20), number, "uint8")), tmp_path / "fresh"
        rasterio.shutil.copy(raster, fresh, driver="netCDF")
        return str(fresh.replace(tmp_path / "scene.ncdf"))

    return copy


@pytest.mark.parametrize("is_virtual", [False, True])
def test_a_netcdf_file_that_was_replaced_can_be_opened_at_once(netcdf, tmp_path, is_virtual):
    path = netcdf(1)
    if is_virtual:
        rasterio.shutil.copy(path, tmp_path / "scene.vrt", driver="VRT")
        whole(open_gdal(path))
        path = str(tmp_path / "scene.vrt")
    before = whole(open_gdal(path)).values

    netcdf(2)

    # NetCDF's library would go on with what it has open of the file.
    assert (before == 1).all() and (whole(open_gdal(path)).values == 2).all()


def test_a_netcdf_file_that_was_replaced_is_opened_when_its_readers_have_left(netcdf):
    handles, path = HandlePool(), netcdf(1)

    def corner():
        with handles.handle(path, "new", None) as dataset:
            return dataset.read(1)[0, 0]

    with ThreadPoolExecutor(1) as threads:
        with handles.handle(path, "old", None):
            netcdf(2)
            after = threads.submit(corner)
            wait([after], timeout=0.5)

        assert after.result(10) == 2
    handles.close()


def _reopened(path):
    while True:
        try:
            return open_gdal(path)
        except SourceError:
            continue


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_files_of_its_own(write):
    path = write(ramp(1, 512, 512), endianness="big")
    program = f"""
import os
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.imagery.sources.handles import pool
source = open_gdal({str(path)!r})
window = Window(rows=(0, 512), columns=(0, 512))
parents = source.read(0, window, (0,)).values
assert len(pool) == 1
child = os.fork()
if not child:
    kept = len(pool)
    same = (source.read(0, window, (0,)).values == parents).all()
    os._exit(0 if same and kept == 0 else 1)
assert os.waitpid(child, 0)[1] == 0
assert (source.read(0, window, (0,)).values == parents).all()
"""
    home = Path(__file__).parents[3]

    subprocess.run([sys.executable, "-c", program], check=True, cwd=home, timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_the_pool_is_locked_is_not_stuck(write):
    whole(open_gdal(write(ramp(1, 5, 5))))
    with pool._changed:
        child = os.fork()
        if not child:
            os._exit(0 if pool._changed.acquire(timeout=5) else 1)

    assert os.waitpid(child, 0)[1] == 0


def test_a_program_that_ends_with_open_rasters_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", waves((40, 50)), (0, 0, 5, 4), "EPSG:4326")
    code = (
        "import sys; from exportimage_wsgi import *;"
        "export = export_image(ImageService.open(sys.argv[1]), ExportRequest(size=(20, 20)));"
        "b''.join(export.stream())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
