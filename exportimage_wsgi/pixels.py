"""Words every room shares about pixels: their type, their resampling, their validity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
"""Pixel values `(band, y, x)`; the type is the raster's, so it isn't known to the checker."""

Validity = NDArray[np.uint8]
"""`(1, y, x)` for all bands alike, or `(band, y, x)`: 0 no data, 255 valid, between: alpha."""


class PixelType(Enum):
    """The fourteen Esri pixel types but UNKNOWN, which is `None` here: (dtype, bits)."""

    U1 = ("uint8", 1)
    U2 = ("uint8", 2)
    U4 = ("uint8", 4)
    U8 = ("uint8", 8)
    S8 = ("int8", 8)
    U16 = ("uint16", 16)
    S16 = ("int16", 16)
    U32 = ("uint32", 32)
    S32 = ("int32", 32)
    F32 = ("float32", 32)
    F64 = ("float64", 64)
    C64 = ("complex64", 64)
    C128 = ("complex128", 128)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type that holds one pixel; U1, U2 and U4 are held in a byte each."""
        return np.dtype(self.value[0])

    @property
    def bits(self) -> int:
        """Bits a pixel means, not bits it is held in."""
        return self.value[1]

    @property
    def is_complex(self) -> bool:
        return self.dtype.kind == "c"

    @property
    def is_float(self) -> bool:
        """True for F32 and F64 only."""
        return self.dtype.kind == "f"

    @property
    def is_integer(self) -> bool:
        return self.dtype.kind in "ui"

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest value; for the complex types those of a part."""
        if self.is_integer and self.bits < 8:
            return 0, 2**self.bits - 1
        if self.is_integer:
            return int(np.iinfo(self.dtype).min), int(np.iinfo(self.dtype).max)
        limit = float(np.finfo(self.dtype).max)
        return -limit, limit

    def holds(self, value: float) -> bool:
        """Can this type store it as a no-data value: integers exactly, floats as near as they can?

        One just past the largest float is that float, as in texts it is often rounded up.
        """
        low, high = self.limits
        if self.is_integer:
            return float(value).is_integer() and low <= value <= high
        with np.errstate(over="ignore"):
            stored = np.finfo(self.dtype).dtype.type(value)
        return bool(np.isfinite(stored)) or not math.isfinite(value)


def pixel_type_of(dtype: np.dtype[Any], bits: int | None = None) -> PixelType:
    """The pixel type that holds an array type; `bits` tells 1-, 2- and 4-bit bytes apart.

    64-bit integers, which the protocol lacks, become F64; half floats become F32.
    """
    if dtype == np.uint8 and bits in (1, 2, 4):
        return PixelType[f"U{bits}"]
    if dtype == np.bool_:
        return PixelType.U1
    names = {"int64": "F64", "uint64": "F64", "float16": "F32"}
    for pixel_type in PixelType:
        if pixel_type.value == (str(dtype), dtype.itemsize * 8):
            return pixel_type
    return PixelType[names[str(dtype)]]


class Interpolation(Enum):
    """How a value between pixel centres is found."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    MAJORITY = "majority"


class NoDataMatch(Enum):
    """Which bands must carry their no-data value for a pixel to be no data."""

    ANY = "any"
    ALL = "all"


class MosaicOperation(Enum):
    """How pixels of several rasters become one."""

    FIRST = "first"
    LAST = "last"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    BLEND = "blend"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDataRule:
    """Values that a request asks to be treated as no data, on top of the raster's own."""

    values: tuple[float, ...]
    """One for all bands, or one a band in the order of the bands asked for."""

    match: NoDataMatch

    def for_bands(self, count: int) -> tuple[float, ...]:
        """One value a band."""
        return self.values * count if len(self.values) == 1 else self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a band's valid pixels are like."""

    minimum: float
    maximum: float
    mean: float
    deviation: float
    """Standard deviation of the population."""


Palette = tuple[tuple[int, int, int, int], ...]
"""Red, green, blue, alpha (0–255 each) of every index from 0 on; at most 256 entries."""


_APART = 2.0**-19
"""Of a number, by which another one is surely told apart."""

_VALID = np.full((1, 1, 1), 255, np.uint8)


def all_valid(shape_yx: tuple[int, int]) -> Validity:
    """`(1, y, x)`: the validity of pixels that all are valid, which takes no memory."""
    return np.broadcast_to(_VALID, (1, *shape_yx))


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """A rectangle of pixel values with their validity."""

    values: Values
    """`(band, y, x)`."""

    valid: Validity
    """`(1 or band, y, x)`; 0 is no data, 255 valid, between them is alpha of the source."""

    def __post_init__(self) -> None:
        bands, *shape = self.values.shape
        assert self.valid.shape[0] in (1, bands), (self.valid.shape, self.values.shape)
        assert list(self.valid.shape[1:]) == shape, (self.valid.shape, self.values.shape)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.values, self.valid))

    @property
    def shape_yx(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[2]

    @property
    def is_certain(self) -> bool:
        """Is every pixel valid, as can be told without a look at each? See `all_valid`."""
        valid = self.valid
        return valid.strides[1:] == (0, 0) and valid.size > 0 and bool(valid[0, 0, 0])

    def alpha(self) -> NDArray[np.uint8]:
        """`(y, x)`: the validity of the pixel: it's valid where any of its bands is."""
        alpha: NDArray[np.uint8] = self.valid[0] if len(self.valid) == 1 else self.valid.max(axis=0)
        return alpha

    def filled(self, fill: tuple[float | complex, ...] | None) -> Values:
        """`(band, y, x)`: the values, no-data pixels replaced by `fill` (one a band)."""
        if fill is None or self.is_certain or self.valid.all():
            return self.values
        values = self.values.copy()
        for band, value in enumerate(fill):
            mask = self.valid[band if len(self.valid) > 1 else 0] == 0
            values[band][mask] = value
        return values

    def marked(self, fill: tuple[float | complex, ...] | None, jointly: bool = False) -> Values:
        """As `filled`, for readers who tell no data by its value: data of that value, which
        smoothing and casting can give, become its neighbour, as GDAL's warper has it.

        Args:
            fill: one a band.
            jointly: is a pixel no data only where all of its bands say so?
        """
        if fill is None or self.values.dtype.kind == "c":
            return self.filled(fill)
        column = np.array(fill, self.values.dtype)[:, None, None]
        taken = (self.values == column) & (self.valid > 0)
        if jointly:
            taken &= taken.all(axis=0)
        if not taken.any():
            return self.filled(fill)
        dtype = self.values.dtype
        beside = [_neighbour(value, dtype) for value in column.ravel().tolist()]
        values = np.where(taken, np.array(beside, dtype)[:, None, None], self.values)
        return Pixels(values, self.valid).filled(fill)


def _neighbour(value: float, dtype: np.dtype[Any]) -> float:
    """A value close to this one that no reader takes for it; GDAL compares floats roughly."""
    if dtype.kind in "iu":
        return value + 1 if value == np.iinfo(dtype).min else value - 1
    kind = np.finfo(dtype)
    if math.isinf(value):
        return math.copysign(float(kind.max), value)
    return value * (1 - _APART) or float(kind.tiny)
