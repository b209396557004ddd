from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from PIL import Image

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.operations.describe import describe_service
from exportimage_wsgi.operations.operation import Drawing, File
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask

Make = Callable[..., ImageService]
SPACES = {"gmd": "http://www.isotc211.org/2005/gmd", "gco": "http://www.isotc211.org/2005/gco"}
BOX = "gmd:identificationInfo//gmd:EX_GeographicBoundingBox/gmd:{}/gco:Decimal"
SIDES = ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")


def test_the_item_says_title_and_extent_in_degrees(make_service: Make) -> None:
    service = make_service(settings={"description": "A scene", "copyright": "Nobody"})

    item = ask(service, "info/iteminfo")

    assert (item["title"], item["type"]) == ("scene", "Image Service")
    assert item["extent"] == [[-120, pytest.approx(30)], [pytest.approx(-110), 40]]
    assert (item["description"], item["accessInformation"]) == ("A scene", "Nobody")


def test_what_is_listed_below_info_is_there(make_service: Make) -> None:
    for name in ask(make_service(), "info")["resources"]:
        assert ask(make_service(), f"info/{name}")


def test_the_metadata_are_iso_19139(make_service: Make) -> None:
    service = make_service(settings={"description": 'Sm<all & "good"', "copyright": "Nobody"})

    answer = ask(service, "info/metadata")

    assert isinstance(answer, File)
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{{{SPACES['gmd']}}}MD_Metadata"
    box = [float(root.findtext(BOX.format(side), "", SPACES)) for side in SIDES]
    assert box == pytest.approx([-120, -110, 30, 40])
    assert root.findtext(".//gmd:abstract/gco:CharacterString", "", SPACES) == 'Sm<all & "good"'


def test_other_kinds_of_metadata_are_refused(make_service: Make) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(make_service(), "info/metadata", format="fgdc")

    assert refused.value.name == "format"


def test_the_thumbnail_is_a_small_picture(make_service: Make) -> None:
    answer = ask(make_service(), "info/thumbnail")

    assert isinstance(answer, Drawing)
    picture = Image.open(io.BytesIO(b"".join(answer.export.stream())))
    assert picture.size == (133, 133)


def test_a_kmz_holds_the_picture_and_its_place(make_service: Make) -> None:
    answer = ask(make_service(), "kml/image.kmz", size="80,60", bandIds="0")

    assert isinstance(answer, Drawing)
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.export.stream()))) as archive:
        document, picture = sorted(archive.namelist())
        root = ElementTree.fromstring(archive.read(document))
        shown = Image.open(io.BytesIO(archive.read(picture)))
    box = root.find(".//{*}LatLonBox")
    assert box is not None
    assert {side.tag.rpartition("}")[2]: float(side.text or "") for side in box} == pytest.approx(
        {"north": 40, "south": 30, "east": -110, "west": -120}
    )
    assert shown.size == (80, 60)


def test_key_properties_name_the_bands(make_service: Make) -> None:
    reply = ask(make_service(bands=2), "keyProperties")

    assert reply["BandProperties"] == [{"BandName": "Band_1"}, {"BandName": "Band_2"}]


def test_functions_are_those_of_the_service_itself(make_service: Make) -> None:
    service = make_service()

    infos = ask(service, "rasterFunctionInfos")["rasterFunctionInfos"]

    own = describe_service(service)["rasterFunctionInfos"]
    assert [info["name"] for info in infos] == [info["name"] for info in own]
