"""Statistics: NumPy's of the valid pixels, found once, the same for every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.imagery import statistics as module
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.imagery.statistics import (
    default_directory,
    kept_statistics,
    statistics_of,
)
from exportimage_wsgi.pixels import Statistics
from tests.rasters import in_memory, waves, write

AFFINE = Affine(10, 0, 450000, 0, -10, 5580000)
BOUNDS = (450000, 5550000, 480000, 5580000)


def source(array, mask=None, version="one", **facts):
    found = in_memory(array, AFFINE, crs_from_wkid(32633), mask=mask, **facts)
    return replace(found, info=replace(found.info, version=version))


def expected(pixels):
    """What NumPy says of the pixels of one band."""
    wide = pixels.astype(np.float64)
    return pytest.approx((wide.min(), wide.max(), wide.mean(), wide.std()), rel=1e-12)


def test_each_band_has_its_own():
    scene = waves((70, 90), bands=3)

    found = statistics_of(source(scene))

    assert [astuple(band) == expected(s) for band, s in zip(found, scene, strict=True)] == [
        True
    ] * 3


def test_only_valid_pixels_count():
    scene, mask = waves((70, 90), bands=2), np.full((2, 70, 90), 255, "uint8")
    mask[0, :30], mask[1, :, 40:], mask[:, 50, 3] = 0, 0, 1

    found = statistics_of(source(scene, mask))

    assert astuple(found[0]) == expected(scene[0][mask[0] > 0])
    assert astuple(found[1]) == expected(scene[1][mask[1] > 0])


def test_infinite_pixels_do_not_count():
    scene = np.array([[[1, np.inf, 3, -np.inf, np.nan]]])

    assert statistics_of(source(scene)) == (Statistics(minimum=1, maximum=3, mean=2, deviation=1),)


def test_of_complex_pixels_the_magnitude_counts():
    scene = np.array([[[3 + 4j, -12j, 0]]])

    assert astuple(statistics_of(source(scene))[0]) == expected(np.array([5, 12, 0]))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32", "float32", "float64"])
def test_every_type_is_summed_without_overflow(dtype):
    scene = np.full((1, 300, 300), 120, dtype)
    scene[0, 0, 0] = 100

    assert astuple(statistics_of(source(scene))[0]) == expected(scene)


def test_the_largest_doubles_are_summed_without_overflow():
    scene = np.array([[[1.5e308, -1.5e308, 1.5e308, -1.5e308]]])

    (found,) = statistics_of(source(scene))

    assert found.mean == pytest.approx(0, abs=1e293)
    assert found.deviation == pytest.approx(1.5e308)


def test_a_band_without_valid_pixels_has_none():
    mask = np.full((2, 4, 4), 255, "uint8")
    mask[1] = 0

    assert statistics_of(source(np.ones((2, 4, 4)), mask)) is None


@pytest.mark.parametrize("values", [1, 7 * 90, 10_000, 1 << 30])
def test_the_strips_do_not_show(monkeypatch, values):
    scene, mask = waves((70, 90), bands=2), np.full((1, 70, 90), 255, "uint8")
    mask[0, 3:40] = 0
    monkeypatch.setattr(module, "_STRIP_VALUES", values)

    found = statistics_of(source(scene, mask))

    assert astuple(found[1]) == expected(scene[1][mask[0] > 0])


def test_strips_hold_a_bounded_number_of_values():
    scene = source(np.zeros((200, 100, 100), "uint8"))
    windows = module._windows(replace(scene, info=replace(scene.info)), 0)

    assert max(w.pixels for w in windows) * 200 <= 1 << 22
    assert sum(w.pixels for w in windows) == 100 * 100


@pytest.mark.parametrize(
    ("shapes", "level"),
    [
        ([(100, 100)], 0),
        ([(4000, 4000), (2000, 2000), (1000, 1000), (500, 500)], 2),
        ([(1200, 1000), (600, 500)], 0),
    ],
)
def test_the_coarsest_level_with_a_million_pixels_is_read(shapes, level):
    arrays = [np.full((1, *shape), place, "uint8") for place, shape in enumerate(shapes)]

    (found,) = statistics_of(source(arrays[0], overviews=tuple(arrays[1:])))

    assert found.mean == level


def test_those_of_the_raster_come_first():
    own = (Statistics(minimum=-1, maximum=9, mean=4, deviation=2),)

    assert statistics_of(source(np.zeros((1, 4, 4)), statistics=own)) == own
    assert kept_statistics(source(np.zeros((1, 4, 4)), statistics=own)) == own


def test_they_agree_with_gdals(tmp_path):
    path = write(tmp_path / "a.tif", waves((300, 400)), BOUNDS, "EPSG:32633", nodata=0)
    subprocess.run(["gdalinfo", "-stats", path], check=True, capture_output=True)
    with rasterio.open(path) as witness:
        tags = witness.tags(1)
    os.unlink(f"{path}.aux.xml")

    (found,) = statistics_of(open_gdal(path))

    names = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV")
    assert astuple(found) == pytest.approx([float(tags[f"STATISTICS_{n}"]) for n in names])


def test_those_that_gdal_left_beside_the_file_are_taken(tmp_path):
    path = write(tmp_path / "a.tif", waves((300, 400)), BOUNDS, "EPSG:32633")
    subprocess.run(["gdalinfo", "-stats", path], check=True, capture_output=True)

    (found,) = open_gdal(path).info.statistics

    assert astuple(found) == pytest.approx(astuple(statistics_of(source(waves((300, 400))))[0]))


@pytest.fixture
def reads(monkeypatch):
    """How often the pixels were read for statistics; nothing is remembered from before."""
    monkeypatch.setattr(module, "_known", {})
    count, plain = [], module.statistics_of
    monkeypatch.setattr(module, "statistics_of", lambda each: count.append(1) or plain(each))
    return count


def test_they_are_found_once_in_a_process(tmp_path, reads):
    scene = source(waves((70, 90)))

    assert kept_statistics(scene, tmp_path) == kept_statistics(scene, tmp_path)
    assert len(reads) == 1


def test_they_are_found_once_for_all_processes(tmp_path, reads):
    scene = source(waves((70, 90), bands=2))
    first = kept_statistics(scene, tmp_path)

    module._known.clear()  # As in another process.

    assert kept_statistics(scene, tmp_path) == first and len(reads) == 1


def test_that_there_are_none_is_kept_too(tmp_path, reads):
    scene = source(np.ones((1, 4, 4)), np.zeros((1, 4, 4), "uint8"))
    assert kept_statistics(scene, tmp_path) is None

    module._known.clear()

    assert kept_statistics(scene, tmp_path) is None and len(reads) == 1


def test_another_version_has_its_own(tmp_path, reads):
    one, two = source(np.full((1, 4, 4), 1.0)), source(np.full((1, 4, 4), 2.0), version="two")

    assert kept_statistics(one, tmp_path) != kept_statistics(two, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 2


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 0, "bands": null}', '{"format": 2}', "[" * 9000]
)
def test_what_cannot_be_understood_is_found_anew(tmp_path, reads, content):
    scene = source(waves((70, 90)))
    first = kept_statistics(scene, tmp_path)
    (file,) = tmp_path.glob("*.json")

    file.write_text(content)
    module._known.clear()

    assert kept_statistics(scene, tmp_path) == first and len(reads) == 2
    assert json.loads(file.read_text())["format"] == 2


def test_those_of_another_number_of_bands_are_found_anew(tmp_path, reads):
    one, two = source(waves((70, 90))), source(waves((70, 90), bands=2))
    kept_statistics(one, tmp_path)

    module._known.clear()

    assert len(kept_statistics(two, tmp_path)) == 2


def test_a_folder_that_cannot_be_made_keeps_nothing_but_in_memory(tmp_path, reads):
    (tmp_path / "file").write_text("in the way")
    scene = source(waves((70, 90)))

    for _ in range(2):
        assert kept_statistics(scene, tmp_path / "file" / "folder") is not None
    assert len(reads) == 1


def test_a_failed_write_leaves_nothing_behind(tmp_path, reads, monkeypatch):
    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(module.os, "replace", fail)

    assert kept_statistics(source(waves((70, 90))), tmp_path) is not None
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_not_kept(tmp_path, reads, monkeypatch):
    path = write(tmp_path / "a.tif", waves((70, 90)), BOUNDS, "EPSG:32633")
    scene, data = open_gdal(path), Path(path).read_bytes()
    os.rename(path, f"{path}.away")
    with pytest.raises(SourceError, match="is missing"):
        kept_statistics(scene, tmp_path)

    os.rename(f"{path}.away", path)

    assert astuple(kept_statistics(scene, tmp_path)[0]) == expected(waves((70, 90)))
    assert Path(path).read_bytes() == data


def test_threads_find_them_once(tmp_path, reads, monkeypatch):
    meeting, scene = threading.Barrier(4), source(waves((300, 400)))

    def find(_):
        meeting.wait(10)
        return kept_statistics(scene, tmp_path)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(find, range(4)))

    assert len(set(found)) == 1 == len(reads)


def test_of_too_many_files_the_older_half_goes(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(module, "_MOST_FILES", 3)
    written = []

    for number in range(4):
        kept_statistics(source(np.ones((1, 4, 4)), version=str(number)), tmp_path)
        newest = max(tmp_path.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
        os.utime(newest, (number, number))
        written.append(newest)

    assert {*tmp_path.glob("*.json")} == {*written[2:]}


def test_processes_find_the_same(tmp_path):
    path = write(tmp_path / "a.tif", waves((1500, 1100), bands=2), BOUNDS, "EPSG:32633")
    program = f"""
from exportimage_wsgi.imagery.sources import open_source
from exportimage_wsgi.imagery.statistics import statistics_of
print(statistics_of(open_source({path!r})))
"""
    home = Path(__file__).parents[2]

    found = {subprocess.check_output([sys.executable, "-c", program], cwd=home) for _ in range(2)}

    assert found == {f"{statistics_of(open_gdal(path))}\n".encode()}


@pytest.mark.parametrize(
    ("cache", "home", "folder"),
    [
        ("/var/cache", "/home/me", "/var/cache/exportimage-wsgi/statistics"),
        ("", "/home/me", "/home/me/.cache/exportimage-wsgi/statistics"),
        ("relative", "/home/me", "/home/me/.cache/exportimage-wsgi/statistics"),
    ],
)
def test_the_folder_is_in_the_users_cache(monkeypatch, cache, home, folder):
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", home)

    assert default_directory() == Path(folder)


def test_a_user_without_a_home_keeps_nothing_but_in_memory(reads, monkeypatch, tmp_path):
    """As in a container that runs under a number of its own: "~" is a name like any other then."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    scene = source(waves((70, 90)), version="of nobody")

    assert kept_statistics(scene) == kept_statistics(scene)

    assert default_directory() is None
    assert len(reads) == 1 and not list(tmp_path.iterdir())
