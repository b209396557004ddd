"""A raster whose colours are a smooth function of place, served to browsers under a prefix."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from exportimage_wsgi import ImageService, create_app
from tests.rasters import write

BOX = (450_000.0, 5_550_000.0, 480_000.0, 5_570_000.0)
"""In UTM zone 33 north; pixels are 50 m wide."""

ROWS, COLUMNS = 400, 600
MOUNT, PREFIX = "/maps", "/arcgis"


def colours_at(xs: Any, ys: Any) -> NDArray[Any]:
    """Red grows to the east, green to the south, blue is the same everywhere."""
    across = (np.asarray(xs) - BOX[0]) / (BOX[2] - BOX[0])
    down = (BOX[3] - np.asarray(ys)) / (BOX[3] - BOX[1])
    return np.stack([20 + 200 * across, 20 + 200 * down, np.full_like(across, 90)], axis=-1)


def write_rasters(folder: Path) -> dict[str, Any]:
    """A coloured raster, a raster of heights in another reference, and a mosaic of two; the first
    once more, in small pictures only."""
    tiles = folder / "tiles"
    tiles.mkdir()
    for x in (0, 1):
        write(
            tiles / f"tile{x}.tif",
            np.full((1, 50, 50), 99 + x, "u1"),
            (x, 0, x + 1, 1),
            "EPSG:4326",
        )
    x = BOX[0] + (np.arange(COLUMNS) + 0.5) * (BOX[2] - BOX[0]) / COLUMNS
    y = BOX[3] - (np.arange(ROWS) + 0.5) * (BOX[3] - BOX[1]) / ROWS
    colours = np.moveaxis(colours_at(*np.meshgrid(x, y)), -1, 0).round().astype("u1")
    row, column = np.mgrid[:200, :300]
    heights = (100 + 2 * row + column)[None].astype("f4")
    coloured = write(folder / "colours.tif", colours, BOX, "EPSG:32633")
    return {
        "Scenes/colours": coloured,
        "Scenes/small": ImageService.open(coloured, max_image_size=(100, 80)),
        "mosaic": str(tiles),
        "heights": write(
            folder / "heights.tif", heights, (-20, 10, 10, 30), "EPSG:4326", nodata=-1
        ),
    }


@contextmanager
def serving(rasters: dict[str, Any]) -> Iterator[str]:
    """The URL of the application, mounted beside another one and under a prefix."""
    app = create_app(rasters, prefix=PREFIX)
    site = DispatcherMiddleware(Response("elsewhere", status=404), {MOUNT: app})
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}{MOUNT}{PREFIX}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
