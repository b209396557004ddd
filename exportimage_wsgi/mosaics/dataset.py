"""A mosaic as a service has it: the table of its items, and what it is as one raster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..imagery.sources.source import SourceInfo
from .settings import MosaicSettings
from .table import ItemTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MosaicDataset:
    """Many rasters as one. A value: it holds no open file; equal by the version of its info."""

    table: ItemTable

    info: SourceInfo
    """As if it were one raster of the full extent: grid, bands and type by the rule of
    `settings`, one level. Its version is that of the table and of the settings."""

    settings: MosaicSettings

    unscale: bool = False
    """Apply scale and offset of GeoTIFFs."""

    nodata: float | None = None
    """In place of the no-data values that the items declare."""

    address: Any = None
    """What it was opened from, and can be opened from again."""

    state: str = ""
    """Of the index, or of the files, when it was opened: another one is another mosaic."""

    files: tuple[str, ...] = ()
    """Tables of items and STAC documents that were read to open it."""

    skipped: tuple[str, ...] = ()
    """What was left out, as `on_failure` says, and why; for the operator."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MosaicDataset) and self.info.version == other.info.version

    def __hash__(self) -> int:
        return hash(self.info.version)
