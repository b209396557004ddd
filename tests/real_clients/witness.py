"""What a client should have drawn, by GDAL alone, and how far a picture is from it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image

Box = tuple[float, float, float, float]
_NEIGHBOURS = [(down, across) for down in (-2, -1, 0, 1, 2) for across in (-2, -1, 0, 1, 2)]


def warped(file: Path, box: Box, wkid: int, size_wh: tuple[int, int], *options: str) -> Any:
    """`(band, y, x)`, masked: the raster in a box of a reference, as gdalwarp draws it."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/warped.tif"
        place = ["-t_srs", f"EPSG:{wkid}", "-te", *map(repr, box), "-ts", *map(str, size_wh)]
        command = ["gdalwarp", "-q", "-r", "bilinear", *place, *options, str(file), target]
        subprocess.run(command, check=True)
        with rasterio.open(target) as dataset:
            return dataset.read(masked=True)


def on_white(file: Path, box: Box, wkid: int, size_wh: tuple[int, int]) -> Any:
    """`(y, x, 3)`: the colours of the raster over a white page."""
    drawn = warped(file, box, wkid, size_wh, "-dstalpha")
    if len(drawn) == 3:
        drawn = np.concatenate([drawn, np.full_like(drawn[:1], 255)])
    alpha = drawn[3:].data / 255
    return np.moveaxis(drawn[:3].data * alpha + 255 * (1 - alpha), 0, 2)


def values_at(file: Path, x: float, y: float) -> list[float]:
    """The value of each band in the pixel at a place of the raster's own reference."""
    with rasterio.open(file) as dataset:
        colour = [band for band in range(1, dataset.count + 1) if band < 4]
        return [float(value) for value in next(dataset.sample([(x, y)], indexes=colour))]


def colours(picture: Path | Image.Image) -> Any:
    """`(y, x, 3)`: a picture over a white page."""
    image = picture if isinstance(picture, Image.Image) else Image.open(picture)
    page = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(page, image.convert("RGBA")).convert("RGB"), float)


def assert_alike(seen: Any, wanted: Any, tolerance: float = 3.0) -> None:
    """The pictures differ by less than the tolerance on average, and lie on each other.

    A picture in the wrong place would fit better when it is shifted.
    """
    assert seen.shape == wanted.shape
    assert wanted.std() > 15, "the view shows nothing to compare"
    distances = {shift: _distance(seen, wanted, shift) for shift in _NEIGHBOURS}
    best = min(distances, key=distances.__getitem__)

    assert distances[0, 0] <= tolerance, f"they differ by {distances[0, 0]:.2f} on average"
    assert best == (0, 0), f"shifted by {best} rows, columns"


def _distance(seen: Any, wanted: Any, shift: tuple[int, int]) -> float:
    inner = np.roll(seen, shift, axis=(0, 1))[2:-2, 2:-2]
    return float(np.abs(inner - wanted[2:-2, 2:-2]).mean())
