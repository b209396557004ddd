"""Counting: the values of an area or of a whole service, for statistics and histograms.

The area is read on the lattice of the raster's own pixels. Where that would be too many, each n-th
of them is read, and what is found says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ..errors import ParameterError
from ..esri.geometry import Geometry
from ..geo.crs import Coordinates
from ..geo.extent import Extent
from ..geo.grid import Grid, Window
from ..geo.shapes import densified, moved
from ..imagery.histograms import Histogram, histogram
from ..imagery.masks import inside
from ..imagery.statistics import statistics_of_values
from ..pixels import Interpolation, Statistics
from ..running import Runner
from ..service import ImageService
from .reading import read_all
from .request import ExportRequest

MOST_BYTES = 1 << 24
"""Of the values that are looked at, all bands together."""

_MOST_TESTS = 10**8
"""Rows of the area times vertices of its outline."""

_BLOCK = 1024

_Rings = Sequence[Coordinates]
"""Of one area, each `(vertex, 2)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the values of one band are like."""

    statistics: Statistics | None
    """`None` where no value is valid."""

    median: float | None

    histogram: Histogram

    count: int
    """Values that were looked at."""

    skip: int = 1
    """Only each so-manieth column and row was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Area:
    """What is read: a grid in the service's reference and which of its pixels count."""

    grid: Grid

    mask: NDArray[np.bool_] | None

    skip: int


def counted(
    service: ImageService,
    said: Mapping[str, Any],
    runner: Runner,
    area: Geometry | None = None,
    pixel_size_xy: tuple[float, float] | None = None,
) -> tuple[Count, ...]:
    """One a band; this reads the rasters.

    Args:
        service: what is read.
        said: arguments of `ExportRequest`, which select what is drawn.
        runner: threads and limits.
        area: a polygon or envelope with its reference; everywhere if not given.
        pixel_size_xy: in units of the service, if it was asked for; it is obeyed, or refused.

    Raises:
        ParameterError: the area has no place in the service's reference, or is too large to be
            read at the pixel size that was asked for.
    """
    rings = None if area is None else _own_rings(service, area)
    found = _area(service, rings, pixel_size_xy)
    if found is None:
        return tuple(_count_of(service, [], 1) for _ in range(service.info.band_count))
    windows = _windows(service, found.grid)
    work = partial(_values, service, {**said, "interpolation": Interpolation.NEAREST}, found)
    numbered = partial(_numbered, work, windows)
    parts = list(runner.pieces(numbered, len(windows), runner.stop()))
    bands = zip(*parts, strict=True)
    return tuple(_count_of(service, list(band), found.skip) for band in bands)


def _own_rings(service: ImageService, area: Geometry) -> tuple[_Rings, ...]:
    """The rings in the service's reference, once for each turn around the world on which they
    meet it."""
    assert area.crs is not None
    if area.crs == service.crs:
        return _all_around(service, area.parts)
    rings = tuple(moved(ring, area.crs, service.crs) for ring in densified(area.parts))
    if not all(np.isfinite(ring).all() for ring in rings):
        rule = f"not all of it has a place in {service.crs.code or 'the reference of the service'}"
        raise ParameterError("geometry", area.type.value, rule)
    return _all_around(service, _unwound(rings, service.crs.period))


def _all_around(service: ImageService, rings: _Rings) -> tuple[_Rings, ...]:
    period, own = service.crs.period, service.extent
    if period is None:
        return (rings,)
    xs = np.concatenate([ring[:, 0] for ring in rings])
    west, east = xs.min(), xs.max()
    turns = [np.array([turn * period, 0.0]) for turn in (-2, -1, 0, 1, 2)]
    met = [turn for turn in turns if west + turn[0] < own.xmax and own.xmin < east + turn[0]]
    return tuple([ring + turn for ring in rings] for turn in met or turns[2:3])


def _unwound(rings: _Rings, period: float | None) -> _Rings:
    """Rings of many vertices, running on past the antimeridian, all on the side of the first.

    Raises:
        ParameterError: one runs around a pole.
    """
    if period is None:
        return rings
    xs = [np.unwrap(ring[:, 0], period=period) for ring in rings]
    if any(abs(x[-1] - x[0]) > period / 2 for x in xs):
        rule = "runs around a pole; give it in the reference of the service"
        raise ParameterError("geometry", "esriGeometryPolygon", rule)
    turns = [period * np.round((x.mean() - xs[0].mean()) / period) for x in xs]
    moved_xs = [x - turn for x, turn in zip(xs, turns, strict=True)]
    return [np.column_stack([x, ring[:, 1]]) for x, ring in zip(moved_xs, rings, strict=True)]


def _area(
    service: ImageService,
    rings: Sequence[_Rings] | None,
    pixel_size_xy: tuple[float, float] | None,
) -> _Area | None:
    """The part of the service in the rings; `None` if there is none."""
    box = _common_box(service, rings)
    if box is None:
        return None
    across, down = pixel_size_xy or service.pixel_size_xy
    vertices = sum(len(ring) for turn in rings or () for ring in turn)
    skip = 1
    while _is_too_much(service, box, (across * skip, down * skip), vertices):
        if pixel_size_xy is not None:
            rule = f"too fine for this area: at most {MOST_BYTES} bytes of values are read at once"
            raise ParameterError("pixelSize", f"{across:.12g},{down:.12g}", rule)
        skip += 1
    grid = _snapped(service, box, (across * skip, down * skip))
    return _Area(grid=grid, mask=None if rings is None else _mask(rings, grid), skip=skip)


def _mask(rings: Sequence[_Rings], grid: Grid) -> NDArray[np.bool_]:
    """Turns of an area that is wider than the world overlap, and are one area all the same."""
    mask = inside(rings[0], grid, grid.whole)
    for turn in rings[1:]:
        mask |= inside(turn, grid, grid.whole)
    return mask


def _common_box(
    service: ImageService, rings: Sequence[_Rings] | None
) -> tuple[float, float, float, float] | None:
    own = service.extent
    if rings is None:
        return own.bounds
    vertices = np.concatenate([ring for turn in rings for ring in turn])
    west, south = np.maximum(vertices.min(axis=0), (own.xmin, own.ymin))
    east, north = np.minimum(vertices.max(axis=0), (own.xmax, own.ymax))
    return (west, south, east, north) if west < east and south < north else None


def _is_too_much(
    service: ImageService,
    box: tuple[float, float, float, float],
    pixel: tuple[float, float],
    vertices: int,
) -> bool:
    columns, rows = (box[2] - box[0]) / pixel[0] + 1, (box[3] - box[1]) / pixel[1] + 1
    each = service.info.band_count * service.info.pixel_type.dtype.itemsize
    return columns * rows * each > MOST_BYTES or (rows * vertices > _MOST_TESTS and rows > 64)


def _snapped(
    service: ImageService, box: tuple[float, float, float, float], pixel: tuple[float, float]
) -> Grid:
    """A north-up grid around the box whose lines are those of the service's pixels."""
    (across, down), own = pixel, service.extent
    left = math.floor((box[0] - own.xmin) / across + 1e-6)
    right = math.ceil((box[2] - own.xmin) / across - 1e-6)
    top = math.floor((own.ymax - box[3]) / down + 1e-6)
    bottom = math.ceil((own.ymax - box[1]) / down - 1e-6)
    affine = Affine(across, 0, own.xmin + left * across, 0, -down, own.ymax - top * down)
    shape = (max(bottom - top, 1), max(right - left, 1))
    return Grid(crs=own.crs, affine=affine, shape_yx=shape)


def _windows(service: ImageService, grid: Grid) -> list[Window]:
    """Blocks that are no larger than pictures of the service may be."""
    wide, high = (min(_BLOCK, most) for most in service.max_image_size)
    rows, columns = grid.shape_yx
    return [
        Window(rows=(y, min(y + high, rows)), columns=(x, min(x + wide, columns)))
        for y in range(0, rows, high)
        for x in range(0, columns, wide)
    ]


def _numbered(work: Any, windows: list[Window], index: int) -> list[NDArray[Any]]:
    found: list[NDArray[Any]] = work(windows[index])
    return found


def _values(
    service: ImageService, said: Mapping[str, Any], area: _Area, window: Window
) -> list[NDArray[Any]]:
    """The valid, finite values of each band in a window; of complex ones the magnitudes."""
    rows, columns = slice(*window.rows), slice(*window.columns)
    part = area.grid.window(rows, columns)
    mask = None if area.mask is None else area.mask[rows, columns]
    if mask is not None and not mask.any():
        return [_no_values(service)] * service.info.band_count
    box: Extent = part.extent
    request = ExportRequest(
        bbox=box,
        size=part.shape_yx[::-1],
        format="bsq",
        adjust_aspect_ratio=False,
        **said,
    )
    values, valid = read_all(service, request)
    numbers = np.abs(values) if values.dtype.kind == "c" else values
    counts = np.broadcast_to(valid > 0, numbers.shape) & np.isfinite(numbers)
    if mask is not None:
        counts = counts & mask
    return [band[which] for band, which in zip(numbers, counts, strict=True)]


def _no_values(service: ImageService) -> NDArray[Any]:
    """None, of the type that some would have: of complex pixels the magnitudes count."""
    nothing: NDArray[Any] = np.abs(np.zeros(0, service.info.pixel_type.dtype))
    return nothing


def _count_of(service: ImageService, parts: list[NDArray[Any]], skip: int) -> Count:
    pixel_type = service.info.pixel_type
    values = np.concatenate(parts or [_no_values(service)])
    return Count(
        statistics=statistics_of_values(values),
        median=_median(values) if values.size else None,
        histogram=histogram(values, pixel_type),
        count=values.size,
        skip=skip,
    )


def _median(values: NDArray[Any]) -> float:
    """Of two in the middle the mean, also where their sum is no double any more."""
    middle = [(values.size - 1) // 2, values.size // 2]
    low, high = (float(value) for value in np.partition(values, middle)[middle])
    return low if low == high else low / 2 + high / 2


# By version, not by service: one in memory would be kept with its pixels.
_known: dict[tuple[str, str], tuple[Count, ...]] = {}
_MOST_KNOWN = 256


def counted_everywhere(service: ImageService, runner: Runner) -> tuple[Count, ...]:
    """As `counted` of the whole service, found once and kept in memory."""
    key = (service.info.version, repr(service.settings.nodata))
    found = _known.get(key)
    if found is None:
        found = counted(service, {}, runner)
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)), None)
        _known[key] = found
    return found
