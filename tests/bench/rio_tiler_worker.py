"""rio-tiler in a process of its own, without HTTP; see `processes.Worker`."""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

from rasterio.crs import CRS
from rio_tiler.errors import NoOverviewWarning
from rio_tiler.io import Reader


def draw(path: str, said: dict[str, Any]) -> bytes:
    width, height = said["size"]
    crs = CRS.from_epsg(said["crs"])
    bands = tuple(band + 1 for band in said["bands"]) or None
    method = "bilinear" if said["smooth"] else "nearest"
    with Reader(path) as reader:
        image = reader.part(
            said["box"],
            dst_crs=crs,
            bounds_crs=crs,
            indexes=bands,
            width=width,
            height=height,
            resampling_method=method,
            reproject_method=method,
        )
    if said["stretch"]:
        image.rescale(said["stretch"])
    driver = {"png": "PNG", "jpeg": "JPEG", "tiff": "GTiff"}[said["format"]]
    options = {"zlevel": 1} if driver == "PNG" else {}
    return bytes(image.render(add_mask=False, img_format=driver, **options))


def main() -> None:
    rasters = json.loads(sys.argv[1])
    warnings.simplefilter("ignore", NoOverviewWarning)
    for line in sys.stdin:
        said = json.loads(line)
        start = time.process_time()
        file = draw(rasters[said["scene"]], said)
        spent = (time.process_time() - start) * 1000
        sys.stdout.buffer.write(f"{len(file)} {spent}\n".encode() + file)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
