"""Memory of one worker of the server: at its peak during large exports, and after many requests.

A worker process of `exportimage-wsgi serve` is asked over HTTP, and Linux tells what it holds: the
peak (`VmHWM`, begun anew before each export) and the resident memory (`VmRSS`). The exports are
reprojected, 15000 × 4100 pixels in each format that streams, and four times as high. Then a mix of
small and middling pictures is asked for, at places that never repeat.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin

WIDTH, HEIGHT, TIMES = 15_000, 4_100, 4
FORMATS: dict[str, dict[str, str]] = {
    "png": {"format": "png"},
    "jpg": {"format": "jpg"},
    "tiff": {"format": "tiff"},
    "tiff deflate": {"format": "tiff", "compression": "LZ77"},
    "bip": {"format": "bip"},
    "bsq": {"format": "bsq"},
    "bmp": {"format": "bmp"},
}
TALL = ("png", "tiff", "bip")
LARGEST_PEAK_MB, LARGEST_GROWTH = 600.0, 1.10
"""The marks: of the peak; of four times the height to once, and of the end to the beginning."""
SIDE, WEST, NORTH = 8_192, 440_000, 4_470_000


def scene(folder: Path) -> Path:
    """8192 × 8192 RGB pixels in UTM, in tiles, with overviews."""
    path = folder / "scene.tif"
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 3, "dtype": "uint8",
        "crs": "EPSG:32613", "transform": from_origin(WEST, NORTH, 2, 2), "photometric": "rgb",
        "tiled": True, "compress": "deflate", "zlevel": 1, "interleave": "pixel",
    }  # fmt: skip
    y, x = np.mgrid[:SIDE, :SIDE].astype("f4")
    bands = [120 + 90 * np.sin(x / 97) * np.cos(y / 83), 110 + 80 * np.sin((x + y) / 59), x % 251]
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.stack(bands).astype("u1"))
        dataset.build_overviews([2, 4, 8, 16], Resampling.average)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The one worker of a server."""

    pid: int

    url: str
    """Of exportImage."""

    def draw(self, **arguments: Any) -> int:
        """The bytes of a picture, which is read to its end."""
        with urlopen(f"{self.url}?{urlencode({'f': 'image', **arguments})}", timeout=900) as reply:
            return sum(len(chunk) for chunk in iter(lambda: reply.read(1 << 20), b""))

    def reset_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def megabytes(self, name: str) -> float:
        """`VmHWM` or `VmRSS`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1000


@contextmanager
def served(folder: Path) -> Iterator[Worker]:
    config = folder / "services.toml"
    limits = f"max_image_size = [{WIDTH}, {TIMES * HEIGHT}]"
    config.write_text(f'[limits]\n{limits}\n[services.scene]\nsource = "{scene(folder)}"\n')
    command = [sys.executable, "-m", "exportimage_wsgi", "serve", str(config), "--port=0"]
    with subprocess.Popen(
        [*command, "--workers=1"], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as server:
        try:
            assert server.stdout is not None
            ready = server.stdout.readline().split()[1]
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield Worker(pid=int(children[0]), url=f"{ready}/scene/ImageServer/exportImage")
        finally:
            server.terminate()


def peak(worker: Worker, height: int, arguments: dict[str, str]) -> dict[str, float]:
    """Megabytes of the peak, and of the file."""
    worker.reset_peak()
    size = worker.draw(size=f"{WIDTH},{height}", imageSR=3857, **arguments)
    return {"peak_mb": worker.megabytes("VmHWM"), "file_mb": size / 1e6}


def mixed(worker: Worker, count: int) -> dict[str, float]:
    """Resident megabytes after the first tenth of the requests, and after all."""
    random, early = np.random.default_rng(1), 0.0
    for number in range(count):
        if number == count // 10:
            early = worker.megabytes("VmRSS")
        side = float(random.choice([300.0, 1200.0, 5000.0, 15000.0]))
        left, top = WEST + random.uniform(0, 1000), NORTH - random.uniform(0, 1000)
        name = str(random.choice(list(FORMATS)))
        pixels = int(random.choice([256, 400, 1024, 1600]))
        worker.draw(
            bbox=f"{left},{top - side},{left + side},{top}",
            size=f"{pixels},{pixels}",
            imageSR=int(random.choice([3857, 4326, 32613])),
            **FORMATS[name],
        )
    return {"early_mb": early, "late_mb": worker.megabytes("VmRSS")}


def measured(worker: Worker, count: int) -> dict[str, Any]:
    # What a worker keeps between requests is filled first: it has a bound of its own.
    worker.draw(size=f"{WIDTH},{TIMES * HEIGHT}", imageSR=3857, format="jpg")
    rows = []
    for name, arguments in FORMATS.items():
        row: dict[str, Any] = {"format": name, **peak(worker, HEIGHT, arguments)}
        if name in TALL:
            row["tall_mb"] = peak(worker, TIMES * HEIGHT, arguments)["peak_mb"]
        rows.append(row)
        print(_line(row), file=sys.stderr)
    return {"exports": rows, "mixed": mixed(worker, count) | {"requests": count}}


def _line(row: dict[str, Any]) -> str:
    tall = f"{row['tall_mb']:>14.0f}" if "tall_mb" in row else ""
    return f"{row['format']:<14}{row['peak_mb']:>9.0f}{row['file_mb']:>9.0f}{tall}"


def faults(found: dict[str, Any]) -> list[str]:
    """The marks that are missed."""
    missed = []
    for row in found["exports"]:
        if row["peak_mb"] > LARGEST_PEAK_MB:
            missed.append(f"{row['format']}: {row['peak_mb']:.0f} MB at the peak")
        if row.get("tall_mb", 0) > LARGEST_GROWTH * row["peak_mb"]:
            missed.append(f"{row['format']}: {row['tall_mb']:.0f} MB for {TIMES} times the height")
    mix = found["mixed"]
    if mix["late_mb"] > LARGEST_GROWTH * mix["early_mb"]:
        missed.append(f"mixed: from {mix['early_mb']:.0f} to {mix['late_mb']:.0f} MB")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1000, help="of the mix")
    said = parser.parse_args()
    print(f"{'format':<14}{'peak MB':>9}{'file MB':>9}{'4 × height':>14}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as worker:
        found = measured(worker, said.requests)
    mix, missed = found["mixed"], faults(found)
    print(
        f"{mix['requests']} mixed requests: {mix['early_mb']:.0f} MB after a tenth of them, "
        f"{mix['late_mb']:.0f} MB after all",
        *missed,
        sep="\n",
        file=sys.stderr,
    )
    print(json.dumps({"passed": not missed, **found}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
