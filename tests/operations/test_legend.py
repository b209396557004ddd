from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from exportimage_wsgi.errors import ParameterError
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.operations.conftest import statistics

Make = Callable[..., ImageService]


def picture(entry: dict[str, Any]) -> Image.Image:
    shown = Image.open(io.BytesIO(b64decode(entry["imageData"], validate=True)))
    assert (shown.width, shown.height) == (entry["width"], entry["height"]) == (20, 20)
    assert shown.format == "PNG"
    assert entry["contentType"] == "image/png"
    return shown.convert("RGBA")


def test_three_bands_are_red_green_and_blue(make_service: Make) -> None:
    (layer,) = ask(make_service(bands=3), "legend")["layers"]

    assert layer["legendType"] == "RGB Composite"
    assert [entry["label"] for entry in layer["legend"]] == [
        "Red: Band_1",
        "Green: Band_2",
        "Blue: Band_3",
    ]
    assert [picture(entry).getpixel((10, 10)) for entry in layer["legend"]] == [
        (255, 0, 0, 255),
        (0, 255, 0, 255),
        (0, 0, 255, 255),
    ]


def test_bands_are_those_asked_for(make_service: Make) -> None:
    (layer,) = ask(make_service(bands=4), "legend", bandIds="3,1,0")["layers"]

    assert layer["legend"][0]["label"] == "Red: Band_4"


def test_a_single_band_goes_from_white_to_black_as_it_is_stretched(make_service: Make) -> None:
    service = make_service("float32", 1, statistics=(statistics(-5, 300.5, 100, 25),))

    (layer,) = ask(service, "legend")["layers"]

    assert layer["legendType"] == "Stretched"
    assert [entry["label"] for entry in layer["legend"]] == ["High : 150", "", "Low : 50"]
    assert picture(layer["legend"][0]).getpixel((0, 0)) == (255, 255, 255, 255)
    assert picture(layer["legend"][2]).getpixel((19, 19)) == (0, 0, 0, 255)


def test_bytes_are_never_stretched(make_service: Make) -> None:
    (layer,) = ask(make_service(bands=3), "legend", bandIds="1")["layers"]

    assert [entry["label"] for entry in layer["legend"]] == ["High : 255", "", "Low : 0"]


@pytest.mark.parametrize(
    ("parameter", "arguments"),
    [
        ("bandIds", {"bandIds": "7"}),
        ("bandIds", {"bandIds": "x"}),
        ("variable", {"variable": "t2m"}),
        ("renderingRule", {"renderingRule": '{"rasterFunction":"Colormap0"}'}),
    ],
)
def test_what_breaks_a_rule_is_named(
    make_service: Make, parameter: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ParameterError) as refused:
        ask(make_service(), "legend", **arguments)

    assert refused.value.name == parameter
