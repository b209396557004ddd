"""WKT means what it says, whatever name it goes by."""

from __future__ import annotations

import math

import pyproj
import pytest

from exportimage_wsgi.geo.crs import crs_from_wkid, crs_from_wkt, project

# As the ArcGIS Maps SDK for JavaScript writes the references of boxes that cross the antimeridian.
SHIFTED = {
    "102100": 'PROJCS["WGS_1984_Web_Mercator_Auxiliary_Sphere",GEOGCS["GCS_WGS_1984",'
    'DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Mercator_Auxiliary_Sphere"],'
    'PARAMETER["False_Easting",0.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",175.0],PARAMETER["Standard_Parallel_1",0.0],'
    'PARAMETER["Auxiliary_Sphere_Type",0.0],UNIT["Meter",1.0]]',
    "102113": 'PROJCS["WGS_1984_Web_Mercator",GEOGCS["GCS_WGS_1984_Major_Auxiliary_Sphere",'
    'DATUM["D_WGS_1984_Major_Auxiliary_Sphere",SPHEROID["WGS_1984_Major_Auxiliary_Sphere",'
    '6378137.0,0.0]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],'
    'PROJECTION["Mercator"],PARAMETER["False_Easting",0.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",175.0],PARAMETER["Standard_Parallel_1",0.0],UNIT["Meter",1.0]]',
}
WGS84 = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["{}",{}],UNIT["{}",{}]]'
)


@pytest.mark.parametrize("wkt", SHIFTED.values(), ids=SHIFTED)
def test_web_mercator_has_the_meridian_that_it_says(wkt):
    x, y = project([-170.0], [0.0], crs_from_wkid(4326), crs_from_wkt(wkt))

    assert x[0] == pytest.approx(6378137 * math.radians(15))
    assert y[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("wkt", SHIFTED.values(), ids=SHIFTED)
def test_others_read_the_meridian_in_the_wkt_that_is_told(wkt):
    crs = crs_from_wkt(wkt)

    for told in (crs.definition, crs.to_wkt, crs.esri_wkt):
        into = pyproj.Transformer.from_crs(4326, pyproj.CRS.from_wkt(told), always_xy=True)
        assert into.transform(175, 0)[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("wkt", SHIFTED.values(), ids=SHIFTED)
def test_web_mercator_of_greenwich_has_its_number(wkt):
    crs = crs_from_wkt(wkt.replace("175.0", "0.0"))

    assert crs == crs_from_wkid(3857)


@pytest.mark.parametrize(
    "said",
    [
        ("Paris", 2.337229166666667, "Degree", math.pi / 180),
        ("Greenwich", 0, "Grad", math.pi / 200),
    ],
    ids=["meridian", "unit"],
)
def test_degrees_of_another_meridian_or_unit_are_not_4326(said):
    assert crs_from_wkt(WGS84.format(*said)).wkid is None


def test_wkt_is_told_in_esris_words():
    wkt = pyproj.CRS.from_proj4("+proj=lcc +lat_1=40 +lat_2=50 +lon_0=7 +datum=WGS84").to_wkt()

    assert 'PROJECTION["Lambert_Conformal_Conic"]' in crs_from_wkt(wkt).esri_wkt
