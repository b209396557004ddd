"""A scene that counts how often it is read, and applications that serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from werkzeug.test import Client

from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Grid, Window
from exportimage_wsgi.imagery.sources.source import Level, SourceInfo
from exportimage_wsgi.outputs import OutputStore
from exportimage_wsgi.pixels import Pixels, PixelType, Statistics
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.app import ImageServer, Settings
from tests.clients import visitor_of

ROWS, COLUMNS = 200, 400


@dataclass(slots=True)
class Reads:
    """What a scene was asked for, and from which row on it fails."""

    count: int = 0
    fails_from: int = 10**9
    error: Exception = field(default_factory=lambda: SourceError("a block cannot be read"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Four hundred by two hundred pixels of one degree tenth; band b holds 60 b + column % 60."""

    info: SourceInfo
    reads: Reads = field(compare=False, repr=False)

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        self.reads.count += 1
        if window.rows[1] > self.reads.fails_from:
            raise self.reads.error
        rows, columns = window.shape_yx
        across = np.arange(*window.columns, dtype=np.uint8 if columns < 256 else None) % 60
        values = np.stack([np.tile(60 * band + across, (rows, 1)) for band in bands])
        return Pixels(values.astype(np.uint8), np.full((1, rows, columns), 255, np.uint8))


def scene_info(version: str = "1", bands: int = 3) -> SourceInfo:
    grid = Grid(
        crs=crs_from_wkid(4326),
        affine=Affine(0.1, 0, -120, 0, -0.1, 40),
        shape_yx=(ROWS, COLUMNS),
    )
    return SourceInfo(
        grid=grid,
        pixel_type=PixelType.U8,
        band_names=tuple(f"Band_{band + 1}" for band in range(bands)),
        nodata=(None,) * bands,
        masked=False,
        levels=(Level(shape_yx=(ROWS, COLUMNS), scale_yx=(1.0, 1.0)),),
        statistics=(Statistics(minimum=0, maximum=59, mean=29.5, deviation=17.3),) * bands,
        is_rgb=bands == 3,
        version=version,
    )


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def service(reads: Reads) -> ImageService:
    return ImageService(name="Rocky/Scene", source=Scene(info=scene_info(), reads=reads))


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    return OutputStore(tmp_path / "outputs", max_age=600, max_bytes=100_000_000)


@pytest.fixture
def site(service: ImageService, store: OutputStore) -> Callable[..., ImageServer]:
    """Makes an application of the scene; its settings can be given."""

    def make(source: Any = None, **settings: Any) -> ImageServer:
        catalog = Catalog.of({service.name: service} if source is None else source)
        return ImageServer(catalog, store, Settings(**settings))

    return make


@pytest.fixture
def visitor() -> Callable[..., Client]:
    """Makes a client that asks an application through the WSGI validator."""
    return visitor_of


@pytest.fixture
def client(site: Callable[..., ImageServer], visitor: Callable[..., Client]) -> Client:
    """Asks the application of the scene."""
    return visitor(site())
