"""The rasters that clients draw, made from those of the examples, and their configuration."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[2] / "examples" / "data"
HALF_THE_WORLD = 20037508.342789244
CONFIG = """
[server]
title = "Real clients"
trusted_proxies = ["127.0.0.1"]

[services.utm]
source = "utm.tif"
copyright = "NASA Earth Observatory; U.S. Geological Survey"

[services.mercator]
source = "mercator.tif"

[services."Rocky/elevation"]
source = "elevation.tif"

[services."tiled/utm"]
source = "utm.tif"
tiles = true

[services."tiled/mercator"]
source = "mercator.tif"
tiles = true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A raster that is served, and a view of it that fits a map of 512 × 384 pixels."""

    service: str
    """Name of its service."""

    file: Path

    wkid: int
    """Reference of the file, and of the view."""

    centre: tuple[float, float]
    """Of the view, x and y."""

    resolution: float
    """Units of the reference in a pixel of the view."""

    def box(self, size_wh: tuple[int, int] = (512, 384)) -> tuple[float, float, float, float]:
        """The view's xmin, ymin, xmax, ymax."""
        across, down = (self.resolution * pixels / 2 for pixels in size_wh)
        x, y = self.centre
        return x - across, y - down, x + across, y + down


def make_scenes(folder: Path) -> dict[str, Scene]:
    """Write the rasters and `services.toml` into a folder; the scenes by the names of services."""
    utm, mercator, elevation = (folder / f"{n}.tif" for n in ("utm", "mercator", "elevation"))
    _warp(DATA / "rgb.tif", utm, "-t_srs", "EPSG:32613", "-tr", "130", "130", "-dstalpha")
    sides = [str(sign * HALF_THE_WORLD) for sign in (-1, -1, 1, 1)]
    _warp(DATA / "world.tif", mercator, "-t_srs", "EPSG:3857", "-te", *sides, "-ts", "2048", "2048")
    elevation.symlink_to(DATA / "elevation.tif")
    (folder / "services.toml").write_text(CONFIG)
    park = (441_000, 4_465_800)
    return {
        scene.service: scene
        for scene in (
            Scene(service="utm", file=utm, wkid=32613, centre=park, resolution=140),
            Scene(
                service="mercator",
                file=mercator,
                wkid=3857,
                centre=(1_500_000, 5_500_000),
                resolution=HALF_THE_WORLD / 1024,
            ),
            Scene(
                service="Rocky/elevation",
                file=elevation,
                wkid=32613,
                centre=park,
                resolution=100,
            ),
        )
    }


def _warp(source: Path, target: Path, *options: str) -> None:
    command = ["gdalwarp", "-q", "-r", "bilinear", "-co", "TILED=YES", *options, source, target]
    subprocess.run([str(part) for part in command], check=True)
