"""Warped pixels against gdalwarp with exact positions (`-et 0`), over many pairs of references.

Edges of source pixels are where two right implementations may differ: a position there may fall
to either side. So nearest is compared pixel by pixel with a small allowance, and bilinear and
cubic by the average difference and by the shift that fits best.
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import rasterio

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.imagery.layer import plan_layer
from exportimage_wsgi.imagery.warp import warp
from exportimage_wsgi.pixels import Interpolation
from tests.rasters import classes, grid, in_memory, waves, write

SOURCES = {
    "utm": ((450000, 5550000, 480000, 5580000), 32633, (600, 600)),
    "alps": ((10, 45, 16, 51), 4326, (600, 600)),
    "world": ((-180, -90, 180, 90), 4326, (360, 720)),
    "web": ((1.5e6, 6.4e6, 1.6e6, 6.5e6), 3857, (500, 500)),
}
PAIRS = [
    ("utm", 32633, (455000, 5552000, 476000, 5573000)),
    ("utm", 3857, (1.6e6, 6.47e6, 1.63e6, 6.5e6)),
    ("utm", 4326, (14.35, 50.12, 14.7, 50.35)),
    ("utm", 32632, (885000, 5565000, 905000, 5585000)),
    ("alps", 3857, (1.2e6, 5.7e6, 1.7e6, 6.5e6)),
    ("alps", 3035, (4.35e6, 2.5e6, 4.7e6, 3.0e6)),
    ("alps", 102013, (-3e5, 1.6e6, 1e5, 2.1e6)),
    ("alps", 32632, (6e5, 5.0e6, 1.0e6, 5.6e6)),
    ("web", 4326, (13.5, 49.8, 14.3, 50.3)),
    ("web", 25833, (400000, 5.52e6, 450000, 5.57e6)),
    ("world", 3857, (-2e7, -1.5e7, 2e7, 1.5e7)),
    ("world", 54009, (-1.8e7, -9e6, 1.8e7, 9e6)),
    ("world", 3832, (-1.5e7, -1.2e7, 1.7e7, 1.2e7)),
    ("world", 3995, (-5e6, -5e6, 5e6, 5e6)),
    ("world", 3031, (-5e6, -4e6, 4e6, 5e6)),
]
RESAMPLING = {
    Interpolation.NEAREST: "near",
    Interpolation.BILINEAR: "bilinear",
    Interpolation.CUBIC: "cubic",
    Interpolation.MAJORITY: "mode",
}
RANGE = 210.0


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    made = {}
    for name, (bounds, wkid, shape) in SOURCES.items():
        data = np.concatenate([waves(shape), classes(shape).astype("float32")])
        path = write(folder / f"{name}.tif", data, bounds, f"EPSG:{wkid}")
        affine = grid(bounds, wkid, shape[::-1]).affine
        made[name] = path, in_memory(data, affine, crs_from_wkid(wkid))
    return made


def both(scenes, name, wkid, bounds, size_wh, interpolation, band, out):
    """Our values and GDAL's of one band, and where both have data."""
    path, source = scenes[name]
    target = grid(bounds, wkid, size_wh)
    layer = plan_layer(source, target, (band,), interpolation)
    ours = warp(layer, target, target.whole)
    theirs = by_gdal(path, wkid, bounds, size_wh, interpolation, out)[band]
    has_data = theirs != -1
    if interpolation is not Interpolation.MAJORITY:  # GDAL's mode counts half-covered edges in
        assert np.mean(has_data != (ours.alpha() > 0)) < 1e-3
    return ours.values[0], theirs, has_data & (ours.alpha() > 0)


def by_gdal(path, wkid, bounds, size_wh, interpolation, out):
    """`(band, y, x)`, -1 where there is no data."""
    authority = "ESRI" if wkid in (54009, 102013) else "EPSG"
    command = ["gdalwarp", "-q", "-overwrite", "-et", "0", "-r", RESAMPLING[interpolation]]
    command += ["-ot", "Float32", "-dstnodata", "-1", "-t_srs", f"{authority}:{wkid}"]
    command += ["-te", *map(repr, map(float, bounds)), "-ts", *map(str, size_wh)]
    subprocess.run([*command, path, out], check=True)
    with rasterio.open(out) as dataset:
        return dataset.read()


def size_of(bounds, width=420):
    return width, round(width * (bounds[3] - bounds[1]) / (bounds[2] - bounds[0]))


@pytest.mark.parametrize(("name", "wkid", "bounds"), PAIRS)
@pytest.mark.parametrize("width", [420, 900])
def test_nearest_takes_the_pixels_that_gdal_takes(scenes, tmp_path, name, wkid, bounds, width):
    size = size_of(bounds, width)
    ours, theirs, known = both(
        scenes, name, wkid, bounds, size, Interpolation.NEAREST, 0, str(tmp_path / "o.tif")
    )

    assert known.mean() > 0.2
    assert np.mean(ours[known] == theirs[known]) >= 0.995


@pytest.mark.parametrize(("name", "wkid", "bounds"), PAIRS)
@pytest.mark.parametrize("kind", [Interpolation.BILINEAR, Interpolation.CUBIC])
def test_smooth_values_are_those_of_gdal(scenes, tmp_path, name, wkid, bounds, kind):
    ours, theirs, known = both(
        scenes, name, wkid, bounds, size_of(bounds, 900), kind, 0, str(tmp_path / "o.tif")
    )

    assert np.abs(ours - theirs)[known].mean() <= 0.003 * RANGE


@pytest.mark.parametrize("step", [2.4, 3.5, 5.2, 7.7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("holes", [False, True])
def test_widened_kernels_are_those_of_gdal(tmp_path, step, dtype, holes):
    data = waves((600, 600), 2, dtype)
    if holes:
        data[:, 100:130, 200:350] = data[:, np.arange(20, 600, 37)] = 0
    bounds, affine = SOURCES["utm"][0], grid(*SOURCES["utm"]).affine
    path = write(tmp_path / "in.tif", data, bounds, "EPSG:32633", nodata=0 if holes else None)
    mask = np.where(data[:1] == 0, 0, 255).astype("u1") if holes else None
    source = in_memory(data, affine, crs_from_wkid(32633), mask=mask)
    bounds, size = (1.6e6, 6.47e6, 1.63e6, 6.5e6), (round(385 / step),) * 2
    target, kind = grid(bounds, 3857, size), Interpolation.BILINEAR
    found = warp(plan_layer(source, target, (0, 1), kind), target, target.whole)
    theirs = by_gdal(path, 3857, bounds, size, kind, str(tmp_path / "out.tif"))
    known = (theirs[0] != -1) & (found.valid[0] > 0)
    difference = np.abs(found.values - theirs)[:, known]
    rounding = 0.0 if dtype == "float32" else 0.25  # GDAL's values are floats

    assert known.mean() > 0.8
    assert difference.mean() <= rounding + 0.0003 * RANGE


@pytest.mark.parametrize(("name", "wkid", "bounds"), PAIRS)
def test_nothing_is_shifted(scenes, tmp_path, name, wkid, bounds):
    """The shift that explains the differences to GDAL best, by least squares on the gradient."""
    ours, theirs, known = both(
        scenes, name, wkid, bounds, size_of(bounds, 900), Interpolation.CUBIC, 0,
        str(tmp_path / "o.tif"),
    )  # fmt: skip
    down, across = np.gradient(theirs.astype(float))
    inside = known.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            inside &= np.roll(known, step, axis)
    gradient = np.stack([across[inside], down[inside]], axis=1)
    shift, *_ = np.linalg.lstsq(gradient, (ours - theirs)[inside].astype(float), rcond=None)

    assert np.abs(shift).max() <= 0.05


@pytest.mark.parametrize(("name", "wkid", "bounds"), PAIRS)
def test_the_majority_is_the_class_that_gdal_finds(scenes, tmp_path, name, wkid, bounds):
    ours, theirs, known = both(
        scenes, name, wkid, bounds, size_of(bounds, 150), Interpolation.MAJORITY, 1,
        str(tmp_path / "o.tif"),
    )  # fmt: skip

    assert np.mean(ours[known] == theirs[known]) >= 0.93
