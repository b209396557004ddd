"""Where rasters lie: geotransforms, points and references as they come."""

from __future__ import annotations

import subprocess

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from tests.imagery.sources.reading import ramp, whole


@pytest.mark.parametrize(
    "affine",
    [
        Affine(10, 0, 500000, 0, 10, 5000000),
        Affine(8, 3, 500000, 2, -9, 5000000),
        Affine(10, 0, 500000, 0, -20, 5000000),
    ],
)
def test_any_geotransform_is_kept(write, affine):
    assert open_gdal(write(ramp(1, 4, 5), transform=affine)).info.grid.affine == affine


@pytest.mark.parametrize("number", [2192, 31265, 26747])
def test_a_number_out_of_use_means_what_it_meant(write, number):
    with rasterio.Env(OSR_USE_NON_DEPRECATED="NO"):
        path = write(ramp(1, 4, 5), crs=f"EPSG:{number}")

    assert open_gdal(path).info.grid.crs.definition == f"EPSG:{number}"


def points(*places):
    return [GroundControlPoint(row=r, col=c, x=10 + c / 100, y=50 - r / 100) for r, c in places]


def test_ground_points_place_a_raster_in_their_own_reference(write):
    gcps = points((0, 0), (0, 20), (20, 0), (20, 20))
    info = open_gdal(write(ramp(1, 20, 20), gcps=gcps, transform=None, crs="EPSG:4326")).info

    assert info.grid.crs.definition == "EPSG:4326"
    assert (20.0, 0.0, 10.2, 50.0) in info.ground_points and len(info.ground_points) == 4


@pytest.mark.parametrize(
    "places", [[(0, 0)], [(0, 0), (20, 20)], [(0, 0), (10, 10), (20, 20), (5, 5)]]
)
def test_ground_points_on_a_line_place_nothing(write, places):
    path = write(ramp(1, 20, 20), gcps=points(*places), transform=None, crs="EPSG:4326")

    with pytest.raises(SourceError, match="needs three ground control points off a line"):
        open_gdal(path)


def test_overviews_of_a_raster_by_points_are_read(write):
    gcps = points((0, 0), (0, 300), (300, 0))
    values = ramp(1, 300, 300)
    path = write(values, gcps=gcps, transform=None, crs="EPSG:4326", overviews=(2,))

    with rasterio.open(path, overview_level=0) as witness:
        assert np.array_equal(whole(open_gdal(path), 1).values, witness.read())


def test_a_raster_without_a_reference_is_refused(write):
    with pytest.raises(SourceError, match=r"scene\.tif has no spatial reference"):
        open_gdal(write(ramp(1, 5, 5), crs=None))


def test_a_raster_without_a_place_is_refused(write):
    path = write(ramp(1, 5, 5), transform=Affine(2, 0, 0, 0, -2, 0))
    subprocess.run(["gdal_edit.py", "-unsetgt", path], check=True)

    with pytest.raises(SourceError, match="not placed on the earth: it has no geotransform"):
        open_gdal(path)


def test_a_raster_with_rational_polynomials_alone_is_refused(write):
    rpc = rasterio.rpc.RPC(
        **dict.fromkeys(("height_off", "height_scale", "lat_off", "lat_scale"), 1.0),
        **dict.fromkeys(("line_off", "line_scale", "long_off", "long_scale"), 1.0),
        **dict.fromkeys(("samp_off", "samp_scale"), 1.0),
        **dict.fromkeys(
            ("line_den_coeff", "line_num_coeff", "samp_den_coeff", "samp_num_coeff"), [1.0] * 20
        ),
    )
    path = write(ramp(1, 5, 5), transform=None, crs=None, rpcs=rpc)

    with pytest.raises(SourceError, match="only rational polynomials"):
        open_gdal(path)


@pytest.mark.parametrize("across", [float("nan"), float("inf"), 0.0])
def test_a_geotransform_without_an_area_is_refused(write, across):
    path = write(ramp(1, 5, 5), transform=Affine(across, 0, 500000, 0, 0, 5000000))

    with pytest.raises(SourceError, match="its geotransform has no area"):
        open_gdal(path)


@pytest.mark.parametrize(
    ("crs", "definition"),
    [
        ("EPSG:2193", "EPSG:2193"),
        ("EPSG:4326+5773", "EPSG:4326"),
        ("ESRI:102003", "ESRI:102003"),
        ("EPSG:900913", "EPSG:3857"),
    ],
)
def test_a_reference_with_a_number_is_known_by_it(write, crs, definition):
    info = open_gdal(write(ramp(1, 5, 5), crs=crs)).info

    assert info.grid.crs.definition == definition


def test_a_reference_without_a_number_places_points_as_proj_does(write):
    text = "+proj=laea +lat_0=10 +lon_0=20 +datum=WGS84 +units=m"
    info = open_gdal(write(ramp(1, 5, 5), crs=text)).info

    ours, theirs = (
        pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(21, 11)
        for crs in (info.grid.crs.proj, text)
    )
    assert info.grid.crs.wkid is None and ours == pytest.approx(theirs, abs=1e-6)


def test_a_local_reference_is_not_understood(write):
    path = write(ramp(1, 5, 5), crs='LOCAL_CS["hall",UNIT["metre",1]]')

    with pytest.raises(SourceError, match="a spatial reference that is not understood"):
        open_gdal(path)


def test_a_picture_is_placed_by_its_world_file_and_prj(write, tmp_path):
    plain, picture = write(ramp(3, 20, 30)), tmp_path / "scene.png"
    translate = ["gdal_translate", "-q", "-of", "PNG", "-co", "WORLDFILE=YES"]
    subprocess.run([*translate, plain, picture], check=True)
    (tmp_path / "scene.png.aux.xml").unlink()
    wkt = pyproj.CRS.from_epsg(32633).to_wkt("WKT1_ESRI")
    (tmp_path / "scene.prj").write_text(wkt)

    source = open_gdal(picture)

    assert source.info.grid == open_gdal(plain).info.grid
    assert np.array_equal(whole(source).values, ramp(3, 20, 30))
    (tmp_path / "scene.prj").write_text(wkt + " ")
    with pytest.raises(SourceError, match="was replaced"):
        whole(source)
