"""Large exports against GDAL's tools: wall and CPU time, two threads against one, first bytes.

Each export is a process of its own, and so is each of GDAL's, started by turns; of each the
quickest of some runs counts, as other work only makes a machine slower. All write a file; the first
bytes are those of a stream that is then left. Reprojected pictures are
compared with `gdalwarp -multi -wo NUM_THREADS=ALL_CPUS`, those of the raster's own pixels with
`gdal_translate`, with the same compression. Ours have made a small picture before, as a server has,
and are set up as its processes are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning
from scene import NORTH, SIDE, WEST, default_folder, scene

GDAL_SIDE = 0.6
"""The mark: of the wall time of GDAL's tool."""
THREADS = 1.8
"""The mark: how much quicker two threads are than one."""
FIRST_BYTES = 2.0
"""The mark: seconds, of formats that stream."""

_SHORT = 6.0
"""Seconds: runs are repeated until theirs add up to it, as noise weighs more on short ones."""

_SMALL = 2048, 1024
_MAKE = """
import sys, time
from exportimage_wsgi import ExportRequest, ImageService, export_image
from exportimage_wsgi.running import Here, Runner, Threads
from exportimage_wsgi.tuning import tune_process
import json
tune_process()
said = json.loads(sys.argv[1])
service = ImageService.open(said["scene"], max_image_size=(40000, 40000))
threads = said["threads"]  # with one, it also writes the file
runner = Runner(driver=Here() if threads == 1 else Threads(workers=threads))
request = ExportRequest(**said["request"])
small = ExportRequest(**said["request"] | said["small"])  # compiled functions are loaded by it
for _ in export_image(service, small, runner=runner).stream():
    pass
begun = time.perf_counter()
export_image(service, request, runner=runner).save(said["out"])
found = {"wall": time.perf_counter() - begun}
if said["streams"]:
    begun = time.perf_counter()
    with export_image(service, request, runner=runner).stream() as stream:
        next(stream)
        found["first"] = time.perf_counter() - begun
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A file format as both sides are asked for it."""

    name: str

    ours: dict[str, Any]
    """Of the request."""

    theirs: tuple[str, ...]
    """Of the tool; nothing where GDAL has no such format."""

    streams: bool = True
    """Can its first bytes leave before its last pixels are known?"""


def _tiff(compression: str, gdal: str, *more: str) -> Kind:
    options = ["-of", "GTiff", "-co", f"COMPRESS={gdal}", "-co", "NUM_THREADS=ALL_CPUS", *more]
    return Kind(
        name=f"TIFF {compression}",
        ours={"format": "tiff", "compression": compression},
        theirs=tuple(options),
        streams=compression == "None",
    )


KINDS = (
    _tiff("None", "NONE"),
    _tiff("Deflate", "DEFLATE"),
    _tiff("ZSTD", "ZSTD"),
    _tiff("LZW", "LZW"),
    _tiff("JPEG", "JPEG", "-co", "PHOTOMETRIC=YCBCR"),
    _tiff("LERC", "LERC"),
    Kind(name="PNG", ours={"format": "png24"}, theirs=("-of", "PNG", "-co", "ZLEVEL=1")),
    Kind(name="JPEG", ours={"format": "jpg"}, theirs=("-of", "JPEG")),
    Kind(name="BMP", ours={"format": "bmp"}, theirs=("-of", "BMP")),
    Kind(name="BIP", ours={"format": "bip"}, theirs=()),
    Kind(name="BSQ", ours={"format": "bsq"}, theirs=()),
)


def box(crs: int, width: int, height: int) -> tuple[float, float, float, float]:
    """So many pixels of the raster about its middle; in Web Mercator of about its resolution."""
    x, y = WEST + SIDE / 2, NORTH - SIDE / 2
    if crs == 32613:
        x, y = x - width // 2, y - height // 2
        return x, y, x + width, y + height
    x, y = Transformer.from_crs(32613, crs, always_xy=True).transform(x, y)
    pixel = 1.32
    return (
        x - width / 2 * pixel,
        y - height / 2 * pixel,
        x + width / 2 * pixel,
        y + height / 2 * pixel,
    )


def ours(kind: Kind, said: dict[str, Any], threads: int, out: Path) -> dict[str, float]:
    request = kind.ours | {
        "bbox": said["box"],
        "bbox_sr": said["crs"],
        "image_sr": said["crs"],
        "size": said["size"],
        "interpolation": "bilinear",
        "adjust_aspect_ratio": False,
    }
    small = {"bbox": box(said["crs"], *_SMALL), "size": _SMALL}
    told = {"scene": str(said["scene"]), "threads": threads, "out": str(out)}
    told |= {"request": request, "small": small, "streams": kind.streams}
    out.unlink(missing_ok=True)
    before = _cpu()
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, json.dumps(told)], check=True, stdout=subprocess.PIPE
    )
    result: dict[str, float] = json.loads(made.stdout)
    return result | {"cpu": _cpu() - before, "bytes": out.stat().st_size}


def theirs(kind: Kind, said: dict[str, Any], out: Path) -> dict[str, float]:
    west, south, east, north = (repr(side) for side in said["box"])
    if said["crs"] == 32613:
        tool = ["gdal_translate", "-q", "-projwin", west, north, east, south]
    else:
        width, height = said["size"]
        tool = ["gdalwarp", "-q", "-overwrite", "-multi", "-wo", "NUM_THREADS=ALL_CPUS"]
        tool += ["-r", "bilinear", "-t_srs", f"EPSG:{said['crs']}", "-te", west, south, east]
        tool += [north, "-ts", str(width), str(height), "-wm", "512"]
    out.unlink(missing_ok=True)
    before, start = _cpu(), time.perf_counter()
    subprocess.run([*tool, *kind.theirs, str(said["scene"]), str(out)], check=True)
    wall = time.perf_counter() - start
    return {"wall": wall, "cpu": _cpu() - before, "bytes": out.stat().st_size}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def difference(one: Path, two: Path) -> float:
    """Mean absolute difference of some rows in the middle."""
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        ours, theirs = (stack.enter_context(rasterio.open(path)) for path in (one, two))
        assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
        middle = ours.height // 2
        where = ((middle, middle + 64), (0, ours.width))
        a, b = (each.read([1, 2, 3], window=where).astype("i2") for each in (ours, theirs))
    return float(np.abs(a - b).mean())


def measured(kind: Kind, said: dict[str, Any], rounds: int, folder: Path) -> dict[str, Any]:
    """The best of some rounds of each side; of more than are asked for where they are short."""
    one, two, three = (folder / name for name in ("ours", "one", "theirs"))
    found: dict[str, list[dict[str, float]]] = {"ours": [], "one thread": [], "theirs": []}
    while _wants(found["ours"], rounds) or (kind.theirs and _wants(found["theirs"], rounds)):
        if _wants(found["ours"], rounds):
            found["ours"].append(ours(kind, said, 2, one))
            found["one thread"].append(ours(kind, said, 1, two))
        if kind.theirs and _wants(found["theirs"], rounds):
            found["theirs"].append(theirs(kind, said, three))
    best = {
        name: {key: min(run[key] for run in runs) for key in runs[0]}
        for name, runs in found.items()
        if runs
    }
    result: dict[str, Any] = dict(best)
    result["threads"] = best["one thread"]["wall"] / best["ours"]["wall"]
    if kind.theirs:
        result["wall_ratio"] = best["ours"]["wall"] / best["theirs"]["wall"]
        result["difference"] = difference(one, three)
    return result


def _wants(runs: list[dict[str, float]], rounds: int) -> bool:
    """Are there too few as yet?"""
    return len(runs) < rounds or sum(run["wall"] for run in runs) < _SHORT


def marks(kind: Kind, crs: int, found: dict[str, Any]) -> dict[str, bool]:
    """Which of the marks are reached."""
    reached = {"two_threads": found["threads"] >= THREADS}
    if kind.streams:
        reached["first_bytes"] = found["ours"]["first"] <= FIRST_BYTES
    if kind.theirs and crs != 32613:
        reached["wall"] = found["wall_ratio"] <= GDAL_SIDE
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", default="15000,10000", help="width, height")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kinds", default="", help="names, with commas; all by default")
    parser.add_argument("--crs", default="32613,3857", help="of the pictures, with commas")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="of the scene")
    said = parser.parse_args()
    size = tuple(int(side) for side in said.size.split(","))
    path, results = scene(said.folder, "deflate"), {}
    for crs in (int(number) for number in said.crs.split(",")):
        print(f"\n{size[0]} × {size[1]} pixels in EPSG:{crs}", file=sys.stderr)
        head = ("wall s", "CPU s", "MB", "first s", "1 thread", "× faster", "GDAL s", "GDAL CPU")
        print(f"{'':>13}" + "".join(f"{each:>10}" for each in head), file=sys.stderr)
        for kind in KINDS:
            if said.kinds and kind.name not in said.kinds.split(","):
                continue
            what = {"scene": path, "crs": crs, "size": size, "box": box(crs, *size)}
            with tempfile.TemporaryDirectory() as folder:
                found = measured(kind, what, said.rounds, Path(folder))
            found["marks"] = marks(kind, crs, found)
            results[f"{kind.name} in {crs}"] = found
            _told(kind, found)
    passed = all(all(found["marks"].values()) for found in results.values())
    machine = {"cpus": os.cpu_count(), "machine": platform.machine()}
    print(json.dumps({"passed": passed, "size": size, "machine": machine, "exports": results}))
    return 0 if passed else 1


def _told(kind: Kind, found: dict[str, Any]) -> None:
    mine, gdal = found["ours"], found.get("theirs")
    numbers = [mine["wall"], mine["cpu"], mine["bytes"] / 1e6]
    numbers.append(mine.get("first", math.nan))
    numbers += [found["one thread"]["wall"], found["threads"]]
    numbers += [gdal["wall"], gdal["cpu"]] if gdal else []
    missed = [name for name, holds in found["marks"].items() if not holds]
    line = f"{kind.name:>13}" + "".join(f"{number:>10.2f}" for number in numbers)
    print(line + (f"   misses {', '.join(missed)}" if missed else ""), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
