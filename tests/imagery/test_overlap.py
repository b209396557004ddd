"""Overlaps: which part of a window further rasters may change."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.imagery.outlines import weights_within
from exportimage_wsgi.imagery.overlap import BLENDS, First, Part
from exportimage_wsgi.pixels import MosaicOperation, Pixels, PixelType

WHOLE = slice(0, 4), slice(0, 6)


def ones(part: Part, valid: int = 255) -> Pixels:
    shape = tuple(side.stop - side.start for side in part)
    return Pixels(np.ones((1, *shape), "u1"), np.full((1, *shape), valid, "u1"))


def test_the_first_leaves_open_what_isnt_covered() -> None:
    first, left = First(1, (4, 6), PixelType.U8), (slice(0, 4), slice(0, 2))

    first.add(ones(left), left, None)

    assert first.unsettled(WHOLE) == (slice(0, 4), slice(2, 6))
    assert first.unsettled((slice(1, 3), slice(1, 4))) == (slice(0, 2), slice(1, 3))
    assert first.unsettled(left) is None


def test_the_first_leaves_open_what_shines_through() -> None:
    first, corner = First(1, (4, 6), PixelType.U8), (slice(3, 4), slice(5, 6))

    first.add(ones(WHOLE), WHOLE, None)
    assert first.unsettled(WHOLE) is None

    soft = First(1, (4, 6), PixelType.U8)
    soft.add(ones(corner, valid=254), corner, None)
    assert soft.unsettled(corner) == (slice(0, 1), slice(0, 1))


def test_the_first_leaves_open_where_any_band_is_no_data() -> None:
    first, pixels = First(2, (4, 6), PixelType.U8), ones(WHOLE)
    valid = np.full((2, 4, 6), 255, "u1")
    valid[1, 2, 3:5] = 0

    first.add(Pixels(np.repeat(pixels.values, 2, axis=0), valid), WHOLE, None)

    assert first.unsettled(WHOLE) == (slice(2, 3), slice(3, 5))


@pytest.mark.parametrize("operation", [*MosaicOperation])
@pytest.mark.parametrize("hidden", [np.nan, np.inf, -9999.0])
def test_what_is_not_valid_has_no_part_in_the_result(
    operation: MosaicOperation, hidden: float
) -> None:
    blend = BLENDS[operation](1, (4, 6), PixelType.F32)
    nothing = Pixels(np.full((1, 4, 6), hidden, "f4"), np.zeros((1, 4, 6), "u1"))

    blend.add(nothing, WHOLE, None)
    blend.add(ones(WHOLE), WHOLE, None)
    blend.add(nothing, WHOLE, None)

    result = blend.result()
    assert (result.values == 1).all()
    assert (result.valid == 255).all()


def test_what_lies_beyond_the_outline_alone_is_seen_in_a_blend_as_it_is() -> None:
    """Outlines are drawn roughly, so that pixels may lie outside of them."""
    blend = BLENDS[MosaicOperation.BLEND](1, (4, 6), PixelType.F32)
    weights = weights_within(np.full((4, 6), -3.0), feather=10, is_clipped=False)

    blend.add(ones(WHOLE), WHOLE, weights)

    assert blend.result().values.ravel().tolist() == pytest.approx([1.0] * 24)


@pytest.mark.parametrize(
    "operation", [each for each in MosaicOperation if BLENDS[each] is not First]
)
def test_other_operations_want_all_rasters(operation: MosaicOperation) -> None:
    blend = BLENDS[operation](1, (4, 6), PixelType.U8)
    blend.add(ones(WHOLE), WHOLE, None)

    assert blend.unsettled((slice(1, 3), slice(2, 6))) == (slice(0, 2), slice(0, 4))
