"""The items of a mosaic one by one; GDAL and the scenes themselves are the witnesses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image

from exportimage_wsgi.errors import ItemError, NotFoundError
from exportimage_wsgi.mosaics.dataset import MosaicDataset
from exportimage_wsgi.operations.catalogue import catalogue_properties
from exportimage_wsgi.operations.describe import describe_service
from exportimage_wsgi.operations.operation import Drawing
from exportimage_wsgi.operations.table import operation_at
from exportimage_wsgi.service import ImageService
from tests.mosaics.items import dates, item_table, mosaic_service
from tests.operations.asking import ask
from tests.rasters import write


@pytest.fixture
def scenes(tmp_path: Path) -> ImageService:
    """Two scenes: U8 in degrees, F32 of two bands in UTM, with overviews."""
    write(tmp_path / "a.tif", np.full((1, 20, 40), 7, "u1"), (10, 50, 12, 51), "EPSG:4326")
    data = np.mgrid[:256, :512][0][None].repeat(2, 0).astype("f4")
    path = write(
        tmp_path / "b.tif", data, (500000, 5540000, 510240, 5545120), "EPSG:32633", nodata=-1,
        tiled=True, blockxsize=128, blockysize=64,
    )  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    return ImageService.open(tmp_path, name="Folder/scenes")


def test_an_item_has_attributes_and_a_footprint(scenes: ImageService) -> None:
    reply = ask(scenes, "1", f="json")

    assert reply["attributes"]["OBJECTID"] == 1 and reply["attributes"]["Name"] == "a"
    assert shapely.Polygon(reply["geometry"]["rings"][0]).bounds == (10, 50, 12, 51)
    assert reply["geometry"]["spatialReference"] == {"wkid": 4326, "latestWkid": 4326}
    assert not [value for value in reply["attributes"].values() if "/" in str(value)]


def test_an_item_says_what_it_is_as_a_raster(scenes: ImageService) -> None:
    reply = ask(scenes, "2/info", f="json")

    assert reply["origin"] == {
        "x": 500000, "y": 5545120, "spatialReference": {"wkid": 32633, "latestWkid": 32633},
    }  # fmt: skip
    assert [reply["extent"][side] for side in ("xmin", "ymin", "xmax", "ymax")] == [
        500000, 5540000, 510240, 5545120,
    ]  # fmt: skip
    assert (reply["pixelSizeX"], reply["pixelSizeY"]) == (20, 20)
    assert (reply["blockWidth"], reply["blockHeight"]) == (128, 64)
    assert (reply["bandCount"], reply["pixelType"], reply["noDataValues"]) == (2, "F32", [-1, -1])
    assert (reply["firstPyramidLevel"], reply["maxPyramidLevel"]) == (1, 2)


def test_an_item_has_key_properties(scenes: ImageService) -> None:
    bands = ask(scenes, "2/info/keyProperties", f="json")["BandProperties"]

    assert [band["BandName"] for band in bands] == ["Band_1", "Band_2"]


@pytest.mark.parametrize("path", ["1/thumbnail", "1/info/thumbnail", "1/Thumbnail"])
def test_an_item_has_a_thumbnail(scenes: ImageService, path: str) -> None:
    drawing = ask(scenes, path)

    assert isinstance(drawing, Drawing) and drawing.export.media_type == "image/png"
    with Image.open(io.BytesIO(b"".join(drawing.export.stream()))) as picture:
        assert picture.size == (200, 100)
        assert picture.convert("RGB").getpixel((100, 50)) == (7, 7, 7)


def test_an_item_is_drawn_alone(scenes: ImageService) -> None:
    drawing = ask(scenes, "1/image", bbox="9,50,13,51", size="8,2", format="bsq")

    assert b"".join(drawing.export.stream())[:16] == b"\0\0\7\7\7\7\0\0" * 2


@pytest.mark.parametrize("path", ["3", "0/info", "99999999999999999/thumbnail"])
def test_an_unknown_item_is_not_found(scenes: ImageService, path: str) -> None:
    with pytest.raises(NotFoundError, match="not found") as refusal:
        ask(scenes, path)

    assert refusal.value.code == 404


def test_a_missing_raster_is_told_by_its_id_alone(scenes: ImageService, tmp_path: Path) -> None:
    (tmp_path / "b.tif").unlink()

    with pytest.raises(ItemError, match="item 2") as refusal:
        ask(scenes, "2/info")

    assert str(tmp_path) not in " ".join(refusal.value.details)


def test_one_raster_has_no_items(make_service: Any) -> None:
    paths = ("query", "1", "1/info", "1/thumbnail", "1/info/keyProperties")
    found = [operation_at(path.split("/")) for path in paths]

    assert [operation[0].offered(make_service()) for operation in found if operation] == [False] * 5


def described(**settings: Any) -> dict[str, Any]:
    shapes = [shapely.box(10 + i, 50, 11 + i, 51) for i in range(3)]
    table = item_table(
        shapes,
        year=[2001, 2002, 2003],
        taken=dates("2001-01-01", None, "2003-01-01"),
        ended=dates("2001-02-01", None, "2003-02-01"),
        seamlines=settings.pop("seamlines", None),
    )
    dataset = mosaic_service(table, **settings).source
    assert isinstance(dataset, MosaicDataset)
    return catalogue_properties(dataset)


def test_the_parent_resource_tells_of_the_catalogue(scenes: ImageService) -> None:
    said = describe_service(scenes, 10.91)

    assert (said["datasetFormat"], said["objectIdField"]) == ("AMD", "OBJECTID")
    assert (said["capabilities"], said["maxRecordCount"]) == ("Image,Metadata,Catalog", 1000)
    assert list(said)[-1] == "spatialReference"
    assert "fields" not in describe_service(scenes, 9.3)


def test_a_mosaic_tells_of_its_catalogue() -> None:
    said = described(sort_field="year", sort_value=2050, ascending=False, max_images=7)

    assert said["serviceSourceType"] == "esriImageServiceSourceTypeMosaicDataset"
    assert (said["datasetFormat"], said["objectIdField"]) == ("AMD", "OBJECTID")
    assert said["capabilities"] == "Image,Metadata,Catalog"
    assert [field["name"] for field in said["fields"][:3]] == ["OBJECTID", "Shape", "Name"]
    assert said["fields"][1]["type"] == "esriFieldTypeGeometry"
    assert said["fields"][2]["length"] == 200 and said["fields"][2]["domain"] is None
    assert (said["sortField"], said["sortValue"], said["sortAscending"]) == ("year", 2050, False)
    assert (said["maxMosaicImageCount"], said["maxRecordCount"]) == (7, 1000)
    assert said["supportsAdvancedQueries"] and said["advancedQueryCapabilities"]
    assert (said["defaultMosaicMethod"], said["mosaicOperator"]) == ("None", "First")
    assert "timeInfo" not in said


def test_seamlines_are_offered_where_there_are_some() -> None:
    assert "Seamline" not in described()["allowedMosaicMethods"].split(",")
    seamlines = [shapely.box(0, 0, 1, 1), None, None]
    assert "Seamline" in described(seamlines=seamlines)["allowedMosaicMethods"].split(",")


@pytest.mark.parametrize(
    ("fields", "end", "last"),
    [(("taken",), None, 1041379200000), (("Taken", "ended"), "ended", 1044057600000)],
)
def test_a_mosaic_with_times_says_from_when_to_when(fields: Any, end: Any, last: int) -> None:
    info = described(time=fields)["timeInfo"]

    assert (info["startTimeField"], info["endTimeField"]) == ("taken", end)
    assert info["timeExtent"] == [978307200000, last]
