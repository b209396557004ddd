"""Image services: what they are opened from, and the settings that they hold to."""

from __future__ import annotations

from pathlib import Path

import pytest

from exportimage_wsgi import ImageService
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import classes, waves, write

BOX = (10.0, 40.0, 12.0, 41.0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write(tmp_path / "scene.one a.tif", waves((50, 100)), BOX, "EPSG:4326")


def test_a_service_is_called_by_the_stem_and_knows_its_place(path: str) -> None:
    service = ImageService.open(path)

    assert service.name == "scene.one a"
    assert service.extent.bounds == pytest.approx(BOX)
    assert service.pixel_size_xy == pytest.approx((0.02, 0.02))


def test_its_own_words_are_one_line(path: str) -> None:
    assert repr(ImageService.open(path)) == (
        "<ImageService scene.one a: 100 x 50 pixels, 1 x F32, EPSG:4326>"
    )


def test_settings_may_be_said_one_by_one_and_by_name(path: str) -> None:
    service = ImageService.open(path, resampling="cubic", background=[1, 2, 3])

    assert service.interpolation is Interpolation.CUBIC
    assert service.settings.background == (1, 2, 3)


def test_classes_are_not_mixed_unless_that_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", classes((50, 100)), BOX, "EPSG:4326", nbits=4)

    assert ImageService.open(path).interpolation is Interpolation.NEAREST
    assert ImageService.open(path, resampling="bilinear").interpolation is Interpolation.BILINEAR
