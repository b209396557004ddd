"""Which stored values count as pixels: no-data values and NaN, beside a mask all bands share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pixels import Validity, Values, all_valid

_LARGEST_EXACT = 2**53
_NEAR = 2.0**-21
"""Of a no-data value, by which floats may be off it."""


def held(value: float | None, dtype: np.dtype[Any], bits: int | None = None) -> float | int | None:
    """The no-data value as the type stores it, or `None` where it cannot.

    Integers that a float says exactly are integers; larger ones are floats, and mean all integers
    that round to them. A value just past the largest float is that float, as text in a file's
    metadata is often rounded up.
    """
    if value is None:
        return None
    if dtype.kind == "c":
        return held(value, np.empty(0, dtype).real.dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            stored = float(dtype.type(value))
        return None if np.isinf(stored) and not np.isinf(value) else stored
    if dtype.kind == "b":
        bits = 1
    value = float(value)
    if not value.is_integer():
        return None
    low, high = (0, 2**bits - 1) if bits is not None and bits < 8 else _range(dtype)
    if abs(value) > _LARGEST_EXACT:
        return float(value) if low <= value <= float(high) else None
    return int(value) if low <= int(value) <= high else None


def _range(dtype: np.dtype[Any]) -> tuple[int, int]:
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def decided_by_band(dtype: np.dtype[Any], nodata: tuple[float | None, ...]) -> bool:
    """Can a band be invalid where another is valid?"""
    return dtype.kind in "fc" or any(value is not None for value in nodata)


def validity(
    values: Values, nodata: tuple[float | None, ...], shared: NDArray[np.uint8] | None = None
) -> Validity:
    """Validity of stored values: `(1, y, x)`, or by band where a no-data value or NaN decides.

    Args:
        values: `(band, y, x)`, as stored.
        nodata: one a band, such as `held` gives; NaN is always invalid.
        shared: `(1, y, x)`: the mask or alpha of all bands, 0 to 255.
    """
    if not decided_by_band(values.dtype, nodata):
        rows, columns = values.shape[1:]
        return shared if shared is not None else all_valid((rows, columns))
    if len(set(nodata)) == 1:
        valid = _valid(values, nodata[0])
    else:
        valid = np.stack([_valid(*each) for each in zip(values, nodata, strict=True)])
    if shared is not None:
        np.minimum(valid, shared, out=valid)
    return valid


def _valid(values: NDArray[Any], nodata: float | None) -> NDArray[np.uint8]:
    usable = _usable(values, nodata if nodata == nodata else None)
    if usable is None:
        return np.full(values.shape, 255, np.uint8)
    # Minus one is 255 in a byte.
    valid: NDArray[np.uint8] = np.negative(usable.view(np.uint8))
    return valid


def _usable(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_] | None:
    """Which are numbers other than the no-data value, which isn't NaN here; `None`: all."""
    kind = values.dtype.kind
    if kind not in "fc":
        return None if nodata is None else _differing(values, nodata)
    if nodata is None:
        return np.asarray(values == values)
    numbers = values.real if kind == "c" else values
    low, high = _about(nodata, numbers.dtype)
    # NaN lies on neither side.
    apart = np.asarray((numbers < low) | (numbers > high))
    return np.asarray(apart & (values == values)) if kind == "c" else apart


def _differing(values: NDArray[Any], nodata: float) -> NDArray[np.bool_]:
    numbers = values.astype(np.float64) if isinstance(nodata, float) else values
    return np.asarray(numbers != numbers.dtype.type(nodata))


def _about(nodata: float, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """First and last of the floats that are the no-data value, as GDAL has it: rounded texts say
    it, or it was rounded to another type. Half of the largest float and more are one to it."""
    if not nodata or np.isinf(nodata):
        return dtype.type(nodata), dtype.type(nodata)
    is_huge = dtype.itemsize >= 4 and abs(nodata) > float(np.finfo(dtype).max) / 2
    ends = (
        (nodata / 2, nodata * np.inf) if is_huge else (nodata * (1 - _NEAR), nodata * (1 + _NEAR))
    )
    low, high = sorted(ends)
    return dtype.type(low), dtype.type(high)


def scaled(
    values: Values,
    valid: Validity,
    scaling: tuple[tuple[float, float], ...],
    dtype: np.dtype[Any],
) -> Values:
    """The values by scale and offset of each band, in a float or complex type; no data is NaN."""
    pairs = np.array(scaling)[:, :, None, None]
    wide = values.astype(np.complex128 if dtype.kind == "c" else np.float64)
    result: Values = (wide * pairs[:, 0] + pairs[:, 1]).astype(dtype)
    result[np.broadcast_to(valid == 0, result.shape)] = np.nan
    return result
