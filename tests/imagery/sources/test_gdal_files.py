"""Rasters made of several files: each missing or changed one is noticed, every time."""

from __future__ import annotations

import os
import subprocess
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources import is_current, open_source
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from tests.imagery.sources.reading import ramp, whole


@pytest.fixture
def mosaic(write, tmp_path):
    """A VRT of two rasters side by side."""
    for number in (0, 1):
        place = Affine(10, 0, 500000 + 200 * number, 0, -10, 5000000)
        write(ramp(1, 20, 20) + number, f"part{number}.tif", transform=place)
    return build(tmp_path / "mosaic.vrt", "part0.tif", "part1.tif")


def build(path, *parts):
    subprocess.run(["gdalbuildvrt", "-q", path.name, *parts], check=True, cwd=path.parent)
    return path


def test_a_mosaic_in_a_file_is_read_as_gdal_reads_it(mosaic):
    with rasterio.open(mosaic) as witness:
        assert np.array_equal(whole(open_gdal(mosaic)).values, witness.read())


def test_the_files_of_a_mosaic_of_mosaics_are_all_known(mosaic, tmp_path):
    outer = build(tmp_path / "outer.vrt", "mosaic.vrt")

    files = open_gdal(outer).stored.files

    assert [os.path.basename(file) for file in files] == ["mosaic.vrt", "part0.tif", "part1.tif"]


@pytest.mark.parametrize("nested", [False, True])
def test_a_mosaic_with_a_missing_part_is_refused(mosaic, tmp_path, nested):
    path = build(tmp_path / "outer.vrt", "mosaic.vrt") if nested else mosaic
    (tmp_path / "part1.tif").unlink()

    with pytest.raises(SourceError, match=r"\.vrt needs part1\.tif, which is missing"):
        open_gdal(path)


def test_a_mosaic_with_a_broken_part_is_refused(mosaic, tmp_path):
    (tmp_path / "part1.tif").write_bytes(b"no raster")

    with pytest.raises(SourceError, match=r"mosaic\.vrt needs part1\.tif, which is damaged"):
        open_gdal(mosaic)


def test_a_part_that_goes_and_comes_is_an_error_and_then_read(mosaic, tmp_path, write):
    other = open_gdal(build(tmp_path / "other.vrt", "part0.tif"))
    source, part = open_gdal(mosaic), tmp_path / "part1.tif"
    before = whole(source).values
    whole(other)  # Its dataset stays open, and with it what GDAL remembers of files.
    data = part.read_bytes()

    part.unlink()
    for _ in range(3):
        with pytest.raises(SourceError):
            whole(source)
        with pytest.raises(SourceError):
            open_gdal(mosaic)
    part.write_bytes(data)

    assert np.array_equal(whole(open_gdal(mosaic)).values, before)


def test_a_part_that_could_not_be_opened_is_not_blank_afterwards(mosaic, tmp_path, monkeypatch):
    whole(open_gdal(build(tmp_path / "other.vrt", "part0.tif")))
    source, part = open_gdal(mosaic), tmp_path / "part1.tif"
    monkeypatch.setattr(type(source), "_check_version", lambda _: None)  # As if it was too late.
    data = part.read_bytes()

    part.write_bytes(b"for a moment no raster")
    for _ in range(3):
        with pytest.raises(SourceError, match="a block of it cannot be read"):
            whole(source)
    part.write_bytes(data)

    with rasterio.open(mosaic) as witness:
        assert np.array_equal(whole(source).values, witness.read())


def test_a_replaced_part_is_noticed(mosaic, tmp_path):
    source, part = open_gdal(mosaic), tmp_path / "part1.tif"
    whole(source)

    os.utime(part, ns=(1, 1))

    assert not is_current(source)
    with pytest.raises(SourceError, match=r"mosaic\.vrt was replaced while it was served"):
        whole(source)


def test_a_replaced_part_of_many_is_noticed_within_a_second(write, tmp_path, monkeypatch):
    for number in range(40):
        place = Affine(10, 0, 500000 + 200 * number, 0, -10, 5000000)
        write(ramp(1, 20, 20), f"{number}.tif", transform=place)
    path = build(tmp_path / "many.vrt", *(f"{number}.tif" for number in range(40)))
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    source = open_gdal(path)
    clock[0] += 1.5
    assert len(source.stored.files) == 40 and is_current(source)

    os.utime(tmp_path / "20.tif", ns=(1, 1))
    clock[0] += 1.5

    assert not is_current(source)


@pytest.mark.parametrize("change", [os.unlink, lambda file: os.utime(file, ns=(1, 1))])
def test_a_changed_overview_file_is_a_changed_raster(write, change):
    path = write(ramp(1, 600, 600))
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews((2,))
    source = open_gdal(path)
    whole(source, 1)

    change(path.with_name("scene.tif.ovr"))

    with pytest.raises(SourceError, match=r"scene\.tif was replaced"):
        whole(source, 1)
    assert open_gdal(path) != source


def test_a_side_car_that_appears_is_a_change(write):
    path = write(ramp(1, 600, 600))
    source = open_gdal(path)

    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews((2,))

    assert not is_current(source)


def test_a_link_that_points_elsewhere_is_a_change(write, tmp_path):
    one, two = write(ramp(1, 9, 9), "1.tif"), write(ramp(1, 9, 9) + 1, "2.tif")
    link = tmp_path / "link.tif"
    link.symlink_to(one)
    source = open_gdal(link)
    whole(source)

    link.unlink()
    link.symlink_to(two)

    with pytest.raises(SourceError, match=r"link\.tif was replaced"):
        whole(source)
    assert np.array_equal(whole(open_gdal(link)).values, ramp(1, 9, 9) + 1)


def test_a_file_that_is_gone_is_missing_until_it_is_back(write, tmp_path):
    path = write(ramp(1, 9, 9))
    source = open_gdal(path)
    whole(source)

    path.rename(tmp_path / "away.tif")
    with pytest.raises(SourceError, match=r"scene\.tif is missing"):
        whole(source)
    (tmp_path / "away.tif").rename(path)

    assert np.array_equal(whole(source).values, ramp(1, 9, 9))


def test_a_file_rewritten_in_place_is_another_raster(write):
    path = write(ramp(1, 9, 9))
    source = open_gdal(path)
    whole(source)
    data = write(ramp(1, 9, 9) + 1, "other.tif").read_bytes()

    with path.open("r+b") as file:
        file.write(data)

    with pytest.raises(SourceError, match="was replaced"):
        whole(source)
    assert np.array_equal(whole(open_gdal(path)).values, ramp(1, 9, 9) + 1)


TILED = {"tiled": True, "blockxsize": 16, "blockysize": 16}


@pytest.mark.parametrize("layout", [TILED, {"nbits": 7}])
@pytest.mark.parametrize("bands", [1, 3])
def test_nothing_of_another_file_is_left_when_the_first_is_back(write, layout, bands):
    """Read without GDAL, and with it; the other file has as many bands, or fewer."""
    path = write(ramp(3, 40, 40) % 100, **layout)
    source = open_gdal(path)
    away = path.rename(path.with_name("away.tif"))
    other = write(ramp(bands, 40, 40) % 100 + 1, "other.tif", **layout)
    other.rename(path)

    with pytest.raises(SourceError, match=r"scene\.tif was replaced"):
        whole(source)
    away.rename(path)

    assert np.array_equal(whole(source).values, ramp(3, 40, 40) % 100)


def test_a_raster_in_an_archive_is_read_until_the_archive_changes(write, tmp_path):
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(write(ramp(3, 20, 20)), "inside/scene.tif")
    address = f"/vsizip/{archive}/inside/scene.tif"
    source = open_source(address)
    assert np.array_equal(whole(source).values, ramp(3, 20, 20))

    with zipfile.ZipFile(archive, "w") as file:
        file.write(write(ramp(3, 20, 20) + 1), "inside/scene.tif")

    with pytest.raises(SourceError, match=r"scene\.tif was replaced"):
        whole(source)
    assert np.array_equal(whole(open_source(address)).values, ramp(3, 20, 20) + 1)


def test_an_archive_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(SourceError, match=r"scene\.tif is missing"):
        open_source(f"/vsizip/{tmp_path}/no.zip/scene.tif")


@pytest.mark.parametrize("missing", [1, 100])
def test_a_flat_file_that_is_too_short_is_refused(write, tmp_path, missing):
    path = tmp_path / "flat.bin"
    plain = write(ramp(2, 50, 40, "int16"))
    subprocess.run(["gdal_translate", "-q", "-of", "ENVI", plain, path], check=True)
    assert np.array_equal(whole(open_gdal(path)).values, ramp(2, 50, 40, "int16"))

    path.write_bytes(path.read_bytes()[:-missing])

    with pytest.raises(SourceError, match=r"flat\.bin is damaged: it is shorter than its header"):
        open_gdal(path)


def test_bits_in_a_flat_file_are_not_taken_for_bytes(write, tmp_path):
    path = tmp_path / "flat.bil"
    plain = write(ramp(1, 50, 40) % 2, nbits=1)
    subprocess.run(
        ["gdal_translate", "-q", "-of", "EHdr", "-co", "NBITS=1", plain, path], check=True
    )

    assert np.array_equal(whole(open_gdal(path)).values, ramp(1, 50, 40) % 2)
