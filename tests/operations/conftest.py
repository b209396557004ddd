"""Services of arrays in memory, one for each kind of raster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.pixels import Statistics
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.settings import ServiceSettings
from tests.rasters import in_memory


def statistics(*numbers: float) -> Statistics:
    minimum, maximum, mean, deviation = numbers
    return Statistics(minimum=minimum, maximum=maximum, mean=mean, deviation=deviation)


@pytest.fixture
def make_service() -> Callable[..., ImageService]:
    """Makes a service of 100×100 pixels of a degree tenth, from -120, 40 to -110, 30."""

    def make(
        dtype: str = "uint8",
        bands: int = 3,
        *,
        settings: dict[str, Any] | None = None,
        **facts: Any,
    ) -> ImageService:
        column = np.mgrid[:100, :100][1]
        array = np.stack([column + 10 * band for band in range(bands)]).astype(dtype)
        facts.setdefault("statistics", (statistics(0, 200, 100, 25),) * bands)
        source = in_memory(array, Affine(0.1, 0, -120, 0, -0.1, 40), crs_from_wkid(4326), **facts)
        return ImageService(
            name="Folder/scene", source=source, settings=ServiceSettings(**settings or {})
        )

    return make
