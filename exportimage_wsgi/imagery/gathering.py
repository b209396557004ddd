"""Gathering: the kernels' work on the pixels of a layer, in one of the types they are made for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geo.cells import Cells
from ..geo.grid import Window
from ..geo.mesh import Mesh
from ..pixels import Interpolation, Pixels, PixelType, Validity, Values, all_valid
from . import kernels, narrow, separable, smooth, wide
from .kernels import Frame
from .layer import Layer
from .separable import Axis
from .sources.source import Level
from .wide import Rest

_NO_MASK = np.zeros((0, 0, 0), np.uint8)


def frame_of(
    level: Level, needed: Window, window: Window, first_cell_yx: tuple[int, int], around: bool
) -> Frame:
    """Where the pixels that were read lie in the level, and those that are made in the output."""
    return Frame(
        needed.rows[0], needed.columns[0], *level.shape_yx, around,
        window.rows[0], window.columns[0], *first_cell_yx,
    )  # fmt: skip


def gather(layer: Layer, pixels: Pixels, where: Mesh, frame: Frame) -> Pixels:
    """The values at the positions of a mesh, of pixels that lie as the frame says."""
    pixel_type = layer.source.info.pixel_type
    columns, rows, steps = where.columns, where.rows, where.steps
    source, valid = _worked(layer, pixels)
    out = np.empty((len(source), *columns.shape), source.dtype)
    out_valid = np.empty((max(len(valid), 1), *columns.shape), np.uint8)
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

        wide.completed(kernel, columns.shape, gather_rest)
    return _delivered(out, out_valid, pixel_type)


def gather_narrowly(
    layer: Layer, pixels: Pixels, found: Cells, taps: int, shape_yx: tuple[int, int], frame: Frame
) -> Pixels:
    """The same by a narrow kernel, which takes positions from cells, all of which are straight."""
    pixel_type = layer.source.info.pixel_type
    source, valid = _worked(layer, pixels)
    checked = valid.size > 0 and bool(valid.min() < 255)
    out = np.empty((len(source), *shape_yx), source.dtype)
    out_valid = np.empty((max(len(valid), 1), *shape_yx), np.uint8)
    limits = _limits(pixel_type)
    where = source, valid, checked, found.columns, found.rows, found.steps
    cubic = layer.interpolation is Interpolation.CUBIC

    def kernel(rest: Rest) -> tuple[int, int]:
        if taps == 2:
            return narrow.two(*where, *limits, frame, rest, out, out_valid)
        return narrow.four_by_four(*where, cubic, *limits, frame, rest, out, out_valid)

    def gather_rest(rest: Rest, count: int) -> None:
        wide.gather(source, valid, rest, count, found.steps, cubic, limits, frame, out, out_valid)

    if wide.completed(kernel, shape_yx, gather_rest) == 0:
        return Pixels(_given_back(out, pixel_type.dtype), all_valid(shape_yx))
    return _delivered(out, out_valid, pixel_type)


def gather_separably(
    layer: Layer, values: Values, needed: Window, down: Axis, across: Axis
) -> Pixels:
    """The same where weights are those of rows and columns; the values are all valid."""
    pixel_type = layer.source.info.pixel_type
    source, shape_yx = _working(values), (len(down.count), len(across.count))
    out = np.empty((len(source), *shape_yx), source.dtype)
    out_valid = np.empty((1, *shape_yx), np.uint8)
    separable.gather(source, needed, down, across, pixel_type.is_integer, out, out_valid)
    return _delivered(out, out_valid, pixel_type)


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
