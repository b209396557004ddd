"""Measures query on tables of a hundred, ten thousand and a million items.

    python tests/bench/mosaic_query.py [--items 100,10000,1000000] [--times 20]

The items are squares of a tenth of a degree, all over the world, with a year, an instant and a
text. Each line is the median of milliseconds of CPU for a whole answer, as JSON text, after a
first one that isn't counted: it builds the index of places.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from exportimage_wsgi.operations.operation import Call
from exportimage_wsgi.operations.query import query
from exportimage_wsgi.service import ImageService
from tests.mosaics.items import item_table, mosaic_service

_COUNT = '[{"statisticType":"count","onStatisticField":"OBJECTID","outStatisticFieldName":"n"}]'
QUERIES: dict[str, dict[str, str]] = {
    "a box of 1 degree": {"geometry": "10,50,11,51", "outFields": "*"},
    "the same, in Web Mercator": {
        "geometry": "1113194,6446275,1224514,6621293", "inSR": "102100", "outSR": "102100",
        "outFields": "*",
    },
    "a box of 1 degree, where and time": {
        "geometry": "10,50,11,51", "where": "year > 2010 AND scene LIKE '%1'",
        "time": "946684800000,null", "outFields": "*",
    },
    "objectIds": {"objectIds": "7,77,99", "outFields": "*"},
    "where OBJECTID =": {"where": "OBJECTID = 77", "outFields": "*"},
    "where on a year and a text": {"where": "year = 2010 AND scene LIKE '%11'", "outFields": "*"},
    "count of a condition": {"where": "year BETWEEN 2005 AND 2010", "returnCountOnly": "true"},
    "count of a quarter of the world": {"geometry": "0,0,180,90", "returnCountOnly": "true"},
    "the first page of all, ordered": {"orderByFields": "year DESC, scene"},
    "items of each year": {"outStatistics": _COUNT, "groupByFieldsForStatistics": "year"},
}  # fmt: skip


def service(count: int) -> ImageService:
    """A mosaic of that many items, of which no raster exists."""
    chosen = np.random.default_rng(1)
    x, y = chosen.uniform(-180, 179.9, count), chosen.uniform(-90, 89.9, count)
    instants = pa.array(chosen.integers(0, 1_600_000_000_000, count))
    table = item_table(
        shapely.box(x, y, x + 0.1, y + 0.1),
        year=chosen.integers(1990, 2025, count),
        scene=[f"scene_{number}" for number in chosen.integers(0, 1000, count)],
        taken=instants.cast(pa.timestamp("ms", "UTC")),
    )
    return mosaic_service(table, time=("taken",))


def milliseconds(mosaic: ImageService, arguments: dict[str, str], times: int) -> float:
    """Median of CPU, of one answer."""
    said = {name.lower(): value for name, value in arguments.items()}
    found = []
    for _ in range(times + 1):
        began = time.process_time()
        json.dumps(query(mosaic, Call(arguments=said)))
        found.append((time.process_time() - began) * 1000)
    return statistics.median(found[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", default="100,10000,1000000")
    parser.add_argument("--times", type=int, default=20)
    said = parser.parse_args()
    counts = [int(count) for count in said.items.split(",")]
    rows: dict[str, list[float]] = {name: [] for name in QUERIES}
    for count in counts:
        mosaic = service(count)
        for name, arguments in QUERIES.items():
            rows[name].append(milliseconds(mosaic, arguments, said.times))
    print(f"{'ms of CPU, items:':36}" + "".join(f"{count:>12,}" for count in counts))
    for name, figures in rows.items():
        print(f"{name:36}" + "".join(f"{figure:12.2f}" for figure in figures))


if __name__ == "__main__":
    main()
