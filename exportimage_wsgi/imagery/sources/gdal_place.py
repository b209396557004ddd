"""Where a raster of GDAL's lies on the earth: its geotransform or its points, its reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.errors import CRSError

from ...errors import SourceError, UnknownCRSError
from ...geo.crs import CRS, crs_from_wkt
from ...geo.grid import Grid
from .source import GroundPoint
from .versions import display_name, is_address

_FEWEST_POINTS = 3
_LONGEST_PRJ = 20_000


def placed(dataset: Any, path: str) -> tuple[Grid, tuple[GroundPoint, ...]]:
    """The grid and, where the raster is placed by ground control points, those.

    Raises:
        SourceError: it lies nowhere on the earth, or its reference is missing or not understood.
    """
    name = display_name(path)
    points, points_crs = dataset.gcps
    if dataset.transform != Affine.identity() or not points:
        affine = _affine(dataset, name)
        return Grid(crs=_crs(dataset.crs, path), affine=affine, shape_yx=dataset.shape), ()
    _check_points(points, name)
    grid = Grid(crs=_crs(points_crs, path), affine=Affine.identity(), shape_yx=dataset.shape)
    return grid, tuple((p.col, p.row, p.x, p.y) for p in points)


def _affine(dataset: Any, name: str) -> Affine:
    affine = Affine(*dataset.transform[:6])
    if affine == Affine.identity():
        more = "only rational polynomials (RPC)" if dataset.rpcs else "no geotransform"
        raise SourceError(f"{name} is not placed on the earth: it has {more}")
    if not np.isfinite(affine[:6]).all() or affine.determinant == 0:
        raise SourceError(f"{name} is not placed on the earth: its geotransform has no area")
    return affine


def _check_points(points: list[Any], name: str) -> None:
    """Three that don't lie on one line are the fewest that place a raster."""
    places = np.array([(p.col, p.row, p.x, p.y) for p in points], np.float64)
    spread = [np.linalg.matrix_rank(pair - pair.mean(axis=0)) for pair in np.hsplit(places, 2)]
    if len(points) < _FEWEST_POINTS or min(spread) < 2:
        raise SourceError(
            f"{name} is not placed on the earth: it needs three ground control points off a line"
        )


def _crs(crs: Any, path: str) -> CRS:
    try:
        if crs:
            return crs_from_wkt(crs.to_wkt(version="WKT2_2019"))
        beside = prj_file(path)
        if beside is not None:
            return crs_from_wkt(_text(beside))
    except (UnknownCRSError, CRSError) as error:
        raise SourceError(
            f"{display_name(path)} has a spatial reference that is not understood"
        ) from error
    raise SourceError(
        f"{display_name(path)} has no spatial reference; write one into it, with gdal_edit"
    )


def prj_file(path: str) -> Path | None:
    """The file of the same stem that holds a spatial reference, where there is one.

    GDAL reads it for a few formats only; Esri's programs write it beside any.
    """
    beside = Path(path).with_suffix(".prj")
    return beside if not is_address(path) and beside.is_file() else None


def _text(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as lines:
        return lines.read(_LONGEST_PRJ)
