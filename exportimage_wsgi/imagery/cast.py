"""Casting values to a pixel type, and values to the picture of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..pixels import Palette, Pixels, PixelType, Statistics, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """How values become a picture: by colours of their own, by a stretch, or as they are."""

    palette: Palette | None = None
    """Colours of the indices in the one band."""

    stretch: tuple[tuple[float, float], ...] | None = None
    """Of each band the value that becomes 0 and the one that becomes 255."""


def cast(values: Values, pixel_type: PixelType) -> Values:
    """The values in another type: rounded half away from zero, then saturated.

    Complex values give their real part to a type that isn't complex.
    """
    if values.dtype.kind == "c" and not pixel_type.is_complex:
        values = np.ascontiguousarray(values.real)
    if values.dtype == pixel_type.dtype and pixel_type.bits >= 8:
        return values
    if pixel_type.is_complex:
        return values.astype(pixel_type.dtype)
    low, high = pixel_type.limits
    if pixel_type.is_float:
        return _to_float(values, pixel_type.dtype, low, high)
    if values.dtype.kind == "f":
        values = _rounded(values)
    return np.clip(values, *_common(values.dtype, low, high)).astype(pixel_type.dtype)


def _to_float(values: Values, dtype: np.dtype[Any], low: float, high: float) -> Values:
    if values.dtype.kind == "f" and values.dtype.itemsize > dtype.itemsize:
        finite = np.isfinite(values)
        values = np.where(finite, np.clip(values, low, high), values)
    return values.astype(dtype)


def _rounded(values: Values) -> Values:
    wide = values.astype(np.float64, copy=False)
    whole = np.trunc(wide + np.copysign(0.5, wide))
    # 0.49999999999999994 + 0.5 is 1.0 in binary: such a value must stay 0.
    return np.nan_to_num(np.where(np.abs(wide) < 0.5, 0.0, whole))


def _common(dtype: np.dtype[Any], low: float, high: float) -> tuple[Any, Any]:
    """The limits as far as the type of the values can say them."""
    if dtype.kind == "f":
        return low, high
    own = np.iinfo(dtype)
    return dtype.type(max(low, own.min)), dtype.type(min(high, own.max))


def default_stretch(statistics: Statistics) -> tuple[float, float]:
    """Two standard deviations about the mean, inside of what there is (spec §2.7)."""
    reach = 2 * statistics.deviation
    low = max(statistics.minimum, statistics.mean - reach)
    high = min(statistics.maximum, statistics.mean + reach)
    return low, high


def shown(pixels: Pixels, appearance: Appearance) -> Pixels:
    """The picture: U8 `(1 or 3, y, x)` and one validity for all its bands."""
    values = np.abs(pixels.values) if pixels.values.dtype.kind == "c" else pixels.values
    if appearance.palette is not None:
        return _coloured(values, pixels.alpha(), appearance.palette)
    if appearance.stretch is not None:
        values = _stretched(values, appearance.stretch)
    return Pixels(values.astype(np.uint8, copy=False), pixels.alpha()[None])


def _coloured(values: Values, alpha: NDArray[np.uint8], palette: Palette) -> Pixels:
    """An index that the palette doesn't have is no data."""
    table = np.zeros((256, 4), np.uint8)
    table[: len(palette)] = palette
    rgba = table[np.clip(values[0], 0, 255)]
    shade = rgba[:, :, 3].astype(np.uint16) * alpha // 255
    return Pixels(
        np.ascontiguousarray(rgba[:, :, :3].transpose(2, 0, 1)), shade.astype(np.uint8)[None]
    )


def _stretched(values: Values, stretch: tuple[tuple[float, float], ...]) -> NDArray[np.uint8]:
    out = np.empty(values.shape, np.uint8)
    for band, (low, high) in enumerate(stretch):
        scale = 255.0 / (high - low) if high > low else 0.0
        _stretch(np.ascontiguousarray(values[band]), low, scale, out[band])
    return out


@compiled
def _stretch(
    values: Any, low: float, scale: float, out: Any
) -> None:  # pragma: no cover - compiled
    flat, result = values.ravel(), out.ravel()
    for i in range(flat.size):
        level = (flat[i] - low) * scale + 0.5
        if not level > 0:
            result[i] = 0
        elif level >= 255:
            result[i] = 255
        else:
            result[i] = int(level)
