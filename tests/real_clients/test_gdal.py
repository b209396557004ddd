"""GDAL: its WMS driver's mini driver for ArcGIS servers, and TIFFs read over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.real_clients.asking import fetched, told
from tests.real_clients.conftest import Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white, warped

SIZE = (512, 384)
_AGS = """<GDAL_WMS>
  <Service name="AGS">
    <ServerUrl>{url}/exportImage?</ServerUrl>
    <SRS>EPSG:{wkid}</SRS>
    <ImageFormat>{format}</ImageFormat>
    <Transparent>{transparent}</Transparent>
  </Service>
  <DataWindow>
    <UpperLeftX>{box[0]}</UpperLeftX><UpperLeftY>{box[3]}</UpperLeftY>
    <LowerRightX>{box[2]}</LowerRightX><LowerRightY>{box[1]}</LowerRightY>
    <SizeX>{size[0]}</SizeX><SizeY>{size[1]}</SizeY>
  </DataWindow>
  <BandsCount>{bands}</BandsCount>
  <BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY>
  <UnsafeSSL>true</UnsafeSSL>
</GDAL_WMS>"""


def ran(*command: str | Path, **environment: str) -> str:
    """What a program prints; the tiles that it keeps go with it."""
    words = [str(word) for word in command]
    with tempfile.TemporaryDirectory() as kept:
        known = os.environ | {"GDAL_DEFAULT_WMS_CACHE_PATH": kept} | environment
        done = subprocess.run(words, env=known, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(site: Site, scene: Scene, secure: bool = False, **more: str) -> str:
    """URL of a picture of the scene's view."""
    box = ",".join(map(repr, scene.box()))
    asked = {"bbox": box, "size": "512,384", "format": "tiff", "f": "image"} | more
    return f"{site.url(scene.service, secure)}/exportImage?{urlencode(asked)}"


@pytest.mark.client("GDAL", "WMS driver, AGS mini driver: PNG and JPEG")
@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("service", ["utm", "mercator"])
def test_the_ags_driver_draws_the_raster(
    site: Site, scenes: dict[str, Scene], tmp_path: Path, service: str, kind: str
) -> None:
    scene, clear = scenes[service], kind == "png"
    description, drawn = tmp_path / "ags.xml", tmp_path / "drawn.png"
    description.write_text(
        _AGS.format(
            url=site.url(service, secure=True), wkid=scene.wkid, format=kind, box=scene.box(),
            size=SIZE, bands=4 if clear else 3, transparent="TRUE" if clear else "FALSE",
        )
    )  # fmt: skip
    ran("gdal_translate", "-q", "-of", "PNG", description, drawn)

    assert_alike(colours(drawn), on_white(scene.file, scene.box(), scene.wkid, SIZE), 6)


@pytest.mark.client("GDAL", "/vsicurl of exportImage: HEAD and byte ranges")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_vsicurl_reads_the_tiff_of_export_image(
    site: Site, scenes: dict[str, Scene], secure: bool
) -> None:
    scene = scenes["Rocky/elevation"]
    seen = read_by_gdal(f"/vsicurl/{exported(site, scene, secure)}", site)

    assert_same_heights(seen, scene)


@pytest.mark.client("GDAL", "/vsicurl of the `href` of f=json")
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_vsicurl_reads_the_href(site: Site, scenes: dict[str, Scene], secure: bool) -> None:
    scene = scenes["Rocky/elevation"]
    asked = exported(site, scene, secure, f="json")
    reply = told(asked)
    root = site.url("", secure).split("/rest/")[0]

    assert reply["href"].startswith(f"{root}/")
    assert_same_heights(read_by_gdal(f"/vsicurl/{reply['href']}", site), scene)


@pytest.mark.client("GDAL", "HTTP driver, TIFF")
def test_the_http_driver_reads_a_tiff(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["Rocky/elevation"]

    assert_same_heights(read_by_gdal(exported(site, scene, secure=True), site), scene)


@pytest.mark.client("rasterio", "`rasterio.open` of exportImage and windowed reading")
def test_rasterio_opens_the_url_of_export_image(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["Rocky/elevation"]
    with rasterio.open(exported(site, scene, compression="LZ77")) as dataset:
        part = dataset.read(1, window=((100, 200), (50, 250)), masked=True)
        place = dataset.crs.to_epsg(), dataset.bounds

    assert place == (scene.wkid, pytest.approx(scene.box()))
    wanted = warped(scene.file, scene.box(), scene.wkid, SIZE)[0, 100:200, 50:250]
    assert np.abs(part - wanted).max() < 0.01


def read_by_gdal(name: str, site: Site) -> Any:
    """`(y, x)`, masked: a raster in the view's box that Debian's GDAL opens by its name."""
    said = json.loads(ran("gdalinfo", "-json", name, GDAL_HTTP_UNSAFESSL="YES"))
    folder = site.certificate.parent
    ran("gdal_translate", "-q", name, folder / "read.tif", GDAL_HTTP_UNSAFESSL="YES")
    with rasterio.open(folder / "read.tif") as dataset:
        assert said["size"] == [dataset.width, dataset.height]
        assert dataset.crs.to_epsg() == 32613
        return dataset.read(1, masked=True)


def assert_same_heights(seen: Any, scene: Scene) -> None:
    """Heights in metres, and no data in the same places."""
    wanted = warped(scene.file, scene.box(), scene.wkid, SIZE)[0]

    assert seen.shape == wanted.shape
    assert np.array_equal(np.ma.getmaskarray(seen), np.ma.getmaskarray(wanted))
    assert np.abs(seen - wanted).max() < 0.01


@pytest.mark.client("GDAL", "LERC with one band")
def test_gdal_reads_lerc(site: Site, scenes: dict[str, Scene], tmp_path: Path) -> None:
    scene = scenes["Rocky/elevation"]
    file = tmp_path / "heights.lrc"
    asked = exported(site, scene, format="lerc", lercVersion="2", compressionTolerance="0.01")
    file.write_bytes(fetched(asked)[2])
    ran("gdal_translate", "-q", file, tmp_path / "heights.tif")
    with rasterio.open(tmp_path / "heights.tif") as dataset:
        seen = dataset.read(1)

    wanted = warped(scene.file, scene.box(), scene.wkid, SIZE)[0]
    assert np.abs(seen - wanted)[~np.ma.getmaskarray(wanted)].max() < 0.03


@pytest.mark.client("GDAL", "`gdalwarp` of the AGS mini driver into another reference")
def test_gdalwarp_draws_through_the_ags_driver(
    site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene = scenes["mercator"]
    description = tmp_path / "ags.xml"
    half = 20037508.342789244
    description.write_text(
        _AGS.format(
            url=site.url("mercator"), wkid=3857, format="png", transparent="TRUE", bands=4,
            box=(-half, -half, half, half), size=(2048, 2048),
        )
    )  # fmt: skip
    box = 0.0, 35.0, 20.0, 50.0
    seen = warped(description, box, 4326, (200, 150))

    image = Image.fromarray(np.moveaxis(seen.data, 0, 2), "RGBA")
    assert_alike(colours(image), on_white(scene.file, box, 4326, (200, 150)))


@pytest.mark.client("GDAL", "`…/ImageServer?f=json` of a service with tiles")
def test_gdal_finds_the_tiles_of_a_service(
    site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene, name = scenes["mercator"], f"{site.url('tiled/mercator')}?f=json&pretty=true"
    ran("gdalwarp", "-q", "-r", "bilinear", "-te", *map(repr, scene.box()), "-ts", "512", "384",
        name, tmp_path / "drawn.tif")  # fmt: skip
    with rasterio.open(tmp_path / "drawn.tif") as dataset:
        assert dataset.crs.to_epsg() == 3857
        seen = np.moveaxis(dataset.read([1, 2, 3]), 0, 2).astype(float)

    assert_alike(seen, on_white(scene.file, scene.box(), 3857, SIZE), 10)


@pytest.mark.client("GDAL", "gdallocationinfo of the AGS mini driver")
def test_gdal_asks_for_the_value_of_a_pixel(
    site: Site, scenes: dict[str, Scene], tmp_path: Path
) -> None:
    scene, (x, y) = scenes["utm"], (447_496.0, 4_456_180.0)
    description = tmp_path / "ags.xml"
    description.write_text(
        _AGS.format(
            url=site.url("utm"), wkid=32613, format="png", box=scene.box(), size=SIZE, bands=4,
            transparent="TRUE",
        )
    )  # fmt: skip
    told_by_gdal = ran("gdallocationinfo", "-xml", "-geoloc", description, str(x), str(y))

    drawn = re.findall(r"<Value>(\d+)</Value>", told_by_gdal)
    xmin, _, _, ymax = scene.box()
    row, column = int((ymax - y) / scene.resolution), int((x - xmin) / scene.resolution)
    wanted = on_white(scene.file, scene.box(), 32613, SIZE)[row, column]
    assert [float(value) for value in drawn[:3]] == pytest.approx(wanted, abs=6)
