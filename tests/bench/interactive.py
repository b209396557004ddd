"""CPU time of whole servers for what map clients ask, and requests a second with eight clients.

All servers are asked for the same places, by turns, one request at a time: what a server's
processes have spent in between is what a request costs. Places are drawn at random and never
repeat, so that what is read is mostly not in GDAL's cache, though in the system's. Replies are
decoded and compared with ours, so that nobody does less.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from processes import Peer, Worker
from rasterio.errors import NotGeoreferencedWarning
from scene import default_folder
from servers import CLIENTS, MapServer, Ours, Titiler, peers_python
from work import Box, Row, rows, scenes

from exportimage_wsgi import ImageService
from exportimage_wsgi.imagery.cast import default_stretch

HERE = Path(__file__).parent
_BURST = 64
"""Requests of all clients together, by which throughput is measured."""

Measured = dict[str, Any]


def decoded(file: bytes, row: Row) -> NDArray[np.float32]:
    """`(band, y, x)`."""
    if row.format == "tiff":
        with warnings.catch_warnings(), rasterio.MemoryFile(file) as memory:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with memory.open() as dataset:
                return np.asarray(dataset.read([1]), "f4")
    with Image.open(io.BytesIO(file)) as image:
        return np.moveaxis(np.asarray(image.convert("RGB"), "f4"), -1, 0)


def difference(file: bytes, ours: NDArray[np.float32], row: Row) -> float:
    """Mean absolute difference of the pixels; raises `AssertionError` where it is too large."""
    theirs = decoded(file, row)
    assert theirs.shape == ours.shape, (row.name, theirs.shape, ours.shape)
    return float(np.abs(theirs - ours).mean())


def measured(row: Row, peers: Sequence[Peer], count: int) -> dict[str, Measured]:
    """By name: CPU milliseconds, bytes and differences of one request at a time."""
    random = np.random.default_rng([1, *row.name.encode()])
    for peer in peers:  # handles and compiled functions become warm, in all processes
        for _ in range(6):
            peer.draw(row, row.place(random))
    spent: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, list[int]] = defaultdict(list)
    apart: dict[str, list[float]] = defaultdict(list)
    time.sleep(0.2)
    before = {peer.name: peer.cpu_ms() for peer in peers}
    for number in range(count):
        box, ours = row.place(random), None
        order = peers if number % 2 else [peers[0], *reversed(peers[1:])]
        for peer in order:
            file = peer.draw(row, box)
            sizes[peer.name].append(len(file))
            ours = decoded(file, row) if ours is None else ours
            apart[peer.name].append(difference(file, ours, row))
        for peer in peers:  # also what is done after an answer
            now = peer.cpu_ms()
            spent[peer.name].append(now - before[peer.name])
            before[peer.name] = now
    return {
        name: {
            "cpu_ms": statistics.median(times),
            "cpu_ms_p95": float(np.percentile(times, 95)),
            "cpu_ms_mean": statistics.fmean(times),
            "bytes": statistics.median(sizes[name]),
            "difference": statistics.fmean(apart[name]),
        }
        for name, times in spent.items()
    }


def warm(row: Row, peers: Sequence[Peer], count: int) -> dict[str, float]:
    """CPU milliseconds by name where all blocks are in the cache: places beside each other."""
    random = np.random.default_rng([2, *row.name.encode()])
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(max(count // 4, 3)):
        box = row.place(random)
        pixel = (box[2] - box[0]) / row.size[0]
        boxes = [_moved(box, shift * pixel) for shift in range(12)]
        for peer in peers:
            for each in boxes[:8]:
                peer.draw(row, each)
            before = peer.cpu_ms()
            for each in boxes[8:]:
                peer.draw(row, each)
            time.sleep(0.005)
            found[peer.name].append((peer.cpu_ms() - before) / 4)
    return {name: statistics.median(times) for name, times in found.items()}


def _moved(box: Box, shift: float) -> Box:
    return box[0] + shift, box[1], box[2] + shift, box[3]


def throughput(row: Row, peers: Sequence[Peer], bursts: int) -> dict[str, float]:
    """Requests a second by name, the best of some bursts: other work makes a machine slower."""
    random = np.random.default_rng([3, *row.name.encode()])
    best: dict[str, float] = defaultdict(float)
    for _ in range(bursts):
        boxes = [row.place(random) for _ in range(_BURST)]
        for peer in peers:
            best[peer.name] = max(best[peer.name], _burst(row, peer, boxes))
    return dict(best)


def _burst(row: Row, peer: Peer, boxes: Sequence[Box]) -> float:
    failures: list[BaseException] = []
    ahead = iter(boxes)  # whoever is free takes the next

    def ask() -> None:
        try:
            for box in ahead:
                peer.draw(row, box)
        except BaseException as error:
            failures.append(error)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    start = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if failures:
        raise failures[0]
    return len(boxes) / (time.perf_counter() - start)


def marks(found: dict[str, Measured]) -> dict[str, bool]:
    """Which of the marks the row reaches."""
    ours, limit = found["ours"], found["limit"]["cpu_ms"]
    servers = [m for name, m in found.items() if name not in ("ours", "limit")]
    best = min(m["cpu_ms"] for m in servers)
    fastest = max(m.get("rate", 0.0) for m in servers)
    return {
        "half_of_the_best": ours["cpu_ms"] <= max(best / 2, 1.25 * limit),
        "twice_the_limit": ours["cpu_ms"] <= 2 * limit,
        "twice_the_rate": ours["rate"] >= 2 * fastest,
    }


def stretch_of(path: Path) -> tuple[tuple[float, float], ...]:
    """As ours shows the bands 3, 2, 1."""
    statistics_of_bands = ImageService.open(path).statistics
    assert statistics_of_bands is not None
    return tuple(default_stretch(statistics_of_bands[band]) for band in (2, 1, 0))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=40, help="of each server, in each row")
    parser.add_argument("--bursts", type=int, default=3, help="of 64 requests, for throughput")
    parser.add_argument("--rows", default="", help="names of rows, with commas; all by default")
    parser.add_argument("--peers", default="MapServer,titiler,rio-tiler", help="with commas")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="of the scenes")
    parser.add_argument("--compression", default="jpeg", help="of the colours: jpeg or deflate")
    said = parser.parse_args()
    rasters = {name: make(said.folder) for name, make in scenes(said.compression).items()}
    every = rows(stretch_of(rasters["six"]))
    chosen = [row for row in every if not said.rows or row.name in said.rows.split(",")]
    results = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = _started(stack, folder, rasters, every, said.peers.split(","))
        servers = [peer for peer in peers if not isinstance(peer, Worker)]
        for row in chosen:
            found = measured(row, peers, said.requests)
            for name, cpu in warm(row, peers, said.requests).items():
                found[name]["warm_cpu_ms"] = cpu
            for name, rate in throughput(row, servers, said.bursts).items() if said.bursts else ():
                found[name]["rate"] = rate
            results[row.name] = {"title": row.title, "servers": found}
            _told(row, found)
    return _reported(results, bool(said.bursts))


def _started(
    stack: ExitStack,
    folder: Path,
    rasters: dict[str, Path],
    every: Sequence[Row],
    wanted: Sequence[str],
) -> list[Peer]:
    ways: dict[str, Callable[[], Any]] = {
        "ours": lambda: Ours(folder, rasters, every),
        "MapServer": lambda: MapServer(folder, rasters, every),
        "titiler": lambda: Titiler(folder, rasters, every),
        "rio-tiler": lambda: Worker(
            "rio-tiler", [peers_python(), HERE / "rio_tiler_worker.py"], rasters
        ),
        "limit": lambda: Worker("limit", [peers_python(), HERE / "limit_worker.py"], rasters),
    }
    peers = []
    for name, start in ways.items():
        if name in ("ours", "limit", *wanted):
            peers.append(start())
            stack.callback(peers[-1].close)
    return peers


def _told(row: Row, found: dict[str, Measured]) -> None:
    print(f"\n{row.title}", file=sys.stderr)
    head = ("CPU ms", "p95", "warm", "a second", "bytes", "apart")
    print(f"{'':>12}" + "".join(f"{each:>11}" for each in head), file=sys.stderr)
    for name, m in found.items():
        cells = [f"{m['cpu_ms']:.2f}", f"{m['cpu_ms_p95']:.2f}", f"{m['warm_cpu_ms']:.2f}"]
        cells += [f"{m['rate']:.0f}" if "rate" in m else "–", f"{m['bytes']:.0f}"]
        cells += [f"{m['difference']:.3f}"]
        print(f"{name:>12}" + "".join(f"{each:>11}" for each in cells), file=sys.stderr)
        if m["difference"] > row.alike:
            print(f"{name:>12} draws something else: at most {row.alike}", file=sys.stderr)


def _reported(results: dict[str, Any], rated: bool) -> int:
    passed = True
    if rated:
        for result in results.values():
            result["marks"] = marks(result["servers"])
            missed = [name for name, holds in result["marks"].items() if not holds]
            passed = passed and not missed
            print(f"{result['title']}: {', '.join(missed) or 'all marks'}", file=sys.stderr)
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": sys.version}
    print(json.dumps({"passed": passed, "machine": machine, "rows": results}))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
