"""CPU time of a warm 512 × 512 PNG over 4 to 16 of 64 scenes, reprojected, bilinear.

    python tests/bench/mosaic.py [--places 12] [--rounds 5] [--compression jpeg] [--folder FOLDER]

It is taken at the same places, by turns: with `export_image`, through the WSGI application, with
a `WarpedVRT` over a VRT of `gdalbuildvrt` that is kept open (one for each overview, of which the
best is read) and Pillow's PNG, and with the command `gdalwarp`. Every picture is of a box that was
not drawn before, some pixels beside one that was. A table goes to standard error and JSON to
standard output. How long planning takes is measured by mosaic_index.py.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
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
from rasterio.warp import transform, transform_bounds
from scene import default_folder
from scenes import ACROSS, COLUMNS, CRS, METRES, NORTH, ROWS, SIDE, STEP, WEST, scenes
from werkzeug.test import EnvironBuilder, run_wsgi_app

from exportimage_wsgi import ExportRequest, ImageService, create_app, export_image

PIXELS = 512
ITEMS = range(4, 17)
ZOOMS = 0.7, 24.0
"""Pixels of a scene under one of the picture, from and to."""
LEVELS = (2, 4, 8)
"""Factors of the overviews that all scenes have."""

Box = tuple[float, float, float, float]
Draw = Callable[[Box], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere in the mosaic."""

    zoom: float

    box: Box
    """In Web Mercator."""

    items: int
    """Scenes that have pixels in the box."""

    def boxes(self, random: np.random.Generator) -> Iterator[Box]:
        """Boxes a few pixels apart, without end."""
        pixel = (self.box[2] - self.box[0]) / PIXELS
        while True:
            right, up = random.uniform(-4, 4, 2) * pixel
            west, south, east, north = self.box
            yield west + right, south + up, east + right, north + up


def places(count: int, random: np.random.Generator) -> list[Place]:
    """Everywhere in the mosaic, at all zooms, where 4 to 16 scenes meet."""
    found: list[Place] = []
    while len(found) < count:
        zoom = float(np.exp(random.uniform(*np.log(ZOOMS))))
        half = zoom * PIXELS / 2
        column, row = random.uniform(1.1 * half + 100, ACROSS - 1.1 * half - 100, 2)
        centre = transform(CRS, "EPSG:3857", [WEST + column * METRES], [NORTH - row * METRES])
        (x,), (y,) = centre
        latitude = transform("EPSG:3857", "EPSG:4326", [x], [y])[1][0]
        reach = half * METRES / np.cos(np.radians(latitude))
        box = x - reach, y - reach, x + reach, y + reach
        items = _items(transform_bounds("EPSG:3857", CRS, *box))
        if items in ITEMS:
            found.append(Place(zoom=zoom, box=box, items=items))
    return sorted(found, key=lambda place: place.zoom)


def _items(bounds: Box) -> int:
    """How many scenes a box in their reference meets."""
    left, right = (bounds[0] - WEST) / METRES, (bounds[2] - WEST) / METRES
    top, bottom = (NORTH - bounds[3]) / METRES, (NORTH - bounds[1]) / METRES

    def met(low: float, high: float, count: int) -> int:
        return sum(n * STEP < high and n * STEP + SIDE > low for n in range(count))

    return met(left, right, COLUMNS) * met(top, bottom, ROWS)


def by_call(folder: Path) -> Draw:
    service = ImageService.open(folder)

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


def by_wsgi(folder: Path) -> Draw:
    app = create_app({"scenes": folder})

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
        url = "/rest/services/scenes/ImageServer/exportImage"
        body, status, _ = run_wsgi_app(app, EnvironBuilder(url, query_string=query).get_environ())
        assert status == "200 OK", status
        return b"".join(body)

    return draw


def vrts(files: list[Path], folder: Path) -> dict[int, Path]:
    """Factor → a VRT of all files at the overview of that factor, as `gdalbuildvrt` makes it."""
    made = {}
    for number, factor in enumerate((1, *LEVELS)):
        made[factor] = folder / f"level-{factor}.vrt"
        option = ["-oo", f"OVERVIEW_LEVEL={number - 1}"] if number else []
        command = ["gdalbuildvrt", "-q", *option, made[factor], *files]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return made


def by_vrt(levels: dict[int, Path], stack: ExitStack) -> Draw:
    opened = {factor: stack.enter_context(rasterio.open(path)) for factor, path in levels.items()}

    def draw(box: Box) -> bytes:
        dataset = opened[_best(box)]
        grid = {"transform": from_bounds(*box, PIXELS, PIXELS), "width": PIXELS, "height": PIXELS}
        with WarpedVRT(dataset, crs="EPSG:3857", resampling=Resampling.bilinear, **grid) as warped:
            pixels = warped.read()
        file = io.BytesIO()
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(file, "PNG")
        return file.getvalue()

    return draw


def by_command(levels: dict[int, Path], folder: Path) -> Draw:
    out = folder / "out.png"

    def draw(box: Box) -> bytes:
        options = ["-q", "-overwrite", "-r", "bilinear", "-t_srs", "EPSG:3857", "-of", "PNG"]
        where = ["-te", *map(str, box), "-ts", str(PIXELS), str(PIXELS)]
        subprocess.run(["gdalwarp", *options, *where, levels[_best(box)], out], check=True)
        return out.read_bytes()

    return draw


def _best(box: Box) -> int:
    """The factor of the coarsest overview that isn't coarser than the picture."""
    middle = (box[1] + box[3]) / 2
    latitude = transform("EPSG:3857", "EPSG:4326", [box[0]], [middle])[1][0]
    zoom = (box[2] - box[0]) * np.cos(np.radians(latitude)) / PIXELS / METRES
    return max(factor for factor in (1, *LEVELS) if factor <= max(zoom, 1.0))


def spent() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(ways: dict[str, Draw], found: list[Place], rounds: int) -> list[dict[str, Any]]:
    """A row for each place: zoom, items, median CPU milliseconds of each way, difference."""
    random = np.random.default_rng(2)
    rows = []
    for place in found:
        boxes, times = place.boxes(random), defaultdict(list)
        for draw in [draw for draw in ways.values() for _ in range(2)]:
            draw(next(boxes))  # blocks and kernels become warm
        for _ in range(rounds):
            for name, draw in ways.items():
                box, start = next(boxes), spent()
                draw(box)
                times[name].append((spent() - start) * 1000)
        box = next(boxes)
        ours, called, theirs, *_ = (decoded(draw(box)) for draw in ways.values())
        assert np.array_equal(ours, called), "the two ways of ours differ"
        row: dict[str, Any] = {name: statistics.median(each) for name, each in times.items()}
        difference = float(np.abs(ours - theirs).mean())
        rows.append({"zoom": place.zoom, "items": place.items, "difference": difference, **row})
    return rows


def decoded(png: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (PIXELS, PIXELS)
        return np.asarray(image.convert("RGB")).astype("i2")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--places", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5, help="pictures of each way at a place")
    parser.add_argument("--compression", choices=("jpeg", "deflate"), default="jpeg")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="of the scenes")
    said = parser.parse_args()
    files = scenes(said.folder, said.compression)
    found = places(said.places, np.random.default_rng(1))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        levels = vrts(files, folder)
        ways = {
            "export_image": by_call(files[0].parent),
            "WSGI": by_wsgi(files[0].parent),
            "WarpedVRT": by_vrt(levels, stack),
            "gdalwarp": by_command(levels, folder),
        }
        told(measured(ways, found, said.rounds), list(ways))


def told(rows: list[dict[str, Any]], names: list[str]) -> None:
    """Print the table and the JSON."""
    columns = ["zoom", "items", *names, "difference"]
    means = {name: statistics.fmean(row[name] for row in rows) for name in columns}
    print("".join(f"{name:>13}" for name in columns), file=sys.stderr)
    for row in rows:
        print("".join(f"{row[name]:>13.2f}" for name in columns), file=sys.stderr)
    print(f"{'mean':>13}" + "".join(f"{means[n]:>13.2f}" for n in columns[1:]), file=sys.stderr)
    ratio = {name: means[name] / means["WarpedVRT"] for name in names[:2]}
    said = ", ".join(f"{name} {value:.3f}" for name, value in ratio.items())
    print(f"CPU ms a picture; of WarpedVRT's: {said}", file=sys.stderr)
    versions = {"python": platform.python_version(), "gdal": rasterio.__gdal_version__}
    reply = {"means": means, "ratio": ratio, "versions": versions, "places": rows}
    print(json.dumps(reply))


if __name__ == "__main__":
    main()
