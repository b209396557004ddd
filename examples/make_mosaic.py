"""Cut the Blue Marble into 200 overlapping scenes, as a satellite takes them, in a few seconds.

    python examples/make_mosaic.py [FOLDER]

Each is a GeoTIFF whose name tells a date, a sensor and the percentage of clouds (invented, but the
same in every run), such as `r03c10_2020-07-31_suomi_3.tif`. Scenes of different seasons differ in
their tint, so that one sees which of them lies on top. Most are in degrees, others in Web Mercator,
UTM and polar stereographic projections; every second is tilted as orbits are, with empty corners.
A folder that is there is left as it is.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

HERE = Path(__file__).parent
ROWS, COLUMNS = 10, 20
CELL = 18.0
"""Degrees from one scene to the next."""
SIDE = 22.4
"""Degrees that a scene is wide: a fifth of it lies over its neighbour."""
PIXEL = 1 / 15
"""Degrees; that of the Blue Marble."""
TILT = 8.0
"""Degrees by which orbits lean to the west."""
FIRST_DAY = dt.date(2020, 1, 1)
DEGREES = CRS.from_epsg(4326)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a scene lies, and what its name tells."""

    row: int

    column: int

    @property
    def number(self) -> int:
        """From 0, row by row."""
        return self.row * COLUMNS + self.column

    @property
    def date(self) -> dt.date:
        """Spread evenly over two years; neighbours are months apart."""
        return FIRST_DAY + dt.timedelta(days=self.number * 277 % 731)

    @property
    def sensor(self) -> str:
        return ("terra", "aqua", "suomi")[(self.row + 2 * self.column) % 3]

    @property
    def clouds(self) -> int:
        """Per cent."""
        return self.number * 37 % 41

    @property
    def name(self) -> str:
        place = f"r{self.row:02}c{self.column:02}"
        return f"{place}_{self.date:%Y-%m-%d}_{self.sensor}_{self.clouds}.tif"

    @property
    def centre(self) -> tuple[float, float]:
        """Degrees east and north."""
        return -180 + (self.column + 0.5) * CELL, 90 - (self.row + 0.5) * CELL

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north; none goes around the world or over a pole."""
        (x, y), half = self.centre, SIDE / 2
        return max(x - half, -180), max(y - half, -90), min(x + half, 180), min(y + half, 90)

    @property
    def crs(self) -> CRS:
        x, y = self.centre
        if self.row in (0, ROWS - 1):
            return CRS.from_epsg(3413 if y > 0 else 3031) if self.column % 4 == 1 else DEGREES
        if self.number % 5 == 2:
            return CRS.from_epsg(3857)
        if self.number % 11 == 3:
            return CRS.from_epsg((32601 if y > 0 else 32701) + int((x + 180) // 6))
        return DEGREES

    @property
    def is_tilted(self) -> bool:
        return self.row not in (0, ROWS - 1) and (self.row + self.column) % 2 == 0


def scenes() -> Iterator[Scene]:
    for row in range(ROWS):
        for column in range(COLUMNS):
            yield Scene(row=row, column=column)


def make(folder: Path) -> None:
    """Make the folder with all scenes in it; one that is there is left alone."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".mosaic-", dir=folder.parent) as temporary:
        unfinished = Path(temporary) / folder.name
        unfinished.mkdir()
        with ThreadPoolExecutor() as pool:
            sizes = list(pool.map(lambda scene: write(scene, unfinished), scenes()))
        unfinished.rename(folder)
    print(f"{folder}: {len(sizes)} scenes, {sum(sizes) / 1e6:.1f} MB")


def write(scene: Scene, folder: Path) -> int:
    """Write one scene; gives its size in bytes."""
    place = grid(scene)
    with (
        rasterio.open(HERE / "data" / "world.tif") as world,
        WarpedVRT(world, resampling=Resampling.bilinear, **place) as warped,
    ):
        pixels = warped.read()
    valid = inside(scene, *lonlat(place))
    pixels = tinted(pixels, scene.date) * (valid > 0)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "photometric": "rgb", **place}
    with MemoryFile() as file:
        with file.open(**profile) as dataset:
            dataset.write(pixels)
            if not valid.all():
                dataset.write_mask(valid)
        path = folder / scene.name
        copy(file.name, path, driver="COG", compress="jpeg", quality=85, blocksize=256)
    return path.stat().st_size


def grid(scene: Scene) -> dict[str, Any]:
    """Reference, transform, width and height: the box of the scene in its own reference."""
    crs, box = scene.crs, scene.box
    bounds = transform_bounds(DEGREES, crs, *box, densify_pts=63)
    columns, rows = round((box[2] - box[0]) / PIXEL), round((box[3] - box[1]) / PIXEL)
    if crs != DEGREES:
        size = math.sqrt((bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) / (columns * rows))
        columns, rows = round((bounds[2] - bounds[0]) / size), round((bounds[3] - bounds[1]) / size)
    return {
        "crs": crs,
        "transform": from_bounds(*bounds, columns, rows),
        "width": columns,
        "height": rows,
    }


def lonlat(place: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`(y, x)`: degrees east and north of the middle of each pixel."""
    row, column = np.indices((place["height"], place["width"])) + 0.5
    affine = place["transform"]
    xs, ys = affine.c + affine.a * column, affine.f + affine.e * row
    if place["crs"] == DEGREES:
        return xs, ys
    return Transformer.from_crs(place["crs"], DEGREES, always_xy=True).transform(xs, ys)


def inside(
    scene: Scene, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """`(y, x)`: 255 where the scene has data: in its box, which may be tilted about its centre."""
    (x, y), half = scene.centre, SIDE / 2
    east, north = longitude - x, latitude - y
    angle = math.radians(TILT if scene.is_tilted else 0)
    along = east * math.cos(angle) + north * math.sin(angle)
    up = north * math.cos(angle) - east * math.sin(angle)
    slack = PIXEL / 2
    valid = (np.abs(along) <= half + slack) & (np.abs(up) <= half + slack)
    return np.where(valid, np.uint8(255), np.uint8(0))


def tinted(pixels: NDArray[np.uint8], date: dt.date) -> NDArray[np.uint8]:
    """The pixels in the light of the season: bluish in January, golden in July."""
    summer = -math.cos(2 * math.pi * date.timetuple().tm_yday / 365.25)
    autumn = -math.sin(2 * math.pi * date.timetuple().tm_yday / 365.25)
    light = 1 + 0.15 * summer
    gains = light * np.array([1 + 0.15 * summer + 0.12 * autumn, 1.0, 1 - 0.18 * summer])
    lifted = pixels * gains[:, None, None] + 6 * summer
    return lifted.clip(0, 255).round().astype("u1")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "mosaic")
