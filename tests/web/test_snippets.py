"""Texts that open a service elsewhere: they do, in GDAL and Python, wherever it is mounted."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from werkzeug.test import Client

from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web.snippets import Served, gdal_xml, served, snippets
from tests.web.scene import BOX, COLUMNS, ROWS, colours_at, serving, write_rasters

COLOURS, HEIGHTS = "/rest/services/Scenes/colours/ImageServer", "/rest/services/heights/ImageServer"
SCENE = "/rest/services/Rocky/Scene/ImageServer"
URL = "https://maps.example.org/imagery/rest/services/a/ImageServer"


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_rasters(tmp_path_factory.mktemp("scene"))) as url:
        yield url


@pytest.fixture
def told(service: ImageService) -> Served:
    return served(service, URL)


def text_of(page: str, key: str) -> str:
    found = re.search(rf'<pre id="open-in-{key}"[^>]*><code>(.*?)</code>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def read(url: str) -> str:
    with urlopen(url) as reply:
        return str(reply.read().decode())


def test_gdal_opens_the_service_by_the_address_of_its_xml(mounted: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.tif"
    source = f"/vsicurl/{mounted}{COLOURS}/gdal.xml"
    command = ["gdal_translate", "-q", "-outsize", "300", "0", source, str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with rasterio.open(copy) as raster:
        seen, place = raster.read(), raster.transform
        assert (raster.crs.to_epsg(), raster.bounds) == (32633, pytest.approx(BOX))

    xs, ys = place * (np.array([50.5, 150.5, 250.5]), np.array([40.5, 100.5, 160.5]))
    wanted = colours_at(xs, ys)
    assert np.abs(seen[:3, [40, 100, 160], [50, 150, 250]].T - wanted).max() <= 3


def test_the_xml_has_the_resolution_of_the_service(mounted: str) -> None:
    with urlopen(f"{mounted}{COLOURS}/gdal.xml") as reply:
        described = ElementTree.fromstring(reply.read())

    size = [described.findtext(f"DataWindow/{name}") for name in ("SizeX", "SizeY")]
    assert size == [str(COLUMNS), str(ROWS)]


def test_the_python_text_gets_the_values(mounted: str, tmp_path: Path) -> None:
    code = text_of(read(mounted + HEIGHTS), "python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr

    with rasterio.open(tmp_path / "heights.tif") as raster:
        row, column = np.mgrid[:200, :300]
        assert np.array_equal(raster.read(1), 100 + 2 * row + column)
        assert raster.bounds == pytest.approx((-20, 10, 10, 30))


def test_texts_begin_with_where_the_application_is_mounted(mounted: str) -> None:
    page = read(mounted + COLOURS)

    for key in ("qgis", "arcgis", "python", "gdal", "leaflet", "openlayers", "sdk"):
        assert f"{mounted}{COLOURS}" in text_of(page, key)


def test_the_map_viewer_is_told_the_address(told: Served) -> None:
    link = next(each.link for each in snippets(told) if each.key == "arcgis")

    assert link.startswith("https://www.arcgis.com/apps/mapviewer/index.html?")
    assert parse_qs(urlsplit(link).query) == {"url": [URL]}


def test_qgis_is_told_the_reference_and_the_address(told: Served) -> None:
    text = next(each.text for each in snippets(told) if each.key == "qgis")

    assert f"crs='EPSG:4326' format='PNG32' layer='' url='{URL}'" in text
    compile(text, "console", "eval")


def test_maps_begin_at_the_extent_in_degrees(told: Served) -> None:
    texts = {each.key: each.text for each in snippets(told)}

    assert "[[20.0, -120.0], [40.0, -80.0]]" in texts["leaflet"]
    assert "[-120.0, 20.0, -80.0, 40.0]" in texts["openlayers"]


def test_a_reference_without_a_number_has_no_text_for_gdal(told: Served, client: Client) -> None:
    bare = replace(told, code="")

    assert gdal_xml(bare) is None
    assert "gdal" not in {each.key for each in snippets(bare)}
    assert "crs=" not in next(each.text for each in snippets(bare) if each.key == "qgis")


@pytest.mark.parametrize("name", ['a"b', "été", "a'b\\c", "𝛼", "folder/x y"])
def test_any_name_is_a_string_of_python(told: Served, name: str) -> None:
    texts = {each.key: each.text for each in snippets(replace(told, name=name))}

    assert eval(texts["qgis"].partition("addRasterLayer")[2])[1] == name
    compile(texts["python"], "console", "exec")


def test_the_picture_of_the_python_text_is_one_that_the_service_allows(told: Served) -> None:
    narrow = replace(told, most_wh=(300, 90), shape_yx=(2000, 4000))
    text = next(each.text for each in snippets(narrow) if each.key == "python")

    assert '"size": "180,90"' in text


def test_gdal_is_told_nothing_by_a_service_that_is_not_there(client: Client) -> None:
    assert client.get("/rest/services/nothing/ImageServer/gdal.xml").status_code == 404
    assert client.get(SCENE + "/gdal.xml").mimetype == "application/xml"
