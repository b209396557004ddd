from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exportimage_wsgi import ImageService
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.statistics import spread
from tests.rasters import waves, write


def scenes(folder: Path) -> np.ndarray:
    """Three scenes of different sizes; all of their pixels."""
    pixels = []
    for i, side in enumerate((40, 60, 100)):
        data = waves((side, side), 1, "float32") * (i + 1)
        box = (500_000 + 2000 * i, 5_500_000, 500_000 + 2000 * i + 10 * side, 5_500_000 + 10 * side)
        write(folder / f"{i}.tif", data, box, "EPSG:32633")
        pixels.append(data.ravel())
    return np.concatenate(pixels).astype("f8")


def test_statistics_are_those_of_all_pixels(tmp_path: Path) -> None:
    pixels = scenes(tmp_path)

    (found,) = ImageService.open(tmp_path).statistics or ()

    assert (found.minimum, found.maximum) == (pixels.min(), pixels.max())
    assert found.mean == pytest.approx(pixels.mean(), rel=1e-6)
    assert found.deviation == pytest.approx(pixels.std(), rel=1e-6)


def test_items_of_large_mosaics_are_spread_evenly() -> None:
    chosen = spread(1000, 64)

    assert (len(chosen), chosen[0], chosen[-1]) == (64, 0, 999)
    assert set(np.diff(chosen)) <= {15, 16}
    assert spread(3, 64) == [0, 1, 2]


def test_an_item_that_cannot_be_read_is_told_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a").mkdir()
    scenes(tmp_path / "a")
    failing = ImageService.open(tmp_path / "a")
    skipping = ImageService.open(tmp_path / "a", mosaic=MosaicSettings(on_failure="skip"))
    (tmp_path / "a" / "2.tif").unlink()

    with pytest.raises(SourceError, match=r"2\.tif is missing"):
        _ = failing.statistics
    (found,) = skipping.statistics or ()
    assert found.maximum <= 2 * 220
