"""Make pictures and numbers of rasters in a program, without HTTP.

python examples/embed.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from exportimage_wsgi import ExportRequest, ImageService, export_image

DATA = Path(__file__).parent / "data"
LONGS_PEAK = -105.616, 40.255


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture(folder)
    values(folder)
    numbers()
    shaded_relief(folder)


def picture(folder: Path) -> None:
    """A box in degrees as a picture in Web Mercator, with a bar while it is made."""
    service = ImageService.open(DATA / "rgb.tif")
    request = ExportRequest(
        bbox=(-105.8, 40.2, -105.5, 40.4), bbox_sr=4326, size=(1200, 1000), image_sr=3857
    )

    export = export_image(service, request)  # nothing is read yet
    print(f"{export.media_type} {export.width} × {export.height}, {export.extent.bounds}")
    export.save(folder / "park.png", progress=True)


def values(folder: Path) -> None:
    """The elevation of the whole service, resampled to 100 m, as numbers in a GeoTIFF."""
    service = ImageService.open(DATA / "elevation.tif")
    size = round(service.extent.width / 100), round(service.extent.height / 100)
    request = ExportRequest(size=size, format="tiff", interpolation="cubic")

    export_image(service, request).save(folder / "elevation.tif", progress=told)


def told(done: int, total: int) -> None:
    """What a program of your own does with the progress."""
    print(f"elevation.tif: {done} of {total} pieces")


def numbers() -> None:
    """The same pixels as an xarray cube `(band, y, x)`: lazy, until it is computed."""
    service = ImageService.open(DATA / "elevation.tif")
    west, north = LONGS_PEAK[0] - 0.02, LONGS_PEAK[1] + 0.02
    request = ExportRequest(
        bbox=(west, north - 0.04, west + 0.04, north), bbox_sr=4326, size=(100, 100), format="tiff"
    )

    cube = export_image(service, request).cube
    heights = cube.where(cube != cube.rio.nodata)
    print(f"around Longs Peak, {cube.rio.crs}: up to {float(heights.max()):.0f} m")


def shaded_relief(folder: Path) -> None:
    """An array that was computed is a service like any other."""
    service = ImageService.open(DATA / "elevation.tif")
    request = ExportRequest(size=(720, 888), format="tiff", interpolation="cubic")
    heights = export_image(service, request).cube[0]
    heights = heights.where(heights != heights.rio.nodata)
    metres = service.extent.width / heights.sizes["x"]
    down, right = np.gradient(heights.values, metres)
    light = (1 + down + right) / np.sqrt(3 * (1 + down**2 + right**2))  # from the north-west
    relief = heights.copy(data=np.nan_to_num(light.clip(0.004, 1) * 255).astype("uint8"))

    shaded = ImageService.open(relief.expand_dims("band").rio.write_nodata(0), name="relief")
    export_image(shaded, ExportRequest(size=(720, 888))).save(folder / "relief.png")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
