"""Swatches: the small pictures of a legend."""

from __future__ import annotations

import io

import numpy as np

SIDE = 20
"""Width and height in pixels."""

Colour = tuple[int, int, int, int]
"""Red, green, blue and alpha, 0 to 255 each."""


def swatch(top: Colour, bottom: Colour | None = None) -> bytes:
    """A PNG of one colour, or that goes from one at its top to another at its bottom."""
    from PIL import Image

    share = np.linspace(0, 1, SIDE)[:, None]
    rows = np.array(top) * (1 - share) + np.array(bottom or top) * share
    pixels = np.repeat(rows.round().astype(np.uint8)[:, None], SIDE, axis=1)
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG")
    return file.getvalue()
