"""seamless-3dep, which fetches heights in several files at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.real_clients.conftest import Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import warped

SCRIPT = """
import json, os, sys
import seamless_3dep
import tiny_retriever

theirs = "https://elevation.nationalmap.gov/arcgis/rest/services/3DEPElevation/ImageServer"
ours, folder, box = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
download = tiny_retriever.download
# Its one address stands in its source.
tiny_retriever.download = lambda urls, files: download(
    [url.replace(theirs, ours) for url in urls], files
)
files = seamless_3dep.get_map("DEM", box, folder, res=100, pixel_max=30_000)
print(json.dumps([str(file) for file in files]), flush=True)
os._exit(0)  # Its thread of downloads may wait for itself when Python ends.
"""


@pytest.mark.client("seamless-3dep", "`get_map`: TIFFs of several parts at once")
def test_it_fetches_heights(site: Site, scenes: dict[str, Scene], tmp_path: Path) -> None:
    scene = scenes["Rocky/elevation"]
    box = [-105.8, 40.2, -105.5, 40.4]
    command = [sys.executable, "-c", SCRIPT, site.url(scene.service), str(tmp_path)]
    done = subprocess.run([*command, json.dumps(box)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout.splitlines()[-1])

    assert len(files) > 1
    for file in files:
        with rasterio.open(file) as dataset:
            assert dataset.crs.to_epsg() == 3857
            seen = dataset.read(1, masked=True)
            place = tuple(dataset.bounds), 3857, (dataset.width, dataset.height)
        wanted = warped(scene.file, *place)[0]
        assert wanted.count() == wanted.size
        assert np.abs(seen - wanted).mean() < 1
