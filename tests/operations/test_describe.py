"""The parent resource says what clients need, of every kind of raster."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exportimage_wsgi.operations.describe import describe_service
from exportimage_wsgi.service import ImageService

Make = Callable[..., ImageService]
NINE_THREE = [
    "serviceDescription", "name", "description", "extent", "pixelSizeX", "pixelSizeY", "bandCount",
    "pixelType", "minPixelSize", "maxPixelSize", "copyrightText", "serviceDataType", "minValues",
    "maxValues", "meanValues", "stdvValues",
]  # fmt: skip


def test_9_3_says_its_sixteen_properties_and_no_more(make_service: Make) -> None:
    assert list(describe_service(make_service(), 9.3)) == NINE_THREE


def test_later_versions_say_more(make_service: Make) -> None:
    said = describe_service(make_service("float32", 1, nodata=(-9999.0,)), 10.91)

    assert set(NINE_THREE) < set(said)
    assert said["currentVersion"] == 10.91
    assert (said["bandCount"], said["pixelType"]) == (1, "F32")
    assert said["extent"]["xmin"] == pytest.approx(-120)
    assert said["fullExtent"] == said["initialExtent"] == said["extent"]
    assert said["pixelSizeX"] == pytest.approx(0.1)
    assert (said["noDataValue"], said["noDataValues"]) == (-9999, [-9999])
    assert (said["maxImageWidth"], said["maxImageHeight"]) == (15000, 4100)
    assert said["defaultResamplingMethod"] == "Bilinear"
    assert "Image" in said["capabilities"].split(",") and "Catalog" not in said["capabilities"]
    assert list(said)[-1] == "spatialReference"


def test_no_data_values_are_numbers_as_short_as_they_are(make_service: Make) -> None:
    values = (-9999.0, 0.5, None, float("nan"), -3.4e38)
    said = describe_service(make_service("float32", 5, nodata=values))
    inside = [f"{value}" for value in said["noDataValues"]]

    assert inside == ["-9999", "0.5", "None", "nan", "-3.4e+38"]


def test_statistics_are_told_together_or_not_at_all(make_service: Make) -> None:
    names = ("minValues", "maxValues", "meanValues", "stdvValues")
    said = describe_service(make_service())

    assert [said[name] for name in names] == [[0] * 3, [200] * 3, [100] * 3, [25] * 3]


@pytest.mark.parametrize(
    ("bands", "facts", "kind"),
    [
        (3, {"is_rgb": True}, "RGB"),
        (3, {}, "Generic"),
        (1, {"palette": ((0, 0, 0, 255),)}, "Thematic"),
    ],
)
def test_the_kind_of_data_begins_as_clients_expect(
    make_service: Make, bands: int, facts: dict[str, object], kind: str
) -> None:
    said = describe_service(make_service(bands=bands, **facts))

    assert said["serviceDataType"] == f"esriImageServiceDataType{kind}"
