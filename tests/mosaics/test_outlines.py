"""Outlines: every valid pixel lies inside, and not much else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.features import rasterize

from exportimage_wsgi.imagery.sources import open_source
from exportimage_wsgi.mosaics.describing import Manner, describe
from exportimage_wsgi.mosaics.outlines import outline_in_pixels
from tests.rasters import write

BOX = 500_000, 5_500_000, 510_000, 5_510_000


def tilted(shape_yx: tuple[int, int]) -> Any:
    """`(y, x)`: a scene that lies askew in its raster, with a hole."""
    y, x = np.mgrid[: shape_yx[0], : shape_yx[1]] / max(shape_yx)
    inside = (np.abs(x - 0.5 + 0.3 * (y - 0.5)) < 0.35) & (np.abs(y - 0.5 - 0.3 * (x - 0.5)) < 0.3)
    return inside & ~((np.abs(x - 0.5) < 0.1) & (np.abs(y - 0.5) < 0.1))


def drawn(outline: Any, shape_yx: tuple[int, int]) -> Any:
    """`(y, x)`: the pixels that an outline in pixels touches."""
    return rasterize([outline], shape_yx, all_touched=True).astype(bool)


@pytest.mark.parametrize("size", [37, 300, 1500])
@pytest.mark.parametrize("kind", ["nodata", "mask", "alpha", "nan"])
def test_an_outline_holds_all_valid_pixels_and_few_others(
    kind: str, size: int, tmp_path: Path
) -> None:
    valid = tilted((size, size))
    path = _written(tmp_path / "a.tif", valid, kind)

    outline = outline_in_pixels(open_source(path))

    found = drawn(outline, valid.shape)
    assert not (valid & ~found).any()
    # Two cells of 1/512 around, and what simplifying adds.
    assert (found & ~valid).sum() < 0.1 * valid.size or size < 100
    assert shapely.get_num_coordinates(outline) < 200


def test_large_holes_are_kept(tmp_path: Path) -> None:
    valid = tilted((600, 600))

    outline = outline_in_pixels(open_source(_written(tmp_path / "a.tif", valid, "nodata")))

    assert shapely.get_num_interior_rings(outline) == 1


def _written(path: Path, valid: Any, kind: str) -> str:
    data = np.where(valid, 7, 0)[None]
    if kind == "nodata":
        return write(path, data.astype("u1"), BOX, "EPSG:32633", nodata=0)
    if kind == "nan":
        return write(path, np.where(valid, 7, np.nan)[None].astype("f4"), BOX, "EPSG:32633")
    if kind == "alpha":
        both = np.concatenate([data, 255 * valid[None]]).astype("u1")
        return write(path, both, BOX, "EPSG:32633", alpha="yes")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        name = write(path, data.astype("u1"), BOX, "EPSG:32633")
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(valid)
    return name


def test_an_overview_is_enough(tmp_path: Path) -> None:
    valid = tilted((2048, 2048))
    path = _written(tmp_path / "a.tif", valid, "nodata")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)

    outline = outline_in_pixels(open_source(path))

    assert not (valid & ~drawn(outline, valid.shape)).any()


def test_where_all_is_valid_the_outline_is_the_box(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((1, 30, 50), "f4"), BOX, "EPSG:32633")

    assert shapely.equals(outline_in_pixels(open_source(path)), shapely.box(0, 0, 50, 30))


def test_where_nothing_is_valid_there_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.zeros((1, 30, 50), "u1"), BOX, "EPSG:32633", nodata=0)

    assert shapely.is_empty(outline_in_pixels(open_source(path)))


def test_a_pattern_of_dots_has_a_simple_outline(tmp_path: Path) -> None:
    dots = np.zeros((1, 600, 600), "u1")
    dots[0, ::17, ::13] = 1
    path = write(tmp_path / "a.tif", dots, BOX, "EPSG:32633", nodata=0)

    outline = outline_in_pixels(open_source(path))

    assert shapely.get_num_coordinates(outline) <= 400
    assert not (dots[0] & ~drawn(outline, (600, 600))).any()


def test_a_rotated_raster_has_a_rotated_outline(tmp_path: Path) -> None:
    affine = rasterio.Affine.translation(500_000, 5_500_000) @ rasterio.Affine.rotation(30)
    affine = affine @ rasterio.Affine.scale(10, -10)
    path = write(
        tmp_path / "a.tif", np.ones((1, 30, 50), "u1"), BOX, "EPSG:32633", transform=affine
    )

    outline = shapely.from_wkb(describe(open_source(path), Manner()).outline)

    corners = [affine @ corner for corner in ((0, 0), (50, 0), (50, 30), (0, 30))]
    assert shapely.equals_exact(
        shapely.normalize(outline), shapely.normalize(shapely.polygons(corners)), 1e-6
    )


def test_a_raster_by_points_lies_where_its_points_do(tmp_path: Path) -> None:
    corners = ((0, 0, 15.0, 50.0), (0, 50, 15.5, 50.1), (30, 0, 14.9, 49.7), (30, 50, 15.4, 49.8))
    points = [GroundControlPoint(row=r, col=c, x=x, y=y) for r, c, x, y in corners]
    with rasterio.open(
        tmp_path / "a.tif",
        "w",
        driver="GTiff",
        count=1,
        height=30,
        width=50,
        dtype="uint8",
        gcps=points,
        crs="EPSG:4326",
    ) as dataset:
        dataset.write(np.ones((1, 30, 50), "u1"))

    described = describe(open_source(tmp_path / "a.tif"), Manner())

    outline = shapely.polygons([corners[i][2:] for i in (0, 1, 3, 2)])
    found = shapely.from_wkb(described.outline)
    assert shapely.area(shapely.symmetric_difference(found, outline)) < 1e-6
    assert described.pixel.across == pytest.approx((0.01, 0.002))
