"""Rasters and applications that several rooms are tested with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exportimage_wsgi import create_app
from tests.clients import visitor_of
from tests.operations.scenes import three
from tests.rasters import write

_YEAR_AND_DAY = r"(?P<Taken>(?P<Year>\d{4})0101)"


@pytest.fixture(scope="session")
def vector_rasters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The four single rasters of the test vectors; each value is a function of row and column."""
    folder = tmp_path_factory.mktemp("vectors")
    return {
        "rgb": _rgb(folder),
        "dem": _dem(folder),
        "ms": _multispectral(folder),
        "world": _world(folder),
    }


def _rgb(folder: Path) -> str:
    row, column = np.mgrid[:800, :1000]
    data = np.stack([column % 256, row % 256, np.full_like(row, 7)]).astype("u1")
    return write(folder / "rgb.tif", data, (-120, 30, -110, 38), "EPSG:4326")


def _dem(folder: Path) -> str:
    row, column = np.mgrid[:1000, :1000]
    data = (100 + 0.5 * column + 0.25 * row)[None].astype("f4")
    data[0, :10, :10] = -9999
    box = 450000, 5550000, 480000, 5580000
    return write(folder / "dem.tif", data, box, "EPSG:32633", nodata=-9999)


def _multispectral(folder: Path) -> str:
    row, column = np.mgrid[:1000, :1000]
    bands = [1000 + column, 2000 + row, np.full_like(row, 3000), np.full_like(row, 4000)]
    box = -13700000, 4500000, -13600000, 4600000
    return write(folder / "ms.tif", np.stack(bands).astype("u2"), box, "EPSG:3857")


def _world(folder: Path) -> str:
    data = np.broadcast_to(np.arange(360) % 256, (1, 180, 360)).astype("u1")
    return write(folder / "world.tif", data, (-180, -90, 180, 90), "EPSG:4326")


@pytest.fixture(scope="session")
def vector_client(vector_rasters: dict[str, str]) -> Any:
    """A client of one application with the four rasters, every reply checked against WSGI."""
    return visitor_of(create_app(dict(vector_rasters)))


@pytest.fixture(scope="session")
def mosaic_client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client of the mosaic R5 of the test vectors."""
    service = three(tmp_path_factory.mktemp("mosaic"), time=("Taken",), pattern=_YEAR_AND_DAY)
    return visitor_of(create_app({"mosaic": service}))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[[Sequence[str]], Any]]:
    """Starts headless Chromium with the flags it is given. One driver for the whole session, since
    playwright runs once in a process."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for path in map(shutil.which, names) if path), None)
    assert program, "install Chromium (Debian: chromium)"
    with sync_playwright() as playwright:
        yield lambda flags: playwright.chromium.launch(executable_path=program, args=[*flags])
