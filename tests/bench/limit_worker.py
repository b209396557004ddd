"""The limit: the least that a picture costs, in a process of its own and without HTTP.

An open raster, a read of the window at the level that a picture needs, OpenCV's bilinear warp by
positions of a coarse mesh, and the quickest encoders: no server does less. It widens no kernel,
masks nothing and knows its places in advance; see `processes.Worker` for how it is asked.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import time
import zlib
from typing import Any

import cv2
import imagecodecs
import numpy as np
import rasterio
from isal import isal_zlib
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.windows import Window

CELL = 16
UTM = 32613


class Raster:
    """A raster that stays open, with all its levels."""

    def __init__(self, path: str) -> None:
        whole = rasterio.open(path)
        self.levels = {1: whole}
        for number, factor in enumerate(whole.overviews(1)):
            self.levels[factor] = rasterio.open(path, overview_level=number)
        self.back = ~whole.transform
        self.size = whole.width, whole.height
        self._transformers = {
            crs: Transformer.from_crs(crs, UTM, always_xy=True) for crs in (3857, 4326)
        }

    def positions(self, said: dict[str, Any]) -> NDArray[np.float32]:
        """`(2, y, x)`: columns and rows of the full resolution under the pixels' centres."""
        (west, south, east, north), (width, height) = said["box"], said["size"]
        across = np.arange(0, width + 2 * CELL, CELL)
        down = np.arange(0, height + 2 * CELL, CELL)
        xs = west + (across + 0.5) * (east - west) / width
        ys = north - (down + 0.5) * (north - south) / height
        if said["crs"] != UTM:
            x, y = np.meshgrid(xs, ys)
            x, y = self._transformers[said["crs"]].transform(x.ravel(), y.ravel())
            shape = len(ys), len(xs)
            columns = (self.back.a * x + self.back.c).reshape(shape)
            rows = (self.back.e * y + self.back.f).reshape(shape)
        else:
            columns, rows = np.meshgrid(
                self.back.a * xs + self.back.c, self.back.e * ys + self.back.f
            )
        nodes = np.stack([columns, rows], axis=-1).astype("f4")
        x = (np.arange(width, dtype="f4") / CELL)[None].repeat(height, 0)
        y = (np.arange(height, dtype="f4") / CELL)[:, None].repeat(width, 1)
        return np.moveaxis(cv2.remap(nodes, x, y, cv2.INTER_LINEAR), -1, 0)

    def picture(self, said: dict[str, Any]) -> NDArray[Any]:
        """`(band, y, x)` or, where it was warped, `(y, x, band)`."""
        bands = [band + 1 for band in said["bands"]] or None
        (west, _, _, north), (width, height) = said["box"], said["size"]
        if not said["smooth"]:
            column, row = self.back @ (west, north)
            window = Window(round(column), round(row), width, height)
            return np.moveaxis(self.levels[1].read(bands, window=window), 0, -1)
        columns, rows = self.positions(said)
        step = (columns.max() - columns.min()) / width
        factor = max((f for f in self.levels if f <= step * 1.001), default=1)
        level = self.levels[factor]
        if len(self.levels) == 1 and step > 2:
            return self.means(level, said, 2 ** int(math.log2(max(step / 4, 1))))
        columns, rows = columns / factor - 0.5, rows / factor - 0.5
        left, top = max(int(columns.min()) - 1, 0), max(int(rows.min()) - 1, 0)
        window = Window(
            left,
            top,
            min(int(columns.max()) + 3, level.width) - left,
            min(int(rows.max()) + 3, level.height) - top,
        )
        read = np.ascontiguousarray(np.moveaxis(level.read(bands, window=window), 0, -1))
        return cv2.remap(read, columns - left, rows - top, cv2.INTER_LINEAR)

    def means(self, level: Any, said: dict[str, Any], every: int) -> NDArray[Any]:
        """Without overviews: the means of each so manyth pixel."""
        (west, south, east, north), size = said["box"], said["size"]
        (left, top), (right, bottom) = self.back @ (west, north), self.back @ (east, south)
        window = Window(round(left), round(top), round(right - left), round(bottom - top))
        shape = level.count, window.height // every, window.width // every
        read = level.read(window=window, out_shape=shape)
        return cv2.resize(
            np.ascontiguousarray(np.moveaxis(read, 0, -1)), size, interpolation=cv2.INTER_AREA
        )


def draw(raster: Raster, said: dict[str, Any]) -> bytes:
    pixels = raster.picture(said)
    if said["stretch"]:
        pixels = cv2.merge(
            [
                cv2.convertScaleAbs(
                    np.maximum(band, int(low)),
                    alpha=255 / (high - low),
                    beta=-255 * low / (high - low),
                )
                for band, (low, high) in zip(
                    np.moveaxis(pixels, -1, 0), said["stretch"], strict=True
                )
            ]
        )
    if said["format"] == "tiff":
        return bytes(imagecodecs.tiff_encode(np.ascontiguousarray(pixels[:, :, 0])))
    pixels = np.ascontiguousarray(pixels)
    if said["format"] == "jpeg":
        return bytes(imagecodecs.jpeg8_encode(pixels, 75, subsampling="420"))
    return png(pixels)


def png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, channels = pixels.shape
    lines = np.empty((height, 1 + width * channels), np.uint8)
    flat = pixels.reshape(height, -1)
    lines[:, 0] = 2
    lines[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = isal_zlib.compress(lines.reshape(-1).data, 1)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def main() -> None:
    cv2.setNumThreads(1)
    with rasterio.Env(GDAL_CACHEMAX=256 * 2**20, GDAL_NUM_THREADS="1"):
        rasters = {name: Raster(path) for name, path in json.loads(sys.argv[1]).items()}
        for line in sys.stdin:
            said = json.loads(line)
            start = time.process_time()
            file = draw(rasters[said["scene"]], said)
            spent = (time.process_time() - start) * 1000
            sys.stdout.buffer.write(f"{len(file)} {spent}\n".encode() + file)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
