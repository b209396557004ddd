"""Small rasters for the tests of sources, written by rasterio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes `(band, y, x)` values to a GeoTIFF with what else it is told."""

    def write_raster(
        values: np.ndarray[Any, Any],
        name: str = "scene.tif",
        *,
        mask: Any = None,
        overviews: tuple[int, ...] = (),
        colours: Any = None,
        env: dict[str, Any] | None = None,
        change: Callable[[Any], None] | None = None,
        **profile: Any,
    ) -> Path:
        bands, rows, columns = values.shape
        options = {
            "driver": "GTiff",
            "count": bands,
            "height": rows,
            "width": columns,
            "dtype": values.dtype.name,
            "crs": "EPSG:32633",
            "transform": Affine(10, 0, 500000, 0, -10, 5000000),
        } | profile
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, **(env or {})):
            with rasterio.open(path, "w", **options) as dataset:
                if colours is not None:
                    dataset.colorinterp = colours
                if change is not None:
                    change(dataset)
                dataset.write(values)
            if mask is not None or overviews:
                with rasterio.open(path, "r+") as dataset:
                    if mask is not None:
                        dataset.write_mask(mask)
                    if overviews:
                        dataset.build_overviews(overviews)
        return path

    return write_raster
