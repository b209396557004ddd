"""What a process keeps of rasters is bounded, and stays so."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rasterio._env import get_gdal_config

from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.sources import tiled
from exportimage_wsgi.imagery.sources.budget import gdal_bytes, handles, keep_at_most
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from exportimage_wsgi.imagery.sources.settings import bound_gdal
from exportimage_wsgi.imagery.sources.tiff_tiles import tiled_file
from exportimage_wsgi.imagery.sources.tiled import kept
from tests.rasters import write


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gdal_bytes(0), handles()
    kept.clear()
    bound_gdal(0)
    yield
    keep_at_most(*before)


def test_gdal_keeps_no_more_blocks_than_is_said(tmp_path: Path) -> None:
    keep_at_most(7 << 20, 64)
    path = write(tmp_path / "a.tif", np.ones((1, 8, 8), "u1"), (0, 0, 1, 1), "EPSG:4326")

    open_gdal(path).read(0, Window(rows=(0, 8), columns=(0, 8)), (0,))

    # An `Env` of rasterio that has ended must not have taken the bound with it.
    assert get_gdal_config("GDAL_CACHEMAX") == 7 << 20


def test_gdal_keeps_what_tiles_that_are_unpacked_without_it_leave(tmp_path: Path) -> None:
    keep_at_most(1 << 20, 64)
    values = np.ones((1, 1024, 1024), "u1")
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    path = write(tmp_path / "a.tif", values, (0, 0, 1, 1), "EPSG:4326", **tiles)

    open_gdal(path).read(0, Window(rows=(0, 1024), columns=(0, 1024)), (0,))

    # Seven of the sixteen tiles; the list of them has room for itself.
    assert kept.nbytes == 7 * 256**2
    assert get_gdal_config("GDAL_CACHEMAX") == 1 << 19


def test_tiles_do_not_drive_out_the_tables_that_tell_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_at_most(1 << 20, 64)
    looked: list[int] = []
    monkeypatch.setattr(tiled, "tiled_file", lambda file: looked.append(file) or tiled_file(file))
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    values = np.ones((1, 1024, 1024), "u1")
    path = write(tmp_path / "b.tif", values, (0, 0, 1, 1), "EPSG:4326", **tiles)
    source = open_gdal(path)

    for _ in range(2):
        source.read(0, Window(rows=(0, 1024), columns=(0, 1024)), (0,))

    assert len(looked) == 1


def test_tables_too_large_to_be_kept_are_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_at_most(1 << 20, 64)
    looked: list[int] = []
    monkeypatch.setattr(tiled, "tiled_file", lambda file: looked.append(file) or tiled_file(file))
    tiles = {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True, "nodata": 0}
    values = np.zeros((1, 4200, 4200), "u1")
    path = write(tmp_path / "c.tif", values, (0, 0, 1, 1), "EPSG:4326", **tiles)
    source = open_gdal(path)

    for _ in range(2):
        assert not source.read(0, Window(rows=(0, 16), columns=(0, 16)), (0,)).valid.any()

    assert len(looked) == 1


def test_a_process_that_may_open_few_files_keeps_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_at_most(7 << 20, 200)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))

    assert handles() == 64
