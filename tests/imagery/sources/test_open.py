"""One door for all rasters: what is opened as what."""

from __future__ import annotations

import os

import numpy as np
import pytest
import rioxarray  # noqa: F401 - gives arrays their .rio
import xarray

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources import address_of, open_source
from tests.imagery.sources.reading import ramp, whole
from tests.rasters import folder_for_all, kept_from_us


@pytest.fixture
def array():
    values = xarray.DataArray(ramp(1, 4, 5)[0], dims=("y", "x"), name="heat")
    places = {"y": [3.5, 2.5, 1.5, 0.5], "x": np.arange(5) + 0.5}
    return values.assign_coords(places).rio.write_crs(32633)


def test_paths_are_opened_as_text_and_as_paths(write):
    path = write(ramp(1, 5, 5))

    assert open_source(path) == open_source(str(path))


def test_an_open_source_is_given_back(write):
    source = open_source(write(ramp(1, 5, 5)))

    assert open_source(source) is source
    with pytest.raises(ValueError, match="are said when a source is opened"):
        open_source(source, nodata=3)


def test_an_array_is_its_own_address(array):
    source = open_source(array)

    assert address_of(source) is source and source.info.format == "MEM"


@pytest.mark.parametrize(
    "name",
    [
        "ünï çødé 漢字.tif",
        "a#b.tif",
        "a?b.tif",
        "a&b<c>.tif",
        "%41.tif",
        "a'b\"c.tif",
        "a*b[1].tif",
        "zip!a.tif",
        "x.nc#y.tif",
        "NETCDF:x.tif",
        "-x.tif",
        "back\\slash.tif",
        "no ending",
    ],
)
def test_any_name_of_a_file_is_taken_as_it_is(write, monkeypatch, name):
    path = write(ramp(1, 300, 300), "plain.tif", mask=np.full((300, 300), 255, "uint8"))
    monkeypatch.chdir(path.parent)
    os.rename(path, name)

    for where in (name, path.parent / name):
        source = open_source(where)
        assert np.array_equal(whole(source).values, ramp(1, 300, 300))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nowhere.tif",
        "~/nowhere.tif",
        "nowhere\0.tif",
        "NETCDF:nowhere.nc:heat",
        "GTIFF_DIR:1:nowhere.tif",
        "<VRTDataset rasterXSize='1' rasterYSize='1'/>",
        "WMS:nowhere",
        "nowhere.nc#heat",
        "nowhere.zarr#heat",
        "x" * 5000,
    ],
)
def test_what_is_no_file_is_missing(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceError, match=r"is missing|cannot be reached"):
        open_source(text)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="access is another matter there")
@pytest.mark.parametrize("kept", ["itself", "its folder"])
@pytest.mark.parametrize("name", ["scene.tif", "cube.nc#heat", "store.zarr#heat"])
def test_what_we_may_not_read_is_neither_damaged_nor_missing(name, kept, array, write):
    with folder_for_all() as folder:
        file = folder / name.partition("#")[0]
        write(ramp(1, 5, 5)).rename(folder / "scene.tif")
        array.to_netcdf(folder / "cube.nc")
        array.to_zarr(folder / "store.zarr", consolidated=False)
        open_source(f"{folder / name}")

        with (
            kept_from_us(file if kept == "itself" else folder),
            pytest.raises(SourceError, match=f"^{file.name} cannot be read: Permission denied$"),
        ):
            open_source(f"{folder / name}")


@pytest.mark.parametrize("text", ["ftp://host/a.tif", "zip://a.zip!a.tif", "postgresql://host/db"])
def test_addresses_of_other_kinds_are_refused(text):
    with pytest.raises(SourceError, match="is not a kind of address that is read"):
        open_source(text)


@pytest.mark.parametrize("what", [["a.tif", "b.tif"], ("a.tif",), "*.tif", "."])
def test_several_rasters_are_not_one(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceError, match="one raster is needed"):
        open_source(what)


@pytest.mark.parametrize("what", [None, 5, b"a.tif", object()])
def test_anything_else_is_a_mistake_of_the_caller(what):
    with pytest.raises(TypeError, match="a raster is a path, a URL or a DataArray"):
        open_source(what)


def test_of_a_dataset_one_variable_is_to_be_given(array):
    with pytest.raises(TypeError, match="the one variable"):
        open_source(array.to_dataset())


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"II*\0", b"{}", b"<VRTDataset/>", b"<GDAL_WMS></GDAL_WMS>"]
)
@pytest.mark.parametrize("name", ["a.tif", "a.nc", "a.h5", "a.vrt", "a.png"])
def test_files_that_are_no_rasters_cannot_be_opened(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match="cannot be opened"):
        open_source(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_refused_before_it_blocks(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")

    with pytest.raises(SourceError, match=r"pipe\.tif is no file"):
        open_source(tmp_path / "pipe.tif")


def test_a_name_that_is_no_text_is_refused(write):
    path = os.fsencode(write(ramp(1, 5, 5)))
    os.rename(path, path + b"\xff")

    with pytest.raises(SourceError, match="its name is not UTF-8"):
        open_source(os.fsdecode(path + b"\xff"))
