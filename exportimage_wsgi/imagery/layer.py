"""Layers: a raster as it is to be warped to one grid, planned once and read for each block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geo.grid import Grid, Window
from ..geo.placement import Placement
from ..geo.survey import typical_steps
from ..pixels import Interpolation, NoDataMatch, NoDataRule, Pixels
from . import aligned
from .sources.source import Level, Source, SourceInfo

_STEPPED_OVERSAMPLING = 4.0
"""Pixels per output pixel that must remain where a level is read by steps: it isn't averaged."""


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

    offset_yx: aligned.Offset | None = None
    """Where the grid lies on the pixels of the level, so that these are copied."""


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
    """Choose the level: the coarsest that isn't coarser than the output; reads nothing.

    Args:
        source: the raster.
        grid: the whole output grid, which alone the layer is for.
        bands: of the source, from 0.
        interpolation: of a raster with a palette it never mixes values.
        nodata_rule: what else is no data.
    """
    info, placement = source.info, placement_of(source.info)
    if info.palette is not None and interpolation is not Interpolation.MAJORITY:
        interpolation = Interpolation.NEAREST
    steps = typical_steps(grid, placement) or (1.0, 1.0)
    level = coarsest_level(info.levels, steps)
    return Layer(
        source=source,
        level=level,
        steps=steps,
        bands=bands,
        interpolation=interpolation,
        nodata_rule=nodata_rule,
        offset_yx=aligned.offset_yx(grid, placement, info.levels[level]),
    )


def coarsest_level(levels: tuple[Level, ...], steps: tuple[float, float]) -> int:
    """The index of the coarsest level that isn't coarser than a step in either direction."""
    best = 0
    for index, level in enumerate(levels):
        spare = _STEPPED_OVERSAMPLING if level.step > 1 else 1.0
        across, down = steps[0] / spare, steps[1] / spare
        if level.scale_yx[1] <= across * 1.001 and level.scale_yx[0] <= down * 1.001:
            best = index
    return best


def read(layer: Layer, needed: Window, around: bool) -> Pixels:
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
    return _less(pixels, layer.nodata_rule)


def _less(pixels: Pixels, rule: NoDataRule | None) -> Pixels:
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
    """NaN equals NaN; what isn't of integers is compared in its own precision."""
    if value != value:
        return np.isnan(values) if values.dtype.kind in "fc" else np.zeros(values.shape, bool)
    if values.dtype.kind in "fc":
        with np.errstate(over="ignore"):
            return np.asarray(values == values.dtype.type(value))
    return np.asarray(values == value)


def joined(one: Pixels, two: Pixels, axis: int) -> Pixels:
    """Two windows side by side; axis 1 is down, 2 across."""
    masks = max(len(one.valid), len(two.valid))
    valid = [np.broadcast_to(p.valid, (masks, *p.shape_yx)) for p in (one, two)]
    return Pixels(np.concatenate([one.values, two.values], axis), np.concatenate(valid, axis))


def nothing(layer: Layer, shape_yx: tuple[int, int]) -> Pixels:
    """What the layer gives where the raster isn't: no data."""
    dtype = layer.source.info.pixel_type.dtype
    return Pixels(
        np.zeros((len(layer.bands), *shape_yx), dtype), np.zeros((1, *shape_yx), np.uint8)
    )
