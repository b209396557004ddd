"""BMP: what Pillow reads of it."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.pixels import Pixels
from tests.encode.drawing import SIZES, canvas, cut_small, encoded, holes, opened, scene


@pytest.mark.parametrize("size_wh", [*SIZES, (8, 3)])
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("strip", [1, 1 << 20])
def test_colours_are_read_back_on_the_background(
    size_wh: tuple[int, int], bands: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_small(monkeypatch, strip)
    values, valid = scene(size_wh, bands), holes(size_wh)

    data = encoded("bmp", canvas(size_wh, bands), Pixels(values, valid), background=(1, 2, 3))

    expected = np.where(valid == 255, values, np.uint8([[[1]], [[2]], [[3]]]))
    assert opened(data).mode == "RGB"
    assert np.array_equal(np.asarray(opened(data)), expected.transpose(1, 2, 0))


def test_rows_are_asked_for_from_the_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch, 66)

    strips = FORMATS["bmp"].fit(canvas((33, 5)), Options()).strips

    assert strips == ((4, 5), (2, 4), (0, 2))


def test_more_than_its_head_can_tell_is_refused() -> None:
    with pytest.raises(ValueError, match="4 GB"):
        FORMATS["bmp"].fit(canvas((40000, 40000)), Options())
