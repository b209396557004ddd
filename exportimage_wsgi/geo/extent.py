"""Extents: boxes in a spatial reference, and how they look in another one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crs import CRS, Coordinates, project

# 22 steps are the 21 points between the corners that PROJ's own bounds put on an edge.
_STEPS = 22
_FINE_STEPS = 8 * _STEPS
_INSIDE = np.linspace(0.05, 0.95, 10)
_SLACK = 0.01
"""Of the size of a box, whose edges bulge between their points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A box with sorted, finite sides; x grows east and may run past the antimeridian."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    crs: CRS

    @property
    def width(self) -> float:
        """In units of the reference."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """In units of the reference."""
        return self.ymax - self.ymin

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    def widened(self, width: int, height: int) -> Extent:
        """The smallest box about the same centre whose pixels are square.

        Only the short axis grows (spec: adjustAspectRatio of 10.3).
        """
        pixel = max(self.width / width, self.height / height)
        x, y = (self.xmin + self.xmax) / 2, (self.ymin + self.ymax) / 2
        across, up = pixel * width / 2, pixel * height / 2
        if self.width / width >= self.height / height:
            return Extent(xmin=self.xmin, ymin=y - up, xmax=self.xmax, ymax=y + up, crs=self.crs)
        return Extent(
            xmin=x - across, ymin=self.ymin, xmax=x + across, ymax=self.ymax, crs=self.crs
        )

    def contains(self, other: Extent) -> bool:
        """Does every point of the other box, given in the same reference, lie in this one?"""
        slack = 1e-9 * max(self.width, self.height)
        return (
            self.xmin - slack <= other.xmin
            and self.ymin - slack <= other.ymin
            and other.xmax <= self.xmax + slack
            and other.ymax <= self.ymax + slack
        )


def projected(extent: Extent, target: CRS) -> Extent | None:
    """The envelope of the box's densified edges in the target reference.

    x runs on past the antimeridian where the box does. `None` where an edge has no place in
    the target reference.
    """
    if extent.crs == target:
        return Extent(
            xmin=extent.xmin, ymin=extent.ymin, xmax=extent.xmax, ymax=extent.ymax, crs=target
        )
    xs, ys = project(*ring(extent, _steps(extent)), extent.crs, target)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        return None
    return envelope_of_ring(xs, ys, target)


def projected_with_inside(extent: Extent, target: CRS) -> Extent | None:
    """As `projected`; `None` also where the box isn't around what its edges enclose, as where what
    the target draws infinitely far lies within."""
    found = projected(extent, target)
    if found is None or extent.crs == target:
        return found
    across, up = extent.xmin + _INSIDE * extent.width, extent.ymin + _INSIDE * extent.height
    xs, ys = project(np.tile(across, len(up)), np.repeat(up, len(across)), extent.crs, target)
    slack_x, slack_y = _SLACK * found.width, _SLACK * found.height
    aside = xs - (found.xmin - slack_x)
    if target.period is not None:
        with np.errstate(invalid="ignore"):  # What has no place is held by nothing.
            aside = aside % target.period
    held = (aside >= 0) & (aside <= found.width + 2 * slack_x)
    held &= (ys >= found.ymin - slack_y) & (ys <= found.ymax + slack_y)
    return found if held.all() else None


def _steps(extent: Extent) -> int:
    """More points where an edge spans so much that its bulge would be missed."""
    period = extent.crs.period
    wide = period is not None and extent.width > period / 8
    return _FINE_STEPS if wide else _STEPS


def span_of(xs: Coordinates, good: NDArray[np.bool_], crs: CRS) -> tuple[float, float]:
    """The least and the most x of some places in rows of longitudes `(row, column)`; it runs on
    past the antimeridian along rows that are good from end to end. Its middle is on the map."""
    whole = xs[good.all(axis=1)]
    if crs.period is None or not len(whole):
        return float(xs[good].min()), float(xs[good].max())
    rows = np.unwrap(whole, period=crs.period, axis=1)
    rows -= crs.period * np.round((rows[:, :1] - rows[0, 0]) / crs.period)
    west, east = float(rows.min()), float(rows.max())
    turn = crs.period * math.ceil((west + east) / 2 / crs.period - 0.5)
    return west - turn, east - turn


def ring(extent: Extent, steps: int) -> tuple[Coordinates, Coordinates]:
    """Points along the box's edges, counter-clockwise from the south-west, closed."""
    across = np.linspace(extent.xmin, extent.xmax, steps + 1)
    up = np.linspace(extent.ymin, extent.ymax, steps + 1)
    xs = [across, np.full(steps, extent.xmax), across[-2::-1], np.full(steps, extent.xmin)]
    ys = [np.full(steps + 1, extent.ymin), up[1:], np.full(steps, extent.ymax), up[-2::-1]]
    return np.concatenate(xs), np.concatenate(ys)


def envelope_of_ring(xs: Coordinates, ys: Coordinates, crs: CRS) -> Extent:
    """The box around a closed ring; a ring around a pole takes in the pole."""
    if crs.period is not None:
        xs = np.unwrap(xs, period=crs.period)
    low, high = float(ys.min()), float(ys.max())
    west, east = float(xs.min()), float(xs.max())
    if crs.period is not None and abs(xs[-1] - xs[0]) > crs.period / 2:
        west, east = -crs.period / 2, crs.period / 2
        south, north = crs.poles_y
        low, high = (low, max(high, north)) if np.mean(ys) > 0 else (min(low, south), high)
    return Extent(xmin=west, ymin=low, xmax=east, ymax=high, crs=crs)
