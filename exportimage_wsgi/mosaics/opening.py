"""Opening a mosaic: from the index that keeps its table, or by looking at all of its rasters."""

from __future__ import annotations

from typing import Any

from .dataset import MosaicDataset
from .settings import MosaicSettings


def open_mosaic(
    what: Any,
    settings: MosaicSettings,
    *,
    unscale: bool = False,
    nodata: float | None = None,
    band_names: tuple[str, ...] | None = None,
) -> MosaicDataset:
    """The mosaic of a folder, glob, list of paths and sources, table of items or STAC catalogue."""
    raise AssertionError("being built")
