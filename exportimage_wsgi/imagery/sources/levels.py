"""Levels that no overview holds: each second, fourth, eighth… pixel of the coarsest one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geo.grid import Window
from .source import Level

Ranges = tuple[tuple[int, int], tuple[int, int]]
"""Rows and columns, half open."""

_SMALL = 256


def with_steps(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels and, below the coarsest, stepped ones until one fits into 256 by 256 pixels."""
    base = levels[-1]
    stepped, step = [], 2
    while max(base.shape_yx) * 2 > _SMALL * step:
        rows, columns = (-(-size // step) for size in base.shape_yx)
        scale = (base.scale_yx[0] * step, base.scale_yx[1] * step)
        stepped.append(
            Level(shape_yx=(rows, columns), scale_yx=scale, overview=base.overview, step=step)
        )
        step *= 2
    return levels + tuple(stepped)


def runs(pixels: tuple[int, int], step: int, size: int) -> list[tuple[int, int, int]]:
    """Where the pixels of a stepped axis lie in its base: (start, stop, pixels) of each run.

    A pixel stands for `step` of the base and has the value of the one at `step // 2`; the
    last may be cut by the edge, and is a run of its own.

    Args:
        pixels: first pixel of the stepped axis, pixel after the last.
        step: at least 1.
        size: length of the base.
    """
    first, last = pixels
    whole = min(last, size // step)
    found = [(first * step, whole * step, whole - first)] if first < whole else []
    if last > whole:
        at = min(whole * step + step // 2, size - 1)
        found.append((at, at + 1, 1))
    return found


def assembled(
    read: Callable[[Ranges, tuple[int, int]], NDArray[Any]],
    level: Level,
    window: Window,
    base_yx: tuple[int, int],
) -> NDArray[Any]:
    """`(band, y, x)`: a window of a level, from one read or, at a stepped edge, up to four.

    Args:
        read: gives the pixels of a range of the base, thinned out to the shape it is told.
        level: that the window is of.
        window: inside the level.
        base_yx: shape of the overview, or full resolution, that holds the level.
    """
    if level.step == 1:
        return read((window.rows, window.columns), window.shape_yx)
    rows = runs(window.rows, level.step, base_yx[0])
    columns = runs(window.columns, level.step, base_yx[1])
    parts = [
        [read(((top, bottom), (left, right)), (height, width)) for left, right, width in columns]
        for top, bottom, height in rows
    ]
    if len(rows) == len(columns) == 1:
        return parts[0][0]
    return np.concatenate([np.concatenate(part, axis=2) for part in parts], axis=1)
