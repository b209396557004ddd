"""Overlaps: how the pixels of several rasters become one, pixel by pixel, by their validity.

Each operation is a `Blend` and a row of `BLENDS`. It is given the rasters one by one, in their
order, each with the part of the window that it reaches.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..pixels import MosaicOperation, Pixels, PixelType, Validity, Values
from .cast import cast

Part = tuple[slice, slice]
"""Rows and columns of the window that a raster reaches."""

Weights = NDArray[np.float64]
"""`(y, x)`: how much a raster counts at each pixel; positive."""


class Blend(Protocol):
    """Takes in the rasters of a window, and gives what they are together."""

    def __init__(self, bands: int, shape_yx: tuple[int, int], pixel_type: PixelType) -> None: ...

    def add(self, pixels: Pixels, part: Part, weights: Weights | None) -> None:
        """Take in the next raster.

        Args:
            pixels: of the part; all bands, in any type.
            part: of the window.
            weights: of the part, for those that weigh.
        """
        ...

    def unsettled(self, part: Part) -> Part | None:
        """The rows and columns, counted within the part, that further rasters may change; `None`
        where it is certain that they change nothing."""
        ...

    def result(self) -> Pixels:
        """The window: values `(band, y, x)` and their validity."""
        ...


def _all_of(part: Part) -> Part:
    rows, columns = part
    return slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start)


class _Kept:
    """What the operations share that keep one raster's value for each pixel."""

    def __init__(self, bands: int, shape_yx: tuple[int, int], pixel_type: PixelType) -> None:
        self._type = pixel_type
        self._values = np.zeros((bands, *shape_yx), pixel_type.dtype)
        self._valid: Validity = np.zeros((1, *shape_yx), np.uint8)

    def result(self) -> Pixels:
        return Pixels(self._values, self._valid)

    def _parts(self, pixels: Pixels, part: Part) -> tuple[Values, Values, Validity]:
        """The raster's values in the type of the result, and the part of both results."""
        if len(pixels.valid) > len(self._valid):
            self._valid = np.repeat(self._valid, len(pixels.valid), axis=0)
        rows, columns = part
        values = cast(pixels.values, self._type)
        return values, self._values[:, rows, columns], self._valid[:, rows, columns]


class First(_Kept):
    """The first raster that is valid there. Where none is fully valid, as at the soft edge of an
    alpha band, the most opaque."""

    def add(self, pixels: Pixels, part: Part, weights: Weights | None) -> None:
        values, kept, valid = self._parts(pixels, part)
        better = pixels.valid > valid
        np.copyto(kept, values, where=better)
        np.maximum(valid, pixels.valid, out=valid)

    def unsettled(self, part: Part) -> Part | None:
        rows, columns = part
        can_change = self._valid[:, rows, columns].min(axis=0) < 255
        down = np.flatnonzero(can_change.any(axis=1))
        across = np.flatnonzero(can_change.any(axis=0))
        if not len(down):
            return None
        return slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)


class _Extreme(_Kept):
    """The smallest or largest of the values that are valid there."""

    _better: Any

    def unsettled(self, part: Part) -> Part | None:
        return _all_of(part)

    def add(self, pixels: Pixels, part: Part, weights: Weights | None) -> None:
        values, kept, valid = self._parts(pixels, part)
        with np.errstate(invalid="ignore"):
            better = self._better(values, kept) | (valid == 0)
        np.copyto(kept, values, where=better & (pixels.valid > 0))
        np.maximum(valid, pixels.valid, out=valid)


class Least(_Extreme):
    """The smallest."""

    _better = np.less


class Greatest(_Extreme):
    """The largest."""

    _better = np.greater


class _Summed:
    """What the operations share that add values up, in double precision."""

    def __init__(self, bands: int, shape_yx: tuple[int, int], pixel_type: PixelType) -> None:
        kind = np.complex128 if pixel_type.is_complex else np.float64
        self._sums = np.zeros((bands, *shape_yx), kind)
        self._weights = np.zeros((1, *shape_yx))
        self._valid: Validity = np.zeros((1, *shape_yx), np.uint8)

    def unsettled(self, part: Part) -> Part | None:
        return _all_of(part)

    def add(self, pixels: Pixels, part: Part, weights: Weights | None) -> None:
        if len(pixels.valid) > len(self._valid):
            count = len(pixels.valid)
            self._valid = np.repeat(self._valid, count, axis=0)
            self._weights = np.repeat(self._weights, count, axis=0)
        rows, columns = part
        share = (pixels.valid > 0).astype(np.float64)
        if weights is not None:
            share *= weights
        values = np.where(share > 0, pixels.values, 0)
        self._sums[:, rows, columns] += values * share
        self._weights[:, rows, columns] += share
        valid = self._valid[:, rows, columns]
        np.maximum(valid, pixels.valid, out=valid)


class Sum(_Summed):
    """The sum of the values that are valid there."""

    def result(self) -> Pixels:
        return Pixels(self._sums, self._valid)


class Mean(_Summed):
    """The mean of the values that are valid there, by their weights."""

    def result(self) -> Pixels:
        means = self._sums / np.where(self._weights > 0, self._weights, 1.0)
        return Pixels(means, self._valid)


BLENDS: dict[MosaicOperation, type[Blend]] = {
    MosaicOperation.FIRST: First,
    MosaicOperation.LAST: First,  # of the order turned round
    MosaicOperation.MIN: Least,
    MosaicOperation.MAX: Greatest,
    MosaicOperation.MEAN: Mean,
    MosaicOperation.BLEND: Mean,  # with weights
    MosaicOperation.SUM: Sum,
}
