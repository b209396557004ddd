"""Values: the pixel of a place as text, as Esri's replies write it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..pixels import Pixels

NO_DATA = "NoData"


def value_text(pixels: Pixels | None, between: str) -> str:
    """The bands of one pixel `(band, 1, 1)`; `NoData` alone where no band is data."""
    if pixels is None or not pixels.valid.any():
        return NO_DATA
    valid = np.broadcast_to(pixels.valid > 0, pixels.values.shape)
    bands = zip(pixels.values[:, 0, 0], valid[:, 0, 0], strict=True)
    return between.join(number_text(value) if known else NO_DATA for value, known in bands)


def checked_variable(said: Mapping[str, Any]) -> None:
    """Raises: ParameterError: a variable is asked for, where there are none."""
    if "variable" in said:
        raise ParameterError("variable", said["variable"], "this service has no variables")


def number_text(value: Any) -> str:
    """A number of an array in the fewest digits that tell it from its neighbours in its type;
    whole numbers have no fraction."""
    if isinstance(value, np.complexfloating):
        sign = "-" if math.copysign(1, value.imag) < 0 else "+"
        return f"{number_text(value.real)}{sign}{number_text(abs(value.imag))}i"
    if not isinstance(value, np.floating):
        return str(int(value))
    if not np.isfinite(value):
        return NO_DATA
    text = str(value)
    return text.removesuffix(".0") if text != "-0.0" else "0"
