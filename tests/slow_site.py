"""An application, served by gunicorn in tests, that tells how often and how its scene is read.

The folder of the output store is named by the environment; `/state` tells the count.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from exportimage_wsgi.catalog import Catalog
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Grid, Window
from exportimage_wsgi.imagery.sources.source import Level, SourceInfo
from exportimage_wsgi.outputs import OutputStore
from exportimage_wsgi.pixels import Pixels, PixelType
from exportimage_wsgi.running import Admission, Runner, Threads
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.settings import ServiceSettings
from exportimage_wsgi.web.app import ImageServer, Settings

SIDE = 20_000
THREADS = 2


@dataclass(slots=True)
class Reads:
    """How often the scene was read, and how many reads are under way."""

    total: int = 0
    active: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, step: int) -> None:
        with self.lock:
            self.active += step
            self.total += max(step, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowScene:
    """A grey scene of which every read takes a while."""

    info: SourceInfo
    reads: Reads = field(compare=False)

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        self.reads.count(1)
        time.sleep(0.02)
        shape = window.shape_yx
        noise = np.random.default_rng(window.rows[0]).integers(0, 255, (1, *shape), np.uint8)
        self.reads.count(-1)
        return Pixels(noise, np.full((1, *shape), 255, np.uint8))


def scene_info() -> SourceInfo:
    grid = Grid(crs=crs_from_wkid(3857), affine=Affine(1, 0, 0, 0, -1, SIDE), shape_yx=(SIDE, SIDE))
    return SourceInfo(
        grid=grid,
        pixel_type=PixelType.U8,
        band_names=("Band",),
        nodata=(None,),
        masked=False,
        levels=(Level(shape_yx=(SIDE, SIDE), scale_yx=(1.0, 1.0)),),
        version="slow",
    )


reads = Reads()
service = ImageService(
    name="slow",
    source=SlowScene(info=scene_info(), reads=reads),
    settings=ServiceSettings(max_image_size=(SIDE, SIDE)),
)
site = ImageServer(
    Catalog.of({"slow": service}),
    OutputStore(Path(os.environ["OUTPUTS"]), max_age=600, max_bytes=1 << 30),
    Settings(async_pixels=0),
    Runner(driver=Threads(workers=THREADS), admission=Admission(1, 30.0)),
)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/state":
        return site(environ, start_response)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"total": reads.total, "active": reads.active}).encode()]


def close() -> None:
    """As servers do that let a process end."""
    site.close()


application.close = close  # type: ignore[attr-defined]
