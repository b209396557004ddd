"""The catalogue: names and folders, rasters that open when needed, come and go; and stems."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray

from exportimage_wsgi import catalog as catalog_module
from exportimage_wsgi.catalog import Catalog, Offer
from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import ConfigError, NotFoundError, SourceError
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources import address_of, is_current, open_source
from exportimage_wsgi.pixels import Interpolation
from exportimage_wsgi.rasters import named, rasters_below, stem, told_in_full
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.settings import ServiceSettings
from tests.rasters import write

BOX = (-120.0, 30.0, -110.0, 38.0)


@pytest.fixture
def scene(tmp_path: Path) -> str:
    return flat(tmp_path / "scene.tif", 1)


def flat(path: Path, value: int, size: int = 20, bands: int = 1) -> str:
    """A raster of one value; in place of another it has another inode, as a mv would give it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = write(f"{path}.new", np.full((bands, size, size), value, "u1"), BOX, "EPSG:4326")
    os.replace(new, path)
    return str(path)


def first_value(service: ImageService) -> int:
    return int(service.source.read(0, Window(rows=(0, 1), columns=(0, 1)), (0,)).values[0, 0, 0])


def array() -> xarray.DataArray:
    coordinates = {"y": [3.0, 2.0, 1.0], "x": [1.0, 2.0]}
    data = xarray.DataArray(np.arange(6.0).reshape(3, 2), coordinates, ("y", "x"))
    return data.rio.write_crs(4326)


# --- what a catalogue is made of ------------------------------------------------------------


def test_a_dictionary_may_hold_paths_arrays_and_services(scene: str) -> None:
    service = ImageService.open(scene, name="other")

    catalog = Catalog.of({"A/path": scene, "array": array(), "B/service": service})

    assert catalog.names() == ("A/path", "array", "B/service")
    assert [catalog.service(name).name for name in catalog.names()] == list(catalog.names())
    assert catalog.service("array").info.grid.shape_yx == (3, 2)
    assert catalog.single is None


def test_a_path_may_be_a_path_object(scene: str) -> None:
    assert Catalog.of({"a": Path(scene)}).service("a").info.band_count == 1


def test_a_catalogue_is_given_back_as_it_is(scene: str) -> None:
    catalog = Catalog.of({"a": scene})

    assert Catalog.of(catalog) is catalog


def test_one_service_is_the_single_one(scene: str) -> None:
    service = ImageService.open(scene, resampling=Interpolation.CUBIC)

    catalog = Catalog.of(service)

    assert (catalog.single, catalog.names()) == ("scene", ("scene",))
    assert catalog.service("scene") == service


def test_a_file_gives_names_rasters_and_settings(tmp_path: Path, scene: str) -> None:
    file = tmp_path / "services.toml"
    file.write_text('[services."A/b"]\nsource = "scene.tif"\ndescription = "flat"\nnodata = 1')

    for source in (file, str(file), Config.load(file)):
        service = Catalog.of(source).service("A/b")

        assert service.settings.description == "flat"
        assert service.info.nodata == (1.0,)


def test_what_is_none_of_these_is_refused() -> None:
    with pytest.raises(TypeError, match="not of a int"):
        Catalog.of(7)


def test_names_that_break_urls_are_all_told() -> None:
    with pytest.raises(ConfigError) as caught:
        Catalog.of({"a?": "a.tif", "good": "b.tif", "a//b": "c.tif"})

    assert [fault.partition(":")[0] for fault in caught.value.faults] == [
        "service 'a?'",
        "service 'a//b'",
    ]


def test_names_that_differ_in_letter_case_only_are_refused() -> None:
    with pytest.raises(ConfigError, match="service 'a/B': differs from A/b in letter case only"):
        Catalog.of({"A/b": "a.tif", "a/B": "b.tif"})


# --- folders --------------------------------------------------------------------------------


def test_folders_list_what_lies_directly_in_them() -> None:
    catalog = Catalog.of(dict.fromkeys(["b", "A/x/deep", "A/y", "c/z", "a"], "x.tif"))

    top, below, deepest = (catalog.folder(path) for path in ("", "A", "A/x"))

    assert (top.folders, top.services) == (("A", "c"), ("a", "b"))
    assert (below.folders, below.services) == (("A/x",), ("A/y",))
    assert (deepest.folders, deepest.services) == ((), ("A/x/deep",))


def test_an_empty_catalogue_has_its_top() -> None:
    assert Catalog.of({}).folder("").services == ()


@pytest.mark.parametrize("path", ["B", "A/x/deep", "a", "A/"])
def test_a_folder_that_is_none_is_not_found(path: str) -> None:
    with pytest.raises(NotFoundError, match="Folder"):
        Catalog.of({"A/x/deep": "x.tif"}).folder(path)


def test_a_service_that_is_none_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="Service b/ImageServer not found"):
        Catalog.of({"a": "x.tif"}).service("b")


# --- opening --------------------------------------------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was opened, in order."""
    found: list[Any] = []

    class Counted(ImageService):
        @classmethod
        def open(cls, raster: Any, **options: Any) -> ImageService:
            found.append(raster)
            return ImageService.open(raster, **options)

    monkeypatch.setattr(catalog_module, "ImageService", Counted)
    return found


def test_a_raster_is_opened_once_and_when_it_is_needed(scene: str, opened: list[Any]) -> None:
    catalog = Catalog.of({"a": scene, "b": scene})
    assert opened == []

    first, again = catalog.service("a"), catalog.service("a")

    assert first is again
    assert opened == [scene]


def test_threads_that_come_at_once_open_it_once(scene: str, opened: list[Any]) -> None:
    catalog, wait = Catalog.of({"a": scene}), threading.Barrier(8)
    found: list[ImageService] = []

    def work() -> None:
        wait.wait()
        found.append(catalog.service("a"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8 and opened == [scene]


def test_a_missing_raster_is_its_own_service_s_error(tmp_path: Path, scene: str) -> None:
    catalog = Catalog.of({"gone": str(tmp_path / "gone.tif"), "here": scene})

    with pytest.raises(SourceError, match=r"gone\.tif is missing"):
        catalog.service("gone")
    assert catalog.service("here").info.band_count == 1


def test_it_is_served_as_soon_as_it_is_there(tmp_path: Path) -> None:
    catalog = Catalog.of({"late": str(tmp_path / "late.tif")})
    with pytest.raises(SourceError):
        catalog.service("late")

    flat(tmp_path / "late.tif", 5)

    assert first_value(catalog.service("late")) == 5


def test_a_replaced_raster_is_opened_again_with_its_settings(scene: str) -> None:
    catalog = Catalog({"a": Offer(raster=scene, settings=ServiceSettings(nodata=7))})
    before = catalog.service("a")

    flat(Path(scene), 2, size=30)
    after = catalog.service("a")

    assert first_value(after) == 2
    assert (before.info.grid.shape_yx, after.info.grid.shape_yx) == ((20, 20), (30, 30))
    assert after.info.nodata == (7.0,)


def test_a_service_that_was_given_open_is_opened_again_with_its_settings(scene: str) -> None:
    catalog = Catalog.of({"a": ImageService.open(scene, nodata=7, copyright="mine")})
    assert first_value(catalog.service("a")) == 1

    flat(Path(scene), 2)

    assert first_value(catalog.service("a")) == 2
    assert catalog.service("a").info.nodata == (7.0,)
    assert catalog.service("a").settings.copyright == "mine"
    assert catalog.service("a") is catalog.service("a")


def test_a_raster_that_goes_away_and_comes_back_works_again(scene: str) -> None:
    catalog = Catalog.of({"a": scene})
    catalog.service("a")
    os.rename(scene, f"{scene}.away")

    with pytest.raises(SourceError, match="is missing"):
        catalog.service("a")
    os.rename(f"{scene}.away", scene)

    assert first_value(catalog.service("a")) == 1


def test_a_raster_that_is_cut_short_is_an_error_until_it_is_whole(scene: str) -> None:
    catalog = Catalog.of({"a": scene})
    catalog.service("a")
    Path(scene).write_bytes(b"II*\0")

    with pytest.raises(SourceError, match=r"scene\.tif"):
        catalog.service("a")
    flat(Path(scene), 3)

    assert first_value(catalog.service("a")) == 3


def test_overviews_that_are_built_beside_it_are_found(tmp_path: Path) -> None:
    path = flat(tmp_path / "large.tif", 1, size=600)
    catalog = Catalog.of({"a": path})
    before = [level.overview for level in catalog.service("a").info.levels]

    with (
        rasterio.Env(TIFF_USE_OVR=True),
        rasterio.open(path, "r+") as dataset,
    ):
        dataset.build_overviews([2])

    assert before.count(0) == 0
    assert [level.overview for level in catalog.service("a").info.levels].count(0) > 0


def test_settings_that_do_not_fit_the_raster_are_its_own_service_s_error(scene: str) -> None:
    settings = ServiceSettings(band_names=("one", "two"))

    with pytest.raises(SourceError, match="2 band names for 1 band of"):
        Catalog({"a": Offer(raster=scene, settings=settings)}).service("a")


def test_a_list_is_a_mosaic(scene: str) -> None:
    assert Catalog.of({"a": [scene, scene]}).service("a").is_mosaic


# --- what is still the same -----------------------------------------------------------------


def test_a_source_is_current_until_its_file_changes(scene: str) -> None:
    source = open_source(scene)
    assert is_current(source)

    os.utime(scene, ns=(1, 1))

    assert not is_current(source)


def test_a_missing_file_is_not_current(scene: str) -> None:
    source = open_source(scene)
    os.unlink(scene)

    assert not is_current(source)


def test_an_array_is_always_current() -> None:
    assert is_current(open_source(array()))


@pytest.fixture(params=["netcdf", "zarr"])
def cube(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[float], str]:
    """Writes a cube of two times with one value and gives its address."""
    kind = request.param
    pytest.importorskip("zarr" if kind == "zarr" else "netCDF4")

    def write_cube(value: float) -> str:
        coordinates = {"time": [0, 1], "lat": [2.0, 1.0], "lon": [1.0, 2.0]}
        data = np.full((2, 2, 2), value) + np.arange(2.0)[:, None, None]
        cube = xarray.Dataset({"t": (("time", "lat", "lon"), data)}, coordinates)
        cube["lat"].attrs["units"] = "degrees_north"
        cube["lon"].attrs["units"] = "degrees_east"
        if kind == "zarr":
            cube.to_zarr(tmp_path / "cube.zarr", mode="w", zarr_format=2, consolidated=True)
        else:
            cube.to_netcdf(tmp_path / "new.nc")
            os.replace(tmp_path / "new.nc", tmp_path / "cube.nc")
        return str(tmp_path / ("cube.zarr" if kind == "zarr" else "cube.nc")) + "#t?time=1"

    return write_cube


def test_a_slice_is_opened_again_when_its_file_is_another(cube: Callable[[float], str]) -> None:
    service = ImageService.open(cube(10), name="t")
    catalog = Catalog.of(service)
    assert is_current(service.source)
    assert first_value(catalog.service("t")) == 11

    cube(20)

    assert not is_current(service.source)
    assert first_value(catalog.service("t")) == 21


def test_the_address_of_a_slice_opens_the_same(cube: Callable[[float], str]) -> None:
    source = open_source(cube(10))

    assert open_source(address_of(source)) == source


# --- rasters without a configuration --------------------------------------------------------


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_rasters_are_told_by_their_endings(tmp_path: Path) -> None:
    rasters = ["a.tif", "B.TIFF", "c.vrt", "d.jp2", "e.img", "sub/f.nc", "store.zarr"]
    sides = ["a.tif.ovr", "a.tif.aux.xml", "a.tif.msk", "a.tfw", "x.txt", ".hidden.tif", ".x/y.tif"]
    touch(tmp_path, *rasters, *sides)

    found = {str(path.relative_to(tmp_path)) for path in rasters_below(tmp_path)}

    assert found == set(rasters)


def test_a_picture_is_a_raster_if_a_file_beside_it_places_it(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.pgw", "b.png", "c.jpg", "c.jpg.aux.xml", "d.jpg", "e.gif", "e.wld")

    assert [path.name for path in rasters_below(tmp_path)] == ["a.png", "c.jpg", "e.gif"]


def test_folders_that_are_rasters_are_not_looked_into(tmp_path: Path) -> None:
    touch(tmp_path, "cube.zarr/inner.tif", "grid/hdr.adf", "grid/w001001.tif")

    assert [path.name for path in rasters_below(tmp_path)] == ["cube.zarr", "grid"]


def test_a_link_that_leads_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "sub/a.tif")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)

    assert [path.name for path in rasters_below(tmp_path)] == ["a.tif"]


def test_sub_folders_become_folders_of_the_catalogue(tmp_path: Path) -> None:
    touch(tmp_path, "top.tif", "A/one.tif", "A/B/two.v2.tif")

    found = named([str(tmp_path)])

    assert found == {
        "A/B/two.v2": f"{tmp_path}/A/B/two.v2.tif",
        "A/one": f"{tmp_path}/A/one.tif",
        "top": f"{tmp_path}/top.tif",
    }


def test_files_and_folders_can_be_given_together(tmp_path: Path) -> None:
    touch(tmp_path, "folder/a.tif", "b.tif")

    assert set(named([f"{tmp_path}/folder", f"{tmp_path}/b.tif"])) == {"a", "b"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/scene.tif", "scene"),
        ("a/scene.2020.tif", "scene.2020"),
        ("cube.nc#t2m", "t2m"),
        ("cube.nc#t2m?time=0", "t2m"),
        ("https://host/a/scene.tif?token=1", "scene"),
        ("/vsizip/a.zip/scene.tif", "scene"),
    ],
)
def test_a_raster_is_called_by_its_stem_or_its_variable(path: str, name: str) -> None:
    assert stem(path) == name


def test_stems_that_clash_name_both_files(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif", "a.vrt", "sub/a.tif")

    with pytest.raises(ConfigError) as caught:
        named([str(tmp_path)])

    (fault,) = caught.value.faults
    assert f"{tmp_path}/a.tif and {tmp_path}/a.vrt would both be called a" in fault


def test_stems_that_differ_in_letter_case_only_clash(tmp_path: Path) -> None:
    touch(tmp_path, "Sub/A.tif", "sub/a.tif")

    with pytest.raises(
        ConfigError, match=r"Sub/A\.tif and .*sub/a\.tif would both be called Sub/A"
    ):
        named([str(tmp_path)])


@pytest.mark.parametrize(
    ("message", "path", "told"),
    [
        ("a.tif is missing", "/x/a.tif", "/x/a.tif is missing"),
        ("a.tif is missing", "/x/y/../a.tif", "/x/a.tif is missing"),
        ("a.nc is missing", "/x/a.nc#t", "/x/a.nc is missing"),
        ("a.nc#t is missing", "/x/a.nc#t", "/x/a.nc#t is missing"),
        ("2 names for 1 band of a.tif", "/x/a.tif", "/x/a.tif: 2 names for 1 band of a.tif"),
        ("a.tif is gone", "https://me:pw@host/x/a.tif?key=1", "https://host/x/a.tif is gone"),
        ("a.tif is gone", "/vsizip/x.zip/a.tif", "/vsizip/x.zip/a.tif is gone"),
    ],
)
def test_an_operator_is_told_the_full_path_without_secrets(
    message: str, path: str, told: str
) -> None:
    assert told_in_full(message, path) == told


def test_a_relative_path_is_told_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert told_in_full("a.tif is missing", "a.tif") == f"{tmp_path}/a.tif is missing"


def test_the_same_raster_twice_is_one_service(tmp_path: Path) -> None:
    touch(tmp_path, "a.tif")

    assert list(named([str(tmp_path), f"{tmp_path}/a.tif"])) == ["a"]


def test_paths_that_are_missing_or_empty_are_all_told(tmp_path: Path) -> None:
    touch(tmp_path, "empty/x.txt")

    with pytest.raises(ConfigError) as caught:
        named([f"{tmp_path}/empty", f"{tmp_path}/gone.tif", f"{tmp_path}/gone.nc#t"])

    assert caught.value.faults == (
        f"{tmp_path}/empty: there is no raster in this folder",
        f"{tmp_path}/gone.tif: there is no such file",
        f"{tmp_path}/gone.nc#t: there is no such file",
    )
