"""Spatial references: Esri's and EPSG's numbers, WKT, and what PROJ makes of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

from ..errors import UnknownCRSError
from .wkt import alike, forward, number_said, read_wkt, without_that_name

Coordinates = NDArray[np.float64]

# One grid under five numbers: (wkid that Esri reports, its latest wkid).
_WEB_MERCATOR = {
    3857: (102100, 3857),
    102100: (102100, 3857),
    900913: (102100, 3857),
    3785: (102113, 3785),
    102113: (102113, 3785),
}
# EPSG numbers that Esri's servers report under the number they had before.
_ESRI_NAMES = {5514: 102067}
_AUTHORITIES = ("EPSG:", "ESRI:")
_LEAST_CONFIDENCE = 25
_EARTH_RADIUS = 6378137.0
_LONGEST_WKT = 20_000
_WKT = re.compile(
    r"\s*(?:GEOGCS|PROJCS|GEOCCS|COMPD_CS|GEODCRS|GEOGCRS|PROJCRS|GEODETICCRS|GEOGRAPHICCRS"
    r"|PROJECTEDCRS|COMPOUNDCRS|BOUNDCRS|LOCAL_CS|ENGCRS|ENGINEERINGCRS)\s*[\[(]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CRS:
    """A horizontal spatial reference; axes are always x (east), y (north)."""

    definition: str
    """`EPSG:n`, `ESRI:n` or WKT. Equal definitions are one grid."""

    wkid: int | None = field(default=None, compare=False)
    """Number that a reply gives, or `None` for a reference without one."""

    latest_wkid: int | None = field(default=None, compare=False)
    """Number of the same reference in the newest list."""

    def __str__(self) -> str:
        return self.definition

    @property
    def code(self) -> str:
        """`EPSG:n` or `ESRI:n`; nothing of a reference that only its WKT tells."""
        return self.definition if self.definition.startswith(_AUTHORITIES) else ""

    @property
    def proj(self) -> pyproj.CRS:
        """PROJ's object, made once in a process."""
        return _proj(self.definition)

    @property
    def is_geographic(self) -> bool:
        """Are x and y angles?"""
        return _is_geographic(self.definition)

    @property
    def period(self) -> float | None:
        """Width of the world in units of x where x wraps around, else `None`."""
        return _period(self.definition)

    @property
    def poles_y(self) -> tuple[float, float]:
        """y of the south and of the north pole, where x wraps around; of maps on which they lie
        infinitely far those of a map as high as it is wide."""
        return _poles(self.definition)

    @property
    def units_per_metre(self) -> float:
        """Units of x in a metre; of angles those in a metre of the equator."""
        unit = self.proj.axis_info[0].unit_conversion_factor or 1.0
        return 1 / (unit * _EARTH_RADIUS) if self.is_geographic else 1 / unit

    def is_meant_for(self, longitudes: Coordinates, latitudes: Coordinates) -> NDArray[np.bool_]:
        """Which places lie in the area of use that the reference's register gives, if any."""
        area = self.proj.area_of_use
        if area is None:
            return np.zeros(np.shape(longitudes), np.bool_)
        width = (area.east - area.west) % 360 or 360
        across = (longitudes - area.west) % 360 <= width
        return across & (latitudes >= area.south) & (latitudes <= area.north)

    @property
    def esri_wkt(self) -> str:
        """The reference as Esri writes WKT, where that has the words."""
        return _esri_wkt(self.definition)

    @property
    def to_wkt(self) -> str:
        """The reference as WKT, of version 1 as GDAL writes it where that has the words."""
        return _wkt(self.definition)


def crs_from_wkid(wkid: int) -> CRS:
    """The reference of a number in EPSG's list, else in Esri's.

    Raises:
        UnknownCRSError: neither list has a horizontal reference of that number.
    """
    if wkid in _WEB_MERCATOR:
        name, latest = _WEB_MERCATOR[wkid]
        return CRS(definition="EPSG:3857", wkid=name, latest_wkid=latest)
    for authority in ("EPSG", "ESRI"):
        definition = f"{authority}:{wkid}"
        if _horizontal(definition):
            latest = wkid if authority == "EPSG" else _latest(definition, wkid)
            return CRS(definition=definition, wkid=_ESRI_NAMES.get(wkid, wkid), latest_wkid=latest)
    raise UnknownCRSError(f"{wkid} is not the number of a spatial reference")


def crs_from_wkt(wkt: str) -> CRS:
    """The reference that WKT (1, 2 or Esri's) spells out; by its number where it has one.

    Raises:
        UnknownCRSError: the text is longer than 20,000 characters, isn't WKT, or PROJ cannot
            read it. Nothing but WKT is tried; PROJ opens the grids that it may name, so WKT
            from outside is to be vetted before.
    """
    if len(wkt) > _LONGEST_WKT or not _WKT.match(wkt):
        raise UnknownCRSError("not the WKT of a spatial reference")
    return _crs_from_wkt(wkt)


@lru_cache(maxsize=256)
def _crs_from_wkt(wkt: str) -> CRS:
    try:
        crs = read_wkt(wkt)
    except ProjError as error:
        raise UnknownCRSError("PROJ cannot read this WKT") from error
    if not _is_usable(crs):
        raise UnknownCRSError("not a horizontal spatial reference")
    for code in _candidates(crs, wkt):
        known = crs_from_wkid(code)
        if alike(crs, known.proj):
            return known
    return CRS(definition=without_that_name(crs.to_wkt()))


def _candidates(crs: pyproj.CRS, wkt: str) -> list[int]:
    """Numbers that the reference may have: by what it says itself, by what PROJ recognises."""
    codes = number_said(wkt)
    for authority in ("EPSG", "ESRI"):
        found = crs.list_authority(authority, _LEAST_CONFIDENCE)
        codes += [match.code for match in found if match.code.isdecimal()]
    usable = [c for c in codes if _horizontal(f"EPSG:{c}") or _horizontal(f"ESRI:{c}")]
    return list(dict.fromkeys(int(code) for code in usable))


@lru_cache(maxsize=256)
def _proj(definition: str) -> pyproj.CRS:
    if definition.startswith(_AUTHORITIES):
        return pyproj.CRS.from_authority(definition[:4], definition[5:])
    return pyproj.CRS.from_wkt(definition)


def _is_usable(crs: pyproj.CRS) -> bool:
    is_horizontal = crs.is_projected or crs.is_geographic or crs.is_bound or crs.is_derived
    if not is_horizontal or crs.is_geocentric or crs.is_vertical:
        return False
    return crs.is_geographic or _is_computable(crs)


def _is_computable(crs: pyproj.CRS) -> bool:
    """Can PROJ put a place into it? Its list has projections that it doesn't know how to do."""
    if crs.geodetic_crs is None:
        return False
    try:
        forward(crs)
    except ProjError:
        return False
    return True


@lru_cache(maxsize=1024)
def _horizontal(definition: str) -> bool:
    try:
        return _is_usable(_proj(definition))
    except CRSError:
        return False


@lru_cache(maxsize=1024)
def _latest(definition: str, wkid: int) -> int:
    """EPSG's number of an Esri reference. PROJ's guess counts if both put a place alike."""
    crs = _proj(definition)
    code = crs.to_epsg(min_confidence=_LEAST_CONFIDENCE)
    return int(code) if code is not None and alike(crs, _proj(f"EPSG:{code}")) else wkid


@lru_cache(maxsize=256)
def _is_geographic(definition: str) -> bool:
    return bool(_proj(definition).is_geographic)


@lru_cache(maxsize=256)
def _wkt(definition: str) -> str:
    crs = _proj(definition)
    try:
        return str(crs.to_wkt("WKT1_GDAL"))
    except CRSError:
        return str(crs.to_wkt())


@lru_cache(maxsize=256)
def _esri_wkt(definition: str) -> str:
    try:
        return str(_proj(definition).to_wkt("WKT1_ESRI"))
    except CRSError:
        return _wkt(definition)


# Beginnings of PROJ's names of the projections in which x is longitude times a constant.
_CYLINDRICAL = (
    "Mercator (",
    "Popular Visualisation Pseudo Mercator",
    "Equidistant Cylindrical",
    "Lambert Cylindrical Equal Area",
    "Miller Cylindrical",
    "Gall Stereographic",
)


@lru_cache(maxsize=256)
def _period(definition: str) -> float | None:
    """360° for angles; for cylindrical projections the circumference, measured with PROJ."""
    crs = _proj(definition)
    if crs.is_geographic:
        unit = crs.axis_info[0].unit_conversion_factor or np.pi / 180
        return float(2 * np.pi / unit)
    operation = crs.coordinate_operation
    if operation is None or crs.geodetic_crs is None:
        return None
    if not operation.method_name.startswith(_CYLINDRICAL):
        return None
    into = forward(crs)
    # Ten steps around the world, of which at most one crosses the seam.
    xs = into.transform(np.arange(-180.0, 181.0, 36.0), np.zeros(11))[0]
    return float(10 * np.median(np.abs(np.diff(xs))))


@lru_cache(maxsize=256)
def _poles(definition: str) -> tuple[float, float]:
    crs, period = _proj(definition), _period(definition)
    assert period is not None and crs.geodetic_crs is not None
    if crs.is_geographic:
        return -period / 4, period / 4
    quarter = np.pi / 2 / (crs.geodetic_crs.axis_info[0].unit_conversion_factor or np.pi / 180)
    forward = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    south, middle, north = forward.transform(np.zeros(3), np.array([-quarter, 0.0, quarter]))[1]
    if not north - south <= period:
        return middle - period / 2, middle + period / 2
    return south, north


def project(
    xs: Coordinates | Sequence[float], ys: Coordinates | Sequence[float], source: CRS, target: CRS
) -> tuple[Coordinates, Coordinates]:
    """The points in the target reference; what it cannot hold comes back as infinity."""
    x, y = np.asarray(xs, np.float64), np.asarray(ys, np.float64)
    if source == target:
        return x, y
    if source.is_geographic:
        y = np.where(_beyond_the_pole(source, y), np.inf, y)
    found = transformer(source, target).transform(x, y)
    x, y = np.asarray(found[0]), np.asarray(found[1])
    if target.period is not None and not target.is_geographic:
        # PROJ gives the poles of a Mercator map a place, six times around the world away.
        y = np.where(np.abs(y) > 1.5 * target.period, np.inf, y)
    return x, y


def _beyond_the_pole(crs: CRS, y: Coordinates) -> NDArray[np.bool_]:
    """Latitudes past a pole, which some projections would wrap silently."""
    quarter = (crs.period or 360.0) / 4
    return np.abs(y) > quarter * (1 + 1e-9)


def transformer(source: CRS, target: CRS) -> Any:
    """PROJ's transformation, made once in a process and safe to share between threads.

    Raises:
        UnknownCRSError: none leads from one to the other, as from Mars to the earth.
    """
    try:
        return _transformer(source.definition, target.definition)
    except ProjError as error:
        names = " to ".join(crs.code or "the WKT" for crs in (source, target))
        raise UnknownCRSError(f"no transformation is known from {names}") from error


@lru_cache(maxsize=256)
def _transformer(source: str, target: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(_proj(source), _proj(target), always_xy=True)
