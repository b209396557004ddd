from __future__ import annotations

from typing import Any

import pytest

from exportimage_wsgi.esri.rules import MosaicMethod
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.pixels import MosaicOperation, PixelType


def test_names_are_taken_as_toml_has_them() -> None:
    settings = MosaicSettings(
        method="center",  # type: ignore[arg-type]
        operation="mean",  # type: ignore[arg-type]
        pixel_type="U16",  # type: ignore[arg-type]
        time="date",  # type: ignore[arg-type]
        types={"tile": "text"},  # type: ignore[arg-type]
    )

    assert settings.method is MosaicMethod.CENTER
    assert settings.operation is MosaicOperation.MEAN
    assert settings.pixel_type is PixelType.U16
    assert (settings.time, settings.types) == (("date",), (("tile", "text"),))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"index": "a.tif"}, "ends in .parquet"),
        ({"index": "https://example.org/a.parquet"}, "must be the path of a file"),
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "(?P<a>x)(?=y)"}, "is no regular expression"),
        ({"pattern": "a+"}, "must have named groups"),
        ({"pattern": "(?P<name>a)"}, "name is the name of a field"),
        ({"pattern": "(?P<größe>a)(?P<grüße>b)"}, "two of them would be one attribute"),
        ({"tags": ["a b", "A.B"]}, "two of them would be one attribute"),
        ({"pattern": "(?P<LowPS>a)"}, "is the name of a field"),
        ({"pattern": "(?P<a>x)" + "b" * 1000}, "at most 1000"),
        ({"tags": ["objectid"]}, "is the name of a field"),
        ({"tags": ["a b", "a-b"]}, "one attribute"),
        ({"types": {"a": "blob"}}, "one of text, integer, number, date"),
        ({"time": ["a", "b", "c"]}, "start"),
        ({"footprints": "hull"}, "outline or box"),
        ({"crs": 999_999}, "not the number of a spatial reference"),
        ({"crs": "EPSG:4326"}, "must be the number"),
        ({"pixel_size": 0}, "above 0"),
        ({"pixel_type": "U3"}, "one of U1"),
        ({"bands": 0}, "from 1"),
        ({"method": "lockraster"}, "one of none, center"),
        ({"method": "attribute"}, "needs sort_field"),
        ({"operation": "median"}, "one of first"),
        ({"sort_value": 1}, "needs sort_field"),
        ({"max_images": 0}, "from 1"),
        ({"blend_width": -1}, "from 0"),
        ({"ascending": 1}, "true or false"),
        ({"on_failure": "ignore"}, "fail or skip"),
    ],
)
def test_what_breaks_a_rule_is_named(said: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=f"mosaic.{next(iter(said))}.*{rule}"):
        MosaicSettings(**said)
