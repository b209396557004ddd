"""Shapes: vertices in another reference, centroids, and places along lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .crs import CRS, Coordinates, project

_PIECES = 64
"""Pieces that the width of a shape is cut into before it is projected, where it is as simple as a
box; a line as long as that many widths is cut no finer than `_MOST_PIECES` in all."""
_MOST_PIECES = 20_000


def moved(vertices: Coordinates, source: CRS, target: CRS) -> Coordinates:
    """`(vertex, 2)` in the target reference; what has no place there is infinite."""
    if source == target:
        return vertices
    return np.column_stack(project(vertices[:, 0], vertices[:, 1], source, target))


def densified(parts: Sequence[Coordinates]) -> tuple[Coordinates, ...]:
    """The lines with more vertices on their longer edges, so that they bend when projected."""
    vertices = np.concatenate(parts)
    width = float(np.hypot(*(vertices.max(axis=0) - vertices.min(axis=0))))
    length = sum(float(_edges(part).sum()) for part in parts)
    step = max(width / _PIECES, length / _MOST_PIECES)
    return tuple(_cut(part, step) for part in parts) if step > 0 else tuple(parts)


def _edges(part: Coordinates) -> NDArray[np.float64]:
    """Length of each edge."""
    across, up = np.diff(part, axis=0).T
    return np.asarray(np.hypot(across, up))


def _cut(part: Coordinates, step: float) -> Coordinates:
    """The line with each edge cut into equal pieces not longer than the step."""
    counts = np.maximum(np.ceil(_edges(part) / step), 1).astype(np.int64)
    starts = np.repeat(part[:-1], counts, axis=0)
    ends = np.repeat(part[1:], counts, axis=0)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    share = (np.arange(len(starts)) - first) / np.repeat(counts, counts)
    return np.concatenate([starts + (ends - starts) * share[:, None], part[-1:]])


def centroid(rings: Sequence[Coordinates]) -> tuple[float, float]:
    """The centre of gravity of what rings enclose, holes turning the other way round; the middle
    of their box where they enclose nothing, or so little that it would lie outside."""
    vertices = np.concatenate(rings)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = (low + high) / 2
    area, moment = 0.0, np.zeros(2)
    for ring in rings:
        near = ring - middle
        cross = near[:-1, 0] * near[1:, 1] - near[1:, 0] * near[:-1, 1]
        area += float(cross.sum()) / 2
        moment += ((near[:-1] + near[1:]) * cross[:, None]).sum(axis=0) / 6
    if area == 0:
        return float(middle[0]), float(middle[1])
    found = middle + moment / area
    inside = np.isfinite(found).all() and (found >= low).all() and (found <= high).all()
    x, y = found if inside else middle
    return float(x), float(y)


def along(path: Coordinates, step: float) -> Coordinates:
    """Points on a line, one at its start and one each `step` from there."""
    lengths = np.concatenate([[0.0], np.cumsum(_edges(path))])
    places = np.arange(0.0, lengths[-1] * (1 + 1e-12), step)
    return np.column_stack([np.interp(places, lengths, path[:, axis]) for axis in (0, 1)])


def length(path: Coordinates) -> float:
    """Of a line, in units of its reference."""
    return float(_edges(path).sum())
