"""CPU time of a warm 400 × 400 PNG, reprojected from UTM to Web Mercator, bilinear.

It is taken three ways at the same places of one scene, by turns, in one process: with
`export_image`, through the WSGI application, and as one would write it well with rasterio and
Pillow: a `WarpedVRT` on the very grid, over the best overview of an open file, and Pillow's PNG
with its defaults. Every picture is of a box that was not drawn before, some pixels beside one that
was, so that blocks are warm and answers are not.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform
from scene import NORTH, SIDE, WEST, default_folder, scene
from werkzeug.test import EnvironBuilder, run_wsgi_app

import exportimage_wsgi
from exportimage_wsgi import ExportRequest, ImageService, create_app, export_image

PIXELS = 400
OCTAVES = range(-1, 5)
"""Zooms, as powers of two: pixels of the scene under one pixel of the picture, from ½ to 32."""

METRES_ON_GROUND = math.cos(math.radians((NORTH - SIDE / 2) / 111_000))
"""Of a metre of Web Mercator in the middle of the scene."""

LARGEST_RATIO, LARGEST_DIFFERENCE = 0.25, 1.0
"""The marks: of CPU time, and of the mean absolute difference of the pixels (0–255)."""

Box = tuple[float, float, float, float]
Draw = Callable[[Box], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere in the scene."""

    zoom: float
    """Pixels of the scene under one of the picture."""

    centre_xy: tuple[float, float]
    """In Web Mercator."""

    def boxes(self, random: np.random.Generator) -> Iterator[Box]:
        """Boxes in Web Mercator a few pixels apart, without end."""
        x, y = self.centre_xy
        pixel = self.zoom / METRES_ON_GROUND
        half = pixel * PIXELS / 2
        while True:
            right, up = random.uniform(-8, 8, 2) * pixel
            yield x + right - half, y + up - half, x + right + half, y + up + half


def places(count: int, random: np.random.Generator) -> list[Place]:
    """In each octave as many, everywhere in the scene but so that the boxes lie within it."""
    drawn = np.repeat(np.array(OCTAVES), max(1, count // len(OCTAVES)))
    zooms = [float(2 ** (octave + random.uniform())) for octave in drawn]
    return [Place(zoom=zoom, centre_xy=_centre(zoom, random)) for zoom in zooms]


def _centre(zoom: float, random: np.random.Generator) -> tuple[float, float]:
    margin = 0.55 * zoom * PIXELS + 30 * zoom + 100
    column, row = random.uniform(margin, SIDE - margin, 2)
    (x,), (y,) = transform("EPSG:32613", "EPSG:3857", [WEST + column], [NORTH - row])
    return x, y


def by_call(path: Path) -> Draw:
    service = ImageService.open(path)

    def draw(box: Box) -> bytes:
        request = ExportRequest(
            bbox=box,
            bbox_sr=3857,
            image_sr=3857,
            size=(PIXELS, PIXELS),
            format="png24",
            interpolation="bilinear",
        )
        with export_image(service, request).stream() as stream:
            return b"".join(stream)

    return draw


def by_wsgi(path: Path) -> Draw:
    app = create_app({"scene": path})

    def draw(box: Box) -> bytes:
        query = {
            "bbox": ",".join(map(str, box)),
            "bboxSR": "3857",
            "imageSR": "3857",
            "size": f"{PIXELS},{PIXELS}",
            "format": "png24",
            "interpolation": "RSP_BilinearInterpolation",
            "f": "image",
        }
        url = "/rest/services/scene/ImageServer/exportImage"
        body, status, _ = run_wsgi_app(app, EnvironBuilder(url, query_string=query).get_environ())
        assert status == "200 OK", status
        return b"".join(body)

    return draw


def by_rasterio(path: Path, stack: ExitStack) -> Draw:
    whole = stack.enter_context(rasterio.open(path))
    factors = whole.overviews(1)
    levels = {
        factor: stack.enter_context(rasterio.open(path, overview_level=number))
        for number, factor in enumerate(factors)
    }

    def draw(box: Box) -> bytes:
        metres = (box[2] - box[0]) / PIXELS * METRES_ON_GROUND
        dataset = levels[max(f for f in levels if f <= metres)] if metres >= factors[0] else whole
        grid = {"transform": from_bounds(*box, PIXELS, PIXELS), "width": PIXELS, "height": PIXELS}
        with WarpedVRT(dataset, crs="EPSG:3857", resampling=Resampling.bilinear, **grid) as warped:
            pixels = warped.read()
        file = io.BytesIO()
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(file, "PNG")
        return file.getvalue()

    return draw


def decoded(png: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.mode == "RGB" and image.size == (PIXELS, PIXELS)
        return np.asarray(image).astype("i2")


def measured(ways: dict[str, Draw], found: list[Place], rounds: int) -> list[dict[str, Any]]:
    """A row for each place: zoom, median CPU milliseconds of each way, difference of pixels."""
    random = np.random.default_rng(2)
    rows = []
    for place in found:
        boxes, spent = place.boxes(random), defaultdict(list)
        for box, draw in [(next(boxes), draw) for draw in ways.values() for _ in range(2)]:
            draw(box)  # blocks and kernels become warm
        for _ in range(rounds):
            for name, draw in ways.items():
                box = next(boxes)
                start = time.process_time()
                draw(box)
                spent[name].append((time.process_time() - start) * 1000)
        box = next(boxes)
        ours, called, theirs = (decoded(draw(box)) for draw in ways.values())
        assert np.array_equal(ours, called), "the two ways of ours differ"
        row: dict[str, Any] = {name: statistics.median(times) for name, times in spent.items()}
        row |= {"zoom": place.zoom, "difference": float(np.abs(ours - theirs).mean())}
        rows.append(row)
    return rows


def summary(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """Means over the rows, and the ratios to the last way."""
    means = {name: statistics.fmean(row[name] for row in rows) for name in names}
    *ours, theirs = names
    return {
        "cpu_ms": means,
        "ratio": {name: means[name] / means[theirs] for name in ours},
        "difference": statistics.fmean(row["difference"] for row in rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--places", type=int, default=30, help="of all zooms together")
    parser.add_argument("--rounds", type=int, default=7, help="pictures of each way at a place")
    parser.add_argument("--compression", choices=("jpeg", "deflate"), default="jpeg")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="of the scene")
    said = parser.parse_args()
    path = scene(said.folder, said.compression)
    found = places(said.places, np.random.default_rng(1))
    with ExitStack() as stack:
        ways = {
            "export_image": by_call(path),
            "WSGI": by_wsgi(path),
            "rasterio": by_rasterio(path, stack),
        }
        rows = measured(ways, found, said.rounds)
    return told(rows, list(ways), said.compression)


def told(rows: list[dict[str, Any]], names: list[str], compression: str) -> int:
    """Print the table and the JSON; the status to exit with."""
    total = summary(rows, names)
    print(
        f"{'zoom':>6}" + "".join(f"{name:>15}" for name in (*names, "difference")), file=sys.stderr
    )
    for octave in OCTAVES:
        low, high = 2.0**octave, 2.0 ** (octave + 1)
        part = [row for row in rows if low <= row["zoom"] < high]
        _line(f"{low:g}–{high:g}", summary(part, names), names)
    _line("all", total, names)
    ratios = ", ".join(f"{name} {ratio:.3f}" for name, ratio in total["ratio"].items())
    print(f"CPU ms a picture; of rasterio's: {ratios} (below {LARGEST_RATIO})", file=sys.stderr)
    passed = max(total["ratio"].values()) < LARGEST_RATIO
    passed = passed and total["difference"] < LARGEST_DIFFERENCE
    versions = {"python": platform.python_version(), "rasterio": rasterio.__version__}
    versions |= {
        "gdal": rasterio.__gdal_version__,
        "exportimage-wsgi": exportimage_wsgi.__version__,
    }
    reply = {"scene": compression, "passed": passed, **total, "versions": versions, "places": rows}
    print(json.dumps(reply))
    return 0 if passed else 1


def _line(label: str, part: dict[str, Any], names: list[str]) -> None:
    numbers = [*(part["cpu_ms"][name] for name in names), part["difference"]]
    print(f"{label:>6}" + "".join(f"{number:>15.2f}" for number in numbers), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
