"""WKT as PROJ reads it, and which of its references are the same."""

from __future__ import annotations

import re

import numpy as np
import pyproj

_AUTHORITY = re.compile(r'(?:AUTHORITY|ID)\["(?:EPSG|ESRI)",\s*"?([0-9]{1,9})"?\]\s*\]\s*$')
# A name by which PROJ takes any reference for the Web Mercator of Greenwich.
_CALLED_WEB_MERCATOR = re.compile(
    r"((?:PROJCS|PROJCRS|PROJECTEDCRS)\s{0,20}[\[(]\s{0,20})"
    r'"[^"]{0,60}(?:web|pseudo)[^"]{0,60}mercator[^"]{0,60}"',
    re.IGNORECASE,
)


def number_said(wkt: str) -> list[str]:
    """The number that the text ends with, if it does."""
    said = _AUTHORITY.search(wkt)
    return [said[1]] if said else []


def read_wkt(wkt: str) -> pyproj.CRS:
    """PROJ's object, without heights.

    What is called Web Mercator may have another central meridian than Greenwich: so Esri's
    clients send boxes that cross the antimeridian.

    Raises:
        ProjError: PROJ cannot read the text.
    """
    crs, plain = _across(wkt), without_that_name(wkt)
    if plain == wkt:
        return crs
    unnamed = _across(plain)
    here, there = (forward(each).transform([12.0, -34.0], [-43.0, 21.0]) for each in (crs, unnamed))
    return crs if np.allclose(here, there) else unnamed


def _across(wkt: str) -> pyproj.CRS:
    """What the WKT says of x and y."""
    crs = pyproj.CRS.from_wkt(wkt)
    return crs.sub_crs_list[0] if crs.is_compound else crs


def without_that_name(wkt: str) -> str:
    """The same text under a name that PROJ draws no conclusion from."""
    return _CALLED_WEB_MERCATOR.sub(r'\1"Mercator"', wkt, count=1)


def forward(crs: pyproj.CRS) -> pyproj.Transformer:
    """From the reference's own longitude and latitude into it."""
    return pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def alike(crs: pyproj.CRS, known: pyproj.CRS) -> bool:
    """Do both put places alike? PROJ's guesses of a number can be wrong in every parameter."""
    area = known.area_of_use or crs.area_of_use
    if area is None or not on_one_earth(crs, known):
        return False
    xs = np.array([0.75 * area.west + 0.25 * area.east, 0.4 * area.west + 0.6 * area.east])
    ys = np.array([0.75 * area.south + 0.25 * area.north, 0.4 * area.south + 0.6 * area.north])
    here, there = (forward(each).transform(xs, ys) for each in (crs, known))
    return bool(np.isfinite(here).all() and np.allclose(here, there, rtol=1e-7, atol=1e-6))


def on_one_earth(crs: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Do longitudes begin at one place and, where x and y are angles, mean one angle?"""
    one, two = _earth_of(crs), _earth_of(other)
    return one is not None and two is not None and np.allclose(one, two, rtol=1e-7)


def _earth_of(crs: pyproj.CRS) -> tuple[float, ...] | None:
    """Where longitudes begin and, where x and y are angles, their unit and the ellipsoid's axes;
    `None` of what has no longitudes."""
    earth = crs.geodetic_crs
    if earth is None or earth.prime_meridian is None or earth.ellipsoid is None:
        return None
    meridian = earth.prime_meridian
    begin = meridian.longitude * float(meridian.unit_conversion_factor)
    if not crs.is_geographic:
        return begin, 0.0, 0.0, 0.0
    unit = crs.axis_info[0].unit_conversion_factor
    return begin, unit, earth.ellipsoid.semi_major_metre, earth.ellipsoid.semi_minor_metre
