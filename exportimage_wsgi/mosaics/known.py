"""What the `proj:` and `raster:` fields of STAC tell of a raster, so that it can stay closed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from affine import Affine

from ..errors import UnknownCRSError
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ..pixels import PixelType, pixel_type_of
from .items import Description, PixelPlace

_DTYPES = {
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
}
_COMPLEX = {"cint16": "complex64", "cint32": "complex128"}
_COMPLEX |= {"cfloat32": "complex64", "cfloat64": "complex128"}
_RGB = ("red", "green", "blue")


def known_description(
    properties: Mapping[str, Any],
    asset: Mapping[str, Any],
    outline: bytes | None,
    outline_crs: CRS,
) -> Description | None:
    """What the fields tell; `None` where they don't say its reference and where its pixels lie.

    Args:
        properties: of the item.
        asset: of the item; what it says goes before.
        outline: WKB of the footprint.
        outline_crs: of the footprint.
    """
    said = {**properties, **{key: value for key, value in asset.items() if value is not None}}
    crs, placed = _crs(said), _placed(said)
    if crs is None or placed is None:
        return None
    affine, shape = placed
    if outline is None:
        outline, outline_crs = _box(affine, shape), crs
    bands = _bands(said)
    kinds = {_pixel_type(band.get("data_type") or said.get("data_type")) for band in bands}
    return Description(
        crs=crs,
        outline=outline,
        outline_crs=outline_crs,
        pixel=_middle(affine, shape),
        pixel_type=_one_type(kinds),
        bands=len(bands) or None,
        band_names=_names(bands),
        nodata=_nodata(said, bands),
        is_rgb=[_common_name(band) for band in bands[:3]] == list(_RGB),
    )


def _crs(said: Mapping[str, Any]) -> CRS | None:
    code, epsg = said.get("proj:code"), said.get("proj:epsg")
    try:
        if isinstance(code, str) and code.rpartition(":")[2].isdecimal():
            return _by_number(int(code.rpartition(":")[2]))
        if isinstance(epsg, (int, float)) and math.isfinite(epsg):
            return _by_number(int(epsg))
        if isinstance(said.get("proj:wkt2"), str):
            return crs_from_wkt(said["proj:wkt2"])
        if said.get("proj:projjson"):
            return _by_projjson(json.dumps(said["proj:projjson"], sort_keys=True))
    except UnknownCRSError:
        return None
    return None


@lru_cache(maxsize=256)
def _by_number(number: int) -> CRS:
    return crs_from_wkid(number)


@lru_cache(maxsize=64)
def _by_projjson(text: str) -> CRS | None:
    import pyproj

    try:
        return crs_from_wkt(pyproj.CRS.from_json(text).to_wkt())
    except pyproj.exceptions.CRSError:
        return None


def _placed(said: Mapping[str, Any]) -> tuple[Affine, tuple[int, int] | None] | None:
    """The affine, and the shape where it is said."""
    shape = _numbers(said.get("proj:shape"), 2)
    size = (int(shape[0]), int(shape[1])) if shape and min(shape) >= 1 else None
    transform = _numbers(said.get("proj:transform"), 6)
    if transform:
        affine = Affine(*transform[:6])
        if affine.determinant != 0:
            return affine, size
    box = _numbers(said.get("proj:bbox"), 4)
    if box and size:
        west, south, east, north = box[:2] + box[len(box) // 2 :][:2]
        across, down = (east - west) / size[1], (south - north) / size[0]
        if across > 0 > down:
            return Affine(across, 0.0, west, 0.0, down, north), size
    return None


def _numbers(value: Any, least: int) -> list[float] | None:
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str):
        return None
    if len(value) < least or not all(isinstance(each, (int, float)) for each in value):
        return None
    numbers = [float(each) for each in value]
    return numbers if all(map(math.isfinite, numbers)) else None


def _middle(affine: Affine, shape: tuple[int, int] | None) -> PixelPlace:
    rows, columns = shape or (1, 1)
    x, y = affine @ (columns / 2, rows / 2)
    return PixelPlace(x=x, y=y, across=(affine.a, affine.d), down=(affine.b, affine.e))


def _box(affine: Affine, shape: tuple[int, int] | None) -> bytes:
    if shape is None:
        return bytes(shapely.to_wkb(shapely.from_wkt("POLYGON EMPTY")))
    rows, columns = shape
    corners = [affine @ corner for corner in ((0, 0), (columns, 0), (columns, rows), (0, rows))]
    return bytes(shapely.to_wkb(shapely.polygons(corners)))


def _bands(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """As STAC 1.1 (`bands`) or earlier (`raster:bands`, `eo:bands`) lists them, both merged."""
    lists = [said.get(key) for key in ("eo:bands", "raster:bands", "bands")]
    known = [each for each in lists if isinstance(each, list) and each]
    count = max((len(each) for each in known), default=0)
    merged: list[dict[str, Any]] = [{} for _ in range(count)]
    for each in known:
        for band, more in zip(merged, each, strict=False):
            if isinstance(more, Mapping):
                band |= {key: value for key, value in more.items() if value is not None}
    return list(merged)


def _pixel_type(name: Any) -> PixelType | None:
    if name in _COMPLEX:
        return pixel_type_of(np.dtype(_COMPLEX[name]))
    return pixel_type_of(np.dtype(name)) if name in _DTYPES else None


def _one_type(kinds: set[PixelType | None]) -> PixelType | None:
    from .together import smallest_type

    known = {kind for kind in kinds if kind is not None}
    return smallest_type(known) if known and None not in kinds else None


def _common_name(band: Mapping[str, Any]) -> Any:
    return band.get("common_name") or band.get("eo:common_name")


def _names(bands: Sequence[Mapping[str, Any]]) -> tuple[str, ...] | None:
    if not bands:
        return None
    named = [each.get("name") for each in bands]
    return tuple(str(name or f"Band_{i + 1}") for i, name in enumerate(named))


def _nodata(
    said: Mapping[str, Any], bands: Sequence[Mapping[str, Any]]
) -> tuple[float | None, ...] | None:
    if not bands:
        return None
    return tuple(_number(band.get("nodata", said.get("nodata"))) for band in bands)


def _number(value: Any) -> float | None:
    if value in ("nan", "inf", "-inf") or (
        isinstance(value, (int, float)) and not isinstance(value, bool)
    ):
        return float(value)
    return None
