"""Rendering rules: None and Identity in all their forms, every other function by its name."""

from __future__ import annotations

import pytest

from exportimage_wsgi.esri import rendering
from exportimage_wsgi.pixels import PixelType


@pytest.mark.parametrize(
    "text",
    [
        '{"rasterFunction":"None"}', "none", "rasterFunction:Identity", "Identity",
        '{"rasterfunction":"IDENTITY","variableName":"Raster"}',
        '{"rasterFunction":"Identity","rasterFunctionArguments":{"Raster":"$$"}}',
        '{"rasterFunction":"None","rasterFunctionArguments":'
        '{"Raster":{"rasterFunction":"Identity"}}}',
        '{"name":"x","function":{"type":"IdentityFunction"},"arguments":'
        '{"Raster":{"name":"Raster","isDataset":true,"type":"RasterFunctionVariable"}}}',
    ],
)  # fmt: skip
def test_functions_that_keep_the_pixels_are_understood(text: str) -> None:
    assert rendering.rendering_rule(text).name in ("none", "identity")


def test_the_type_of_the_result_is_kept() -> None:
    rule = rendering.rendering_rule('{"rasterFunction":"None","outputPixelType":"F32"}')

    assert rule.output_pixel_type is PixelType.F32


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"rasterFunction":"Hillshade"}', "Hillshade"),
        ("rasterFunction:Slope Degrees", "Slope Degrees"),
        ("Nope", "Nope"),
        ('{"rasterFunction":"Identity","rasterFunctionArguments":'
         '{"Raster":{"rasterFunction":"Slope"}}}', "Slope"),
        ('{"function":{"type":"StretchFunction"},"arguments":{}}', "Stretch"),
    ],
)  # fmt: skip
def test_every_other_function_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        rendering.rendering_rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "{bad json", "{}", '{"rasterFunction":5}', '{"rasterFunction":""}',
        '{"rasterFunction":"None","outputPixelType":"U7"}',
        '{"rasterFunction":"Identity","rasterFunctionArguments":5}',
        '{"rasterFunction":"Identity","rasterFunctionArguments":{"Raster":{"url":"http://x"}}}',
        '{"rasterFunction":"Identity","rasterFunctionArguments":{"Raster":"/etc/passwd"}}',
    ],
)  # fmt: skip
def test_a_rule_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        rendering.rendering_rule(text)
