"""The command as it is called, and a scene with a configuration to call it with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from exportimage_wsgi.cli import main
from tests.rasters import write

BOX = (-120.0, 30.0, -110.0, 38.0)
PROGRAM = [sys.executable, "-m", "exportimage_wsgi"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Ten by eight pixels of one degree; three bands, 60 b + column."""
    column = np.tile(np.arange(10), (8, 1))
    data = np.stack([60 * band + column for band in range(3)]).astype("u1")
    return Path(write(tmp_path / "scene.tif", data, BOX, "EPSG:4326"))


@pytest.fixture
def config(tmp_path: Path, scene: Path) -> Path:
    file = tmp_path / "services.toml"
    file.write_text(
        '[services."A/scene"]\nsource = "scene.tif"\n'
        '[services.small]\nsource = "scene.tif"\nmax_image_size = [20, 20]\n'
    )
    return file
