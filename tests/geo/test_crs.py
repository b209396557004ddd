"""Spatial references by number and by text; PROJ and Esri's own numbers are the witnesses."""

from __future__ import annotations

import pickle

import numpy as np
import pyproj
import pytest

from exportimage_wsgi.errors import UnknownCRSError
from exportimage_wsgi.geo.crs import crs_from_wkid, crs_from_wkt, project


@pytest.mark.parametrize(
    ("asked", "wkid", "latest"),
    [
        (4326, 4326, 4326),
        (3857, 102100, 3857),
        (102100, 102100, 3857),
        (900913, 102100, 3857),
        (102113, 102113, 3785),
        (3785, 102113, 3785),
        (102003, 102003, 102003),
        (102719, 102719, 2264),
        (102736, 102736, 2274),
        (102039, 102039, 5070),
        (54004, 54004, 3395),
        (54009, 54009, 54009),
        (54032, 54032, 54032),
        (5514, 102067, 5514),
        (102067, 102067, 5514),
        (3035, 3035, 3035),
    ],
)
def test_a_number_is_reported_as_esri_does(asked, wkid, latest):
    crs = crs_from_wkid(asked)

    assert (crs.wkid, crs.latest_wkid) == (wkid, latest)


@pytest.mark.parametrize("wkid", [0, -1, 999999, 54070, 54071, 5703, 4978, 10**12])
def test_a_number_that_is_no_horizontal_reference_is_refused(wkid):
    with pytest.raises(UnknownCRSError):
        crs_from_wkid(wkid)


@pytest.mark.parametrize("wkid", [22300, 2985, 54050])
def test_a_number_whose_projection_proj_does_not_know_is_refused(wkid):
    with pytest.raises(UnknownCRSError):
        crs_from_wkid(wkid)


@pytest.mark.parametrize("wkid", [32633, 4979, 3139])
def test_every_reference_has_wkt(wkid):
    assert pyproj.CRS.from_wkt(crs_from_wkid(wkid).to_wkt).to_epsg() == wkid


@pytest.mark.parametrize(("scale", "unit"), [(1e-12, 1), (1, 0)])
def test_wkt_that_proj_cannot_compute_is_refused(scale, unit):
    base = pyproj.CRS.from_epsg(4326).to_wkt("WKT1_GDAL")
    wkt = (
        f'PROJCS["x",{base},PROJECTION["Mercator_1SP"],PARAMETER["central_meridian",0],'
        f'PARAMETER["scale_factor",{scale}],UNIT["metre",{unit}]]'
    )

    with pytest.raises(UnknownCRSError):
        crs_from_wkt(wkt)


def test_no_transformation_leads_to_another_planet():
    with pytest.raises(UnknownCRSError, match="from ESRI:104905 to EPSG:4326"):
        project([0.0], [0.0], crs_from_wkid(104905), crs_from_wkid(4326))


def test_the_web_mercators_are_one_grid():
    first, *others = (crs_from_wkid(n) for n in (3857, 3785, 900913, 102100, 102113))

    assert all(other == first for other in others)


@pytest.mark.parametrize("wkid", [4326, 32633, 3035, 3857])
def test_wkt_of_a_known_reference_finds_its_number(wkid):
    for version in ("WKT1_GDAL", "WKT1_ESRI", "WKT2_2019"):
        assert crs_from_wkt(pyproj.CRS.from_epsg(wkid).to_wkt(version)) == crs_from_wkid(wkid)


def test_wkt_without_a_number_is_kept():
    wkt = pyproj.CRS.from_proj4("+proj=laea +lat_0=12 +lon_0=34 +datum=WGS84").to_wkt()
    crs = crs_from_wkt(wkt)

    assert crs.wkid is None
    assert crs.proj.equals(pyproj.CRS.from_wkt(wkt))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EPSG:4326",
        "+proj=longlat",
        "/etc/passwd",
        "http://127.0.0.1/x.prj",
        "+init=/etc/passwd:1",
        "PROJCS[",
        'PROJCS["a",' * 3000,
        "GEOGCS[" + "A" * 30_000,
    ],
)
def test_text_that_is_not_wkt_is_refused(text):
    with pytest.raises(UnknownCRSError):
        crs_from_wkt(text)


@pytest.mark.parametrize(
    ("wkid", "period"),
    [(4326, 360), (4807, 400), (3857, 2 * np.pi * 6378137), (3832, 2 * np.pi * 6378137)],
)
def test_the_world_repeats_after_its_circumference(wkid, period):
    assert crs_from_wkid(wkid).period == pytest.approx(period, rel=1e-12)


@pytest.mark.parametrize("wkid", [32633, 3035, 54009, 3995])
def test_other_projections_do_not_repeat(wkid):
    assert crs_from_wkid(wkid).period is None


def test_points_are_projected_as_proj_does():
    witness = pyproj.Transformer.from_crs(4326, 32633, always_xy=True)
    xs, ys = project([14.0, 15.5], [50.0, 51.0], crs_from_wkid(4326), crs_from_wkid(32633))

    assert np.allclose((xs, ys), witness.transform([14.0, 15.5], [50.0, 51.0]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("latitude", [4028802.0, 90.001, -90.001])
def test_a_latitude_beyond_the_pole_has_no_place(latitude):
    _, ys = project([0.0, 0.0], [latitude, 90.0], crs_from_wkid(4326), crs_from_wkid(54030))

    assert np.isfinite(ys).tolist() == [False, True]


def test_the_area_that_a_reference_is_meant_for_may_lie_across_the_antimeridian():
    fiji = crs_from_wkid(3460)  # From 176.81 east to 178.15 west.
    longitudes = np.array([176.0, 177.0, 180.0, -180.0, -179.0, 181.0, -178.0, 0.0])

    meant = fiji.is_meant_for(longitudes, np.full(8, -15.0))

    assert meant.tolist() == [False, True, True, True, True, True, False, False]
    assert not fiji.is_meant_for(np.array([180.0]), np.array([-30.0])).any()


@pytest.mark.parametrize("wkid", [4326, 102113, 102003])
def test_a_reference_survives_pickle(wkid):
    crs = crs_from_wkid(wkid)
    again = pickle.loads(pickle.dumps(crs))

    assert (again, again.wkid, again.latest_wkid) == (crs, crs.wkid, crs.latest_wkid)
