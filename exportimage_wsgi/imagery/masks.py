"""Masks: which pixels of a window have their centres inside a polygon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geo.crs import Coordinates
from ..geo.grid import Grid, Window


def inside(rings: Sequence[Coordinates], grid: Grid, window: Window) -> NDArray[np.bool_]:
    """`(y, x)`: true where an odd number of the rings surrounds the centre of a pixel.

    The work is rows times vertices, whatever the rings cross.

    Args:
        rings: closed, each `(vertex, 2)` in the reference of the grid; all finite.
        grid: whose pixels are meant.
        window: of that grid.
    """
    import rasterio.features

    rows, columns = window.rows, window.columns
    part = grid.window(slice(*rows), slice(*columns))
    polygon = {"type": "Polygon", "coordinates": [_pairs(ring) for ring in rings]}
    mask: Any = rasterio.features.rasterize(
        [(polygon, 1)], out_shape=part.shape_yx, transform=part.affine, dtype="uint8"
    )
    return np.asarray(mask > 0)


def _pairs(ring: Coordinates) -> list[list[float]]:
    pairs: list[list[float]] = ring.tolist()
    return pairs
