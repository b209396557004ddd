"""The work of the benchmark: rows of the table, each with random places that never repeat."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mosaic import PIXELS, places
from pyproj import Transformer
from scene import (
    ELEVATION_SIDE,
    NORTH,
    PLAIN_SIDE,
    SIDE,
    SIX_BANDS_SIDE,
    WEST,
    elevation,
    scene,
    six_bands,
    without_overviews,
)
from scenes import scenes as overlapping

Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""

UTM, MERCATOR, DEGREES = 32613, 3857, 4326
_WORLD = 40_075_016.685578488
_from_utm = {crs: Transformer.from_crs(UTM, crs, always_xy=True) for crs in (MERCATOR, DEGREES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of request."""

    name: str

    title: str

    scene: str
    """Name of the raster in `scenes`, and of its service everywhere."""

    size: tuple[int, int]
    """Width, height."""

    crs: int
    """EPSG's number of box and picture."""

    format: str
    """png, jpeg or tiff."""

    place: Callable[[np.random.Generator], Box]

    bands: tuple[int, ...] = ()
    """From 0; none for all."""

    stretch: tuple[tuple[float, float], ...] = ()
    """Of each band what becomes black and white; ours finds the same by itself."""

    smooth: bool = True
    """Is it resampled? Otherwise its pixels are those of the raster."""

    means: bool = False
    """Does no overview hold the means that it shows, so that each server must make them?"""

    alike: float = 1.0
    """Largest mean difference of a peer's pixels from ours, of 255 or in units of the values."""


def scenes(compression: str) -> dict[str, Callable[[Path], Path]]:
    """What makes each raster; the red, green and blue one is packed by "jpeg" or "deflate"."""
    return {
        "rgb": lambda folder: scene(folder, compression),
        "elevation": elevation,
        "six": six_bands,
        "plain": without_overviews,
        "mosaic": _virtual_mosaic,
    }


def _virtual_mosaic(folder: Path) -> Path:
    """The 64 scenes as one raster for others; ours serves the folder beside it, of its name."""
    paths = overlapping(folder)
    virtual = paths[0].parent.with_suffix(".vrt")
    subprocess.run(["gdalbuildvrt", "-q", "-overwrite", virtual, *paths], check=True)
    return virtual


def _over_items(random: np.random.Generator) -> Box:
    """Where 4 to 16 of the scenes meet, at any zoom."""
    west, south, east, north = map(float, places(1, random)[0].box)
    return west, south, east, north


def _native(side: int, size: int) -> Callable[[np.random.Generator], Box]:
    """Places on whole pixels, at the resolution of the raster."""

    def place(random: np.random.Generator) -> Box:
        column, row = (int(n) for n in random.integers(0, side - size, 2))
        west, north = WEST + column, NORTH - row
        return west, north - size, west + size, north

    return place


def _tile(random: np.random.Generator) -> Box:
    """A tile of the usual scheme, of a random zoom from 11 to 17, inside of the scene."""
    while True:
        width = _WORLD / 2 ** int(random.integers(11, 18))
        x, y = _somewhere(random, MERCATOR, 0.0)
        west = math.floor((x + _WORLD / 2) / width) * width - _WORLD / 2
        south = math.floor((y + _WORLD / 2) / width) * width - _WORLD / 2
        box = west, south, west + width, south + width
        if _is_inside(box, MERCATOR):
            return box


def _picture(random: np.random.Generator) -> Box:
    """1024 × 768 pixels of 4 to 16 m, in degrees."""
    while True:
        metres = 4 * 4 ** random.uniform()
        x, y = _somewhere(random, DEGREES, 0.0)
        up = metres * 768 / 111_000
        across = metres * 1024 / (111_000 * math.cos(math.radians(y)))
        box = x, y, x + across, y + up
        if _is_inside(box, DEGREES):
            return box


def _whole(side: int) -> Callable[[np.random.Generator], Box]:
    """Nearly all of a raster."""

    def place(random: np.random.Generator) -> Box:
        west, north = WEST + random.uniform(0, 20), NORTH - random.uniform(0, 20)
        width = side - 25
        return west, north - width, west + width, north

    return place


def _somewhere(random: np.random.Generator, crs: int, margin: float) -> tuple[float, float]:
    column, row = random.uniform(margin, SIDE - margin, 2)
    x, y = _from_utm[crs].transform(WEST + column, NORTH - row)
    return float(x), float(y)


def _is_inside(box: Box, crs: int) -> bool:
    west, south, east, north = _from_utm[crs].transform_bounds(*box, direction="INVERSE")
    inside = west > WEST and east < WEST + SIDE and north < NORTH and south > NORTH - SIDE
    return bool(inside)


def rows(stretch: tuple[tuple[float, float], ...]) -> tuple[Row, ...]:
    """All of them; `stretch` is that of the bands 3, 2, 1 of the raster of six."""
    return (
        Row(
            name="native",
            title="400×400 PNG, native resolution",
            scene="rgb",
            size=(400, 400),
            crs=UTM,
            format="png",
            place=_native(SIDE, 400),
            smooth=False,
            alike=0.5,
        ),
        Row(
            name="tile",
            title="256×256 PNG tile → Web Mercator",
            scene="rgb",
            size=(256, 256),
            crs=MERCATOR,
            format="png",
            place=_tile,
            alike=6.0,
        ),
        Row(
            name="jpeg",
            title="1024×768 JPEG q75 → 4326",
            scene="rgb",
            size=(1024, 768),
            crs=DEGREES,
            format="jpeg",
            place=_picture,
            alike=6.0,
        ),
        Row(
            name="whole",
            title="400×400 PNG of the whole extent",
            scene="rgb",
            size=(400, 400),
            crs=UTM,
            format="png",
            place=_whole(SIDE),
            alike=6.0,
        ),
        Row(
            name="values",
            title="512×512 TIFF of F32 values",
            scene="elevation",
            size=(512, 512),
            crs=UTM,
            format="tiff",
            place=_native(ELEVATION_SIDE, 512),
            smooth=False,
            alike=0.001,
        ),
        Row(
            name="stretched",
            title="512×512 PNG, 3 of 6 U16 bands, stretched",
            scene="six",
            size=(512, 512),
            crs=UTM,
            format="png",
            place=_native(SIX_BANDS_SIDE, 512),
            smooth=False,
            bands=(2, 1, 0),
            stretch=stretch,
            alike=1.0,
        ),
        Row(
            name="mosaic",
            title="512×512 PNG over 4 to 16 of 64 scenes",
            scene="mosaic",
            size=(PIXELS, PIXELS),
            crs=MERCATOR,
            format="png",
            place=_over_items,
            alike=6.0,
        ),
        Row(
            name="plain",
            title="400×400 PNG of a whole file without overviews",
            scene="plain",
            size=(400, 400),
            crs=UTM,
            format="png",
            place=_whole(PLAIN_SIDE),
            means=True,
            alike=4.5,
        ),
    )
