"""Warping: the pixels of a window of the output, gathered from one raster.

`warp` does the reading. It is a function of values alone, so it may run in any thread or process,
and what it gives for a pixel doesn't depend on the window that the pixel is asked in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geo.cells import Cells, Reach
from ..geo.grid import Grid, Window
from ..geo.mesh import Mesh, cells, is_on_this_side, mesh_of
from ..geo.placement import Placement
from ..geo.survey import typical_steps
from ..pixels import (
    Interpolation,
    NoDataMatch,
    NoDataRule,
    Pixels,
    PixelType,
    Validity,
    Values,
    all_valid,
)
from . import aligned, kernels, narrow, separable, smooth, wide
from .kernels import Frame
from .sources.source import Level, Source, SourceInfo
from .wide import Rest

_MOST_SOURCE_BYTES = 96_000_000
"""A window that needs more of its raster at once is halved."""

_STEPPED_OVERSAMPLING = 4.0
"""Pixels per output pixel that must remain where a level is read by steps: it isn't averaged."""

_NO_MASK = np.zeros((0, 0, 0), np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One raster as it is to be warped: all that must be the same for every block."""

    source: Source

    level: int
    """Index in the source's levels."""

    steps: tuple[float, float]
    """Columns and rows of the full resolution that an output pixel passes, typically."""

    bands: tuple[int, ...]
    """Bands of the source, from 0, in the order of the result."""

    interpolation: Interpolation

    nodata_rule: NoDataRule | None = None
    """What else is no data, judged on the source's values before they are resampled."""


def placement_of(info: SourceInfo) -> Placement:
    """Where the raster lies."""
    return Placement(
        crs=info.grid.crs,
        affine=info.grid.affine,
        shape_yx=info.grid.shape_yx,
        ground_points=info.ground_points,
    )


def plan_layer(
    source: Source,
    grid: Grid,
    bands: tuple[int, ...],
    interpolation: Interpolation,
    nodata_rule: NoDataRule | None = None,
) -> Layer:
    """Choose the level: the coarsest that isn't coarser than the output; reads nothing."""
    info = source.info
    if info.palette is not None and interpolation is not Interpolation.MAJORITY:
        interpolation = Interpolation.NEAREST
    steps = _typical_steps(grid, placement_of(info)) or (1.0, 1.0)
    level = coarsest_level(info.levels, steps)
    return Layer(
        source=source,
        level=level,
        steps=steps,
        bands=bands,
        interpolation=interpolation,
        nodata_rule=nodata_rule,
    )


# Of a mosaic, each block asks for the same of each of its rasters.
_typical_steps = lru_cache(maxsize=4096)(typical_steps)


def coarsest_level(levels: tuple[Level, ...], steps: tuple[float, float]) -> int:
    """The index of the coarsest level that isn't coarser than a step in either direction."""
    best = 0
    for index, level in enumerate(levels):
        spare = _STEPPED_OVERSAMPLING if level.step > 1 else 1.0
        across, down = steps[0] / spare, steps[1] / spare
        if level.scale_yx[1] <= across * 1.001 and level.scale_yx[0] <= down * 1.001:
            best = index
    return best


def warp(layer: Layer, grid: Grid, window: Window) -> Pixels:
    """Read what lies under a window of the output grid and resample it to the window.

    Returns:
        Values in the source's pixel type, `(band, y, x)`, and their validity.
    """
    info = layer.source.info
    placement = placement_of(info)
    level = info.levels[layer.level]
    offset = aligned.offset_yx(grid, placement, level)
    if offset is not None:
        under = aligned.under(window, offset)
        if placement.period is None or _reaches(under, level) == under:
            return _copied(layer, under)
    if _is_separable(layer, grid, placement, level):
        return _separately(layer, grid, window, placement, level)
    return _resampled(layer, grid, window, placement, level)


def is_aligned(layer: Layer, grid: Grid) -> bool:
    """Do the pixels of the grid lie on those of the level, so that they are copied?"""
    level = layer.source.info.levels[layer.level]
    return aligned.offset_yx(grid, placement_of(layer.source.info), level) is not None


def _is_separable(layer: Layer, grid: Grid, placement: Placement, level: Level) -> bool:
    if layer.interpolation is not Interpolation.BILINEAR or layer.nodata_rule is not None:
        return False
    return not layer.source.info.masked and separable.is_separable(grid, placement, level)


def _separately(
    layer: Layer, grid: Grid, window: Window, placement: Placement, level: Level
) -> Pixels:
    down, across = separable.axes(grid, placement, level, window)
    rows, columns = down.reach, across.reach
    if rows is None or columns is None:
        return blank(layer, grid, window)
    needed = Window(rows=rows, columns=columns)
    if _too_much(needed, layer) and max(window.shape_yx) > 1:
        return _halved(layer, grid, window)
    pixel_type = layer.source.info.pixel_type
    source = _working(_read(layer, needed, around=False).values)
    out = np.empty((len(source), *window.shape_yx), source.dtype)
    out_valid = np.empty((1, *window.shape_yx), np.uint8)
    separable.gather(source, needed, down, across, pixel_type.is_integer, out, out_valid)
    return _delivered(out, out_valid, pixel_type)


def _resampled(
    layer: Layer, grid: Grid, window: Window, placement: Placement, level: Level
) -> Pixels:
    scale_y, scale_x = level.scale_yx
    found = cells(grid, placement, window, layer.steps, level.scale_yx)
    around = placement.is_cylinder and level.shape_yx[1] * scale_x == placement.shape_yx[1]
    taps = narrow.taps_of(found.steps, layer.interpolation)
    if taps and level.step == 1 and found.straight.all():
        reach = found.reach(window, level.shape_yx)
        if is_on_this_side(placement, reach, scale_x):
            needed = _narrowly_needed(reach, found.steps, level, layer.interpolation, around)
            if needed is None:
                return blank(layer, grid, window)
            if not _too_much(needed, layer):
                pixels = _read(layer, needed, around)
                return _narrow(layer, pixels, needed, window, found, taps, around)
    where = mesh_of(found, grid, placement, window, level.scale_yx)
    columns, rows = where.columns, where.rows
    if level.step > 1:
        height, width = placement.shape_yx
        columns, rows = _before(width / scale_x, columns), _before(height / scale_y, rows)
    needed = _needed(columns, rows, where.steps, level, layer.interpolation, around)
    if needed is None:
        return blank(layer, grid, window)
    if _too_much(needed, layer) and max(window.shape_yx) > 1:
        return _halved(layer, grid, window)
    pixels = _read(layer, needed, around)
    return _gather(layer, pixels, needed, columns, rows, window, where, around)


def _copied(layer: Layer, under: Window) -> Pixels:
    """The pixels under a window that lies on those of the level, which may reach outside of it."""
    inside = _reaches(under, layer.source.info.levels[layer.level])
    if inside is None:
        return _nothing(layer, under.shape_yx)
    pixels = _read(layer, inside, around=False)
    if layer.interpolation is not Interpolation.NEAREST:
        pixels = aligned.without_values(pixels)
    return aligned.placed(pixels, inside, under)


def _reaches(window: Window, level: Level) -> Window | None:
    """The part of the window that lies on the level, if any does."""
    (top, bottom), (left, right) = window.rows, window.columns
    height, width = level.shape_yx
    rows, columns = (max(top, 0), min(bottom, height)), (max(left, 0), min(right, width))
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        return None
    return Window(rows=rows, columns=columns)


def _before(edge: float, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positions, less those past the raster's edge, over which a stepped level may reach."""
    return np.where(positions < edge, positions, np.nan)


def _needed(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    steps: NDArray[np.float64],
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window | None:
    """The window of the level that the positions need; with `around` it may pass the edge."""
    height, width = level.shape_yx
    low_y, high_y, low_x, high_x, moved_low, moved_high = kernels.bounds(
        columns, rows, height, width
    )
    if high_y < low_y:
        return None
    if around and moved_high - moved_low < high_x - low_x:
        low_x, high_x = moved_low, moved_high
    return _with_halo(low_y, high_y, low_x, high_x, steps, level, interpolation, around)


def _narrowly_needed(
    reach: Reach,
    steps: NDArray[np.float64],
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window | None:
    """The same by what the cells tell."""
    if reach.high_y < reach.low_y:
        return None
    ends = reach.low_y, reach.high_y, reach.low_x, reach.high_x
    return _with_halo(*ends, steps, level, interpolation, around)


def _with_halo(
    low_y: float,
    high_y: float,
    low_x: float,
    high_x: float,
    steps: NDArray[np.float64],
    level: Level,
    interpolation: Interpolation,
    around: bool,
) -> Window:
    height, width = level.shape_yx
    halo_x, halo_y = _halo(steps, interpolation)
    top, bottom = max(int(low_y) - halo_y, 0), min(int(high_y) + 1 + halo_y, height)
    left, right = int(low_x) - halo_x, int(high_x) + 1 + halo_x
    if not around:
        left, right = max(left, 0), min(right, width)
    elif right - left >= width:
        left, right = 0, width
    return Window(rows=(top, bottom), columns=(left, right))


def _halo(steps: NDArray[np.float64], interpolation: Interpolation) -> tuple[int, int]:
    """Columns and rows beyond a position that its value may depend on."""
    if interpolation is Interpolation.NEAREST:
        return 1, 1
    reach = 2 if interpolation is Interpolation.CUBIC else 1
    widest = np.minimum(np.maximum(steps.reshape(-1, 2).max(axis=0), 1.0), 32.0)
    return int(np.ceil(widest[0] * reach)) + 2, int(np.ceil(widest[1] * reach)) + 2


def _too_much(needed: Window, layer: Layer) -> bool:
    size = layer.source.info.pixel_type.dtype.itemsize * len(layer.bands)
    return needed.pixels * size > _MOST_SOURCE_BYTES


def _halved(layer: Layer, grid: Grid, window: Window) -> Pixels:
    """The same pixels in two goes along the longer side."""
    height, width = window.shape_yx
    (top, bottom), (left, right) = window.rows, window.columns
    if height >= width:
        middle = top + height // 2
        halves = [Window(rows=r, columns=window.columns) for r in ((top, middle), (middle, bottom))]
    else:
        middle = left + width // 2
        halves = [Window(rows=window.rows, columns=c) for c in ((left, middle), (middle, right))]
    one, two = (warp(layer, grid, half) for half in halves)
    return joined(one, two, axis=1 if height >= width else 2)


def joined(one: Pixels, two: Pixels, axis: int) -> Pixels:
    """Two windows side by side; axis 1 is down, 2 across."""
    masks = max(len(one.valid), len(two.valid))
    valid = [np.broadcast_to(p.valid, (masks, *p.shape_yx)) for p in (one, two)]
    return Pixels(np.concatenate([one.values, two.values], axis), np.concatenate(valid, axis))


def blank(layer: Layer, grid: Grid, window: Window) -> Pixels:
    """What `warp` gives where the raster isn't: no data."""
    return _nothing(layer, window.shape_yx)


def _nothing(layer: Layer, shape_yx: tuple[int, int]) -> Pixels:
    dtype = layer.source.info.pixel_type.dtype
    return Pixels(
        np.zeros((len(layer.bands), *shape_yx), dtype), np.zeros((1, *shape_yx), np.uint8)
    )


def _read(layer: Layer, needed: Window, around: bool) -> Pixels:
    """Read the window; past the edge of a level that goes around the world, from its start."""
    info = layer.source.info
    width = info.levels[layer.level].shape_yx[1]
    left, right = needed.columns
    if not around or (left >= 0 and right <= width):
        pixels = layer.source.read(layer.level, needed, layer.bands)
    else:
        left, right = left % width, (right - 1) % width + 1
        before, behind = (
            layer.source.read(layer.level, Window(rows=needed.rows, columns=c), layer.bands)
            for c in ((left, width), (0, right))
        )
        pixels = joined(before, behind, axis=2)
    return _masked(pixels, layer.nodata_rule)


def _masked(pixels: Pixels, rule: NoDataRule | None) -> Pixels:
    """The pixels less those that the rule makes no data."""
    if rule is None:
        return pixels
    bands = len(pixels.values)
    hits = np.stack(
        [_equal(v, value) for v, value in zip(pixels.values, rule.for_bands(bands), strict=True)]
    )
    hit = hits.any(axis=0) if rule.match is NoDataMatch.ANY else hits.all(axis=0)
    return Pixels(pixels.values, np.where(hit, np.uint8(0), pixels.valid))


def _equal(values: NDArray[Any], value: float) -> NDArray[np.bool_]:
    """NaN equals NaN; a float band is compared in its own precision."""
    if value != value:
        return np.isnan(values) if values.dtype.kind in "fc" else np.zeros(values.shape, bool)
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(values == values.dtype.type(value))
    return np.asarray(values == value)


_WORKING: dict[str, str] = {"int8": "int16", "uint32": "float64", "int32": "float64"}


def _working(values: Values) -> Values:
    """The values in one of the few types that the kernels are compiled for.

    Complex bands become two bands, real and imaginary.
    """
    if values.dtype.kind == "c":
        parts = np.stack([values.real, values.imag], axis=1)
        return parts.reshape(-1, *values.shape[1:])
    name = _WORKING.get(values.dtype.name)
    return np.ascontiguousarray(values if name is None else values.astype(name))


def _given_back(values: Values, dtype: np.dtype[Any]) -> Values:
    """The inverse of `_working`."""
    if dtype.kind == "c":
        parts = values.reshape(-1, 2, *values.shape[1:])
        return (parts[:, 0] + 1j * parts[:, 1]).astype(dtype)
    return values if values.dtype == dtype else values.astype(dtype)


def _gather(
    layer: Layer,
    pixels: Pixels,
    needed: Window,
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    window: Window,
    found: Mesh,
    around: bool,
) -> Pixels:
    pixel_type, steps = layer.source.info.pixel_type, found.steps
    source, valid = _worked(layer, pixels)
    out = np.empty((len(source), *window.shape_yx), source.dtype)
    out_valid = np.empty((max(len(valid), 1), *window.shape_yx), np.uint8)
    frame = _frame(layer, needed, window, found.first_cell_yx, around)
    if layer.interpolation is Interpolation.NEAREST:
        kernels.nearest(source, valid, columns, rows, frame, out, out_valid)
    elif layer.interpolation is Interpolation.MAJORITY:
        kernels.majority(source, valid, columns, rows, steps, frame, out, out_valid)
    else:
        cubic = layer.interpolation is Interpolation.CUBIC
        limits = _limits(pixel_type)

        def kernel(rest: Rest) -> tuple[int, int]:
            return smooth.weighted(
                source, valid, columns, rows, steps, cubic, *limits, frame, rest, out, out_valid
            )

        def gather_rest(rest: Rest, count: int) -> None:
            wide.gather(source, valid, rest, count, steps, cubic, limits, frame, out, out_valid)

        wide.completed(kernel, window.shape_yx, gather_rest)
    return _delivered(out, out_valid, pixel_type)


def _narrow(
    layer: Layer,
    pixels: Pixels,
    needed: Window,
    window: Window,
    found: Cells,
    taps: int,
    around: bool,
) -> Pixels:
    """Gather by a narrow kernel, all cells being straight."""
    pixel_type = layer.source.info.pixel_type
    source, valid = _worked(layer, pixels)
    checked = valid.size > 0 and bool(valid.min() < 255)
    out = np.empty((len(source), *window.shape_yx), source.dtype)
    out_valid = np.empty((max(len(valid), 1), *window.shape_yx), np.uint8)
    frame = _frame(layer, needed, window, found.first_yx, around)
    limits = _limits(pixel_type)
    where = source, valid, checked, found.columns, found.rows, found.steps
    cubic = layer.interpolation is Interpolation.CUBIC

    def kernel(rest: Rest) -> tuple[int, int]:
        if taps == 2:
            return narrow.two(*where, *limits, frame, rest, out, out_valid)
        return narrow.four_by_four(*where, cubic, *limits, frame, rest, out, out_valid)

    def gather_rest(rest: Rest, count: int) -> None:
        wide.gather(source, valid, rest, count, found.steps, cubic, limits, frame, out, out_valid)

    if wide.completed(kernel, window.shape_yx, gather_rest) == 0:
        return Pixels(_given_back(out, pixel_type.dtype), all_valid(window.shape_yx))
    return _delivered(out, out_valid, pixel_type)


def _limits(pixel_type: PixelType) -> tuple[bool, float, float]:
    """Are values integers, and between which?"""
    low, high = pixel_type.limits
    return pixel_type.is_integer, float(low), float(high)


def _worked(layer: Layer, pixels: Pixels) -> tuple[Values, Validity]:
    """Values and validity as the kernels take them; the latter has no pixels if all are valid."""
    valid = _NO_MASK if pixels.is_certain else np.ascontiguousarray(pixels.valid)
    if layer.source.info.pixel_type.is_complex and len(valid) > 1:
        valid = np.repeat(valid, 2, axis=0)
    return _working(pixels.values), valid


def _delivered(out: Values, out_valid: Validity, pixel_type: PixelType) -> Pixels:
    if pixel_type.is_complex and len(out_valid) > 1:
        out_valid = np.ascontiguousarray(out_valid[::2])
    return Pixels(_given_back(out, pixel_type.dtype), out_valid)


def _frame(
    layer: Layer, needed: Window, window: Window, first_cell_yx: tuple[int, int], around: bool
) -> Frame:
    level = layer.source.info.levels[layer.level]
    return Frame(
        needed.rows[0], needed.columns[0], *level.shape_yx, around,
        window.rows[0], window.columns[0], *first_cell_yx,
    )  # fmt: skip
