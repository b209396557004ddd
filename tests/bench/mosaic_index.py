"""How long mosaics of 10², 10⁴ and 10⁶ items take to be indexed, opened, searched and planned.

    python tests/bench/mosaic_index.py [items ...]

A table of STAC items in GeoParquet is made, of which no raster exists: scenes of 10 m pixels, as
of Sentinel-2, all over the world. Each step runs in a process of its own; its memory is the most
that it had. Prints a table, and JSON on the last line.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import shapely

from exportimage_wsgi import ExportRequest, ImageService
from exportimage_wsgi.mosaics.as_raster import Options
from exportimage_wsgi.mosaics.indexing import make_index
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.operations.planning import plan_export
from exportimage_wsgi.pixels import PixelType

SIDE = 10_980
SETTINGS: dict[str, Any] = {"crs": 3857, "pixel_type": PixelType.U16, "bands": 3}


def write_items(path: Path, count: int) -> None:
    """A stac-geoparquet table of items in UTM, at random places."""
    random = np.random.default_rng(1)
    longitudes, latitudes = random.uniform(-179, 179, count), random.uniform(-60, 70, count)
    zones = np.clip((longitudes + 180) // 6 + 1, 1, 60).astype(int)
    numbers = np.where(latitudes >= 0, 32600, 32700) + zones
    codes = [f"EPSG:{number}" for number in numbers]
    eastings = 500_000 + (longitudes - (zones * 6 - 183)) * 111_320 * np.cos(np.radians(latitudes))
    northings = np.where(latitudes >= 0, 0, 1e7) + latitudes * 110_574
    height = 0.99
    width = height / np.cos(np.radians(latitudes))
    boxes = shapely.box(longitudes, latitudes - height, longitudes + width, latitudes)
    days = np.datetime64("2020-01-01T10:00", "ms") + random.integers(0, 1500, count) * 86_400_000
    transforms = [[10.0, 0.0, x, 0.0, -10.0, y] for x, y in zip(eastings, northings, strict=True)]
    assets = [{"data": {"href": f"s3://scenes/{i}.tif", "roles": ["data"]}} for i in range(count)]
    rows = pa.table(
        {
            "id": [f"scene{i}" for i in range(count)],
            "geometry": shapely.to_wkb(boxes),
            "assets": assets,
            "datetime": pa.array(days, pa.timestamp("ms", "UTC")),
            "eo:cloud_cover": random.uniform(0, 100, count),
            "platform": random.choice(["a", "b"], count),
            "proj:code": codes,
            "proj:shape": [[SIDE, SIDE]] * count,
            "proj:transform": transforms,
        }
    )
    parquet.write_table(rows, path)


def index(folder: Path) -> dict[str, float]:
    """Make the index."""
    settings = MosaicSettings(index=str(folder / "index.parquet"), **SETTINGS)
    began = time.perf_counter()
    make_index(folder / "items.parquet", settings, Options())
    return {"index_s": time.perf_counter() - began}


def serve(folder: Path) -> dict[str, float]:
    """Open the service from its index, search it, plan pictures of it."""
    settings = MosaicSettings(index=str(folder / "index.parquet"), **SETTINGS)
    began = time.perf_counter()
    service = ImageService.open(folder / "items.parquet", mosaic=settings)
    found = {"open_s": time.perf_counter() - began}
    table: Any = service.source.table  # type: ignore[union-attr]
    began = time.perf_counter()
    table.near([(0, 0, 1000, 1000)])
    found["tree_s"] = time.perf_counter() - began
    places = np.random.default_rng(2).uniform(-8e6, 8e6, (100, 2))
    boxes = [(x, y, x + 20_000, y + 20_000) for x, y in places]
    found["near_ms"] = 1000 * _mean(lambda box: table.near([box]), boxes)
    found["plan_ms"] = 1000 * _mean(lambda box: plan_export(service, _request(box)), boxes)
    return found


def _request(box: tuple[float, ...]) -> ExportRequest:
    # Eight-bit pictures need no statistics of rasters that don't exist.
    return ExportRequest(bbox=box, size=(512, 512), format="tiff")


def _mean(work: Callable[[Any], Any], over: list[Any]) -> float:
    work(over[0])
    began = time.perf_counter()
    for each in over:
        work(each)
    return (time.perf_counter() - began) / len(over)


def _alone(work: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    """The work's figures, and the memory of its process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, folder))


def _measured(work: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    found = work(folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found | {f"{work.__name__}_mb": memory}


def main() -> None:
    counts = [int(each) for each in sys.argv[1:]] or [100, 10_000, 1_000_000]
    figures = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_items(folder / "items.parquet", count)
            found = {"items": count} | _alone(index, folder) | _alone(serve, folder)
            found["file_mb"] = (folder / "index.parquet").stat().st_size / 1e6
        if not figures:
            print(*(f"{name:>10}" for name in found))
        print(*(f"{value:>10.4g}" for value in found.values()), flush=True)
        figures.append(found)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
