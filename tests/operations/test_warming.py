"""Warming up runs the whole road, mosaics included, without a raster on disk."""

from __future__ import annotations

from exportimage_wsgi.imagery import outlines
from exportimage_wsgi.operations.warming import pixel_types_of, warm_mosaics
from exportimage_wsgi.pixels import PixelType
from tests.operations.scenes import constant_scenes, mosaic


def test_the_distances_of_a_blend_are_compiled_before_they_are_needed():
    warm_mosaics()

    assert outlines._signed.signatures


def test_a_mosaic_has_the_types_of_its_items_and_its_own(tmp_path):
    low = constant_scenes(tmp_path, {"a_2001": (1, (0, 0, 4, 4))}, "uint8")
    high = constant_scenes(tmp_path, {"b_2002": (-1, (0, 0, 4, 4))}, "int16")

    assert pixel_types_of(mosaic(low + high)) == {PixelType.U8, PixelType.S16}
