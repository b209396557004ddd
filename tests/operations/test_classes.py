from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from exportimage_wsgi.operations.describe import describe_service
from exportimage_wsgi.operations.table import operation_at
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.rasters import classes, waves, write

COLOURS = {0: (0, 0, 0), 1: (26, 91, 171), 2: (53, 130, 33), 3: (167, 210, 130), 4: (9, 9, 9)}
TABLE = """<PAMDataset><PAMRasterBand band="1"><GDALRasterAttributeTable tableType="thematic">
<FieldDefn index="0"><Name>Value</Name><Type>0</Type><Usage>5</Usage></FieldDefn>
<FieldDefn index="1"><Name>ClassName</Name><Type>2</Type><Usage>2</Usage></FieldDefn>
<FieldDefn index="2"><Name>Share</Name><Type>1</Type><Usage>0</Usage></FieldDefn>
<Row index="0"><F>1</F><F>Wäter &amp; ice</F><F>0.5</F></Row>
<Row index="1"><F>2</F><F>Wood</F><F>0.25</F></Row>
</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>"""


def cover(folder: Path, *, palette: bool = True, table: bool = False) -> ImageService:
    path = write(folder / "cover.tif", classes((60, 80)), (0, 0, 80, 60), "EPSG:32618")
    if palette:
        with rasterio.open(path, "r+") as dataset:
            dataset.write_colormap(1, COLOURS)
    if table:
        Path(path + ".aux.xml").write_text(TABLE, encoding="utf-8")
    return ImageService.open(path)


def test_the_colormap_is_the_palette_of_the_file(tmp_path: Path) -> None:
    found = ask(cover(tmp_path), "colormap")["colormap"]

    assert found[:5] == [[index, *colour] for index, colour in COLOURS.items()]


def test_a_palette_gives_a_table_of_the_colours_in_use(tmp_path: Path) -> None:
    reply = ask(cover(tmp_path), "rasterAttributeTable")

    counts = np.bincount(classes((60, 80)).ravel())
    assert reply["objectIdFieldName"] == "OBJECTID"
    assert [feature["attributes"] for feature in reply["features"]] == [
        {"OBJECTID": i + 1, "Value": i, "Red": r, "Green": g, "Blue": b, "Count": counts[i]}
        for i, (r, g, b) in COLOURS.items()
    ]
    assert {field["name"] for field in reply["fields"]} == set(reply["features"][0]["attributes"])


def test_the_table_of_the_file_gets_the_colours_of_its_palette(tmp_path: Path) -> None:
    reply = ask(cover(tmp_path, table=True), "rasterAttributeTable")

    assert reply["features"][0]["attributes"] == {
        "OBJECTID": 1,
        "Value": 1,
        "ClassName": "Wäter & ice",
        "Share": 0.5,
        "Red": 26,
        "Green": 91,
        "Blue": 171,
    }
    kinds = {field["name"]: field["type"] for field in reply["fields"]}
    assert kinds["OBJECTID"] == "esriFieldTypeOID"
    assert kinds["ClassName"] == "esriFieldTypeString"
    assert kinds["Share"] == "esriFieldTypeDouble"


def test_a_table_needs_no_palette(tmp_path: Path) -> None:
    service = cover(tmp_path, palette=False, table=True)

    names = [
        each["attributes"]["ClassName"] for each in ask(service, "rasterAttributeTable")["features"]
    ]

    assert names == ["Wäter & ice", "Wood"]
    assert describe_service(service)["hasRasterAttributeTable"]
    assert not describe_service(service)["hasColormap"]


@pytest.mark.parametrize("path", ["colormap", "rasterAttributeTable"])
def test_rasters_without_classes_have_neither(tmp_path: Path, path: str) -> None:
    scene = write(tmp_path / "scene.tif", waves((9, 9), 1, "uint16"), (0, 0, 9, 9), "EPSG:32618")
    service = ImageService.open(scene)
    found = operation_at([path])

    assert found is not None
    assert not found[0].offered(service)
    assert not describe_service(service)["hasRasterAttributeTable"]


def test_the_legend_of_a_palette_names_its_classes(tmp_path: Path) -> None:
    (layer,) = ask(cover(tmp_path, table=True), "legend")["layers"]

    labels = [(each["label"], each["values"]) for each in layer["legend"]]
    assert layer["legendType"] == "Unique Values"
    assert labels[:3] == [("0", ["0"]), ("Wäter & ice", ["1"]), ("Wood", ["2"])]
