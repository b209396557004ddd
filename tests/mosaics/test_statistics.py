from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from exportimage_wsgi import ExportRequest, ImageService, export_image
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics import statistics as module
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.statistics import mosaic_statistics, spread
from exportimage_wsgi.operations.describe import describe_service
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three scenes, and nothing that was found before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "_passing", {})
    (tmp_path / "a").mkdir()
    scenes(tmp_path / "a")
    return tmp_path / "a"


@pytest.mark.parametrize("on_failure", ["fail", "skip"])
def test_an_item_that_cannot_be_read_is_left_out_until_it_can(
    folder: Path, on_failure: Literal["fail", "skip"]
) -> None:
    service = ImageService.open(folder, mosaic=MosaicSettings(on_failure=on_failure))
    (folder / "2.tif").rename(folder / "away")
    for _ in range(2):
        (found,) = service.statistics or ()
        assert found.maximum <= 2 * 220
    (folder / "away").rename(folder / "2.tif")
    module._passing.clear()  # a minute passes

    (found,) = service.statistics or ()
    assert found.maximum > 2 * 220


def test_an_index_keeps_no_statistics_of_a_part(folder: Path) -> None:
    dataset = open_mosaic(folder, MosaicSettings())
    (folder / "2.tif").unlink()

    with pytest.raises(SourceError, match=r"2\.tif is missing"):
        mosaic_statistics(dataset)


def test_of_nothing_that_can_be_read_a_service_is_described_but_not_drawn(folder: Path) -> None:
    service = ImageService.open(folder)
    for path in folder.iterdir():
        path.unlink()

    assert describe_service(service)["minValues"] == []
    with pytest.raises(SourceError, match=r"0\.tif is missing"):
        export_image(service, ExportRequest(format="png"))
