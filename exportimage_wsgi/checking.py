"""Checking a configuration: all of its faults, those of the rasters, and what makes these slow."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ByteSize

from .catalog import Catalog
from .cluster import Cluster
from .config import Config
from .errors import ExportImageError
from .imagery.sources.source import SourceInfo
from .mosaics.dataset import MosaicDataset
from .mosaics.indexing import changes
from .mosaics.opening import LOGGER, MANY
from .outputs.trying import bytes_left, faults_of
from .rasters import told_in_full
from .running import Stop
from .service import ImageService

_LARGE = 4096
_TRIED = 30.0
_NOT_OF_GDAL = ("MEM", "Zarr", "netCDF", "AMD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found."""

    faults: tuple[str, ...]
    """What cannot be served as it is."""

    warnings: tuple[str, ...]
    """What can be served, but not well."""

    services: int
    """How many were looked at."""


def checked(path: str) -> Report:
    """Look for faults in a file and in the rasters that it names. Opens them, reads no pixel.

    A cluster is asked for a piece of nothing, so that workers which lack something are found.

    Into the folder of finished files, or above it if it is to be made, a file is put for a moment.
    """
    config, faults = Config.examined(path)
    prefix = os.path.basename(path)
    unkept = [f"{prefix}: output.directory: {each}" for each in faults_of(config.output.directory)]
    found = [*faults, *unkept]
    found += [f"{prefix}: {text}" for text in _of_scheduler(config.compute.scheduler)]
    warnings = [] if unkept else [f"{prefix}: {text}" for text in _without_room(config)]
    if not (config.services or faults):
        warnings.append(f"{prefix}: it names no service")
    catalog = Catalog.of(config)
    for name in catalog.names():
        key = f'{prefix}: services."{name}"'
        try:
            with _unlogged(LOGGER):
                service = catalog.service(name)
            warnings += [f"{key}: {text}" for text in of_service(service)]
        except ExportImageError as error:
            found.append(f"{key}: {told_in_full(str(error), catalog.raster(name))}")
    return Report(faults=tuple(found), warnings=tuple(warnings), services=len(catalog.names()))


@contextmanager
def _unlogged(name: str) -> Iterator[None]:
    """Without the warnings of a logger, since the report tells them."""
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _without_room(config: Config) -> Iterator[str]:
    """The disk of the store, if it has less room than the store may take."""
    output = config.output
    left = bytes_left(output.directory)
    if left < output.max_bytes:
        yield (
            f"output.max_bytes: {output.max_bytes.human_readable()}, but its disk has room for "
            f"{ByteSize(left).human_readable()}: once that is full, f=json is answered with 503"
        )


def _of_scheduler(scheduler: str) -> Iterator[str]:
    """The fault of a cluster that makes no pieces: out of reach, without workers, not like us."""
    if scheduler == "threads":
        return
    try:
        list(Cluster(address=scheduler).in_order(abs, 1, Stop(deadline=_TRIED)))
    except ExportImageError as error:
        yield f"compute.scheduler: {scheduler}: {error}"


def of_service(service: ImageService) -> Iterator[str]:
    """What slows a service down, and the command that mends it."""
    info = service.info
    if isinstance(service.source, MosaicDataset):
        yield from _of_mosaic(service.source)
        return
    if max(info.grid.shape_yx) <= _LARGE or info.format in _NOT_OF_GDAL:
        return
    raster = shlex.quote(_file(service))
    if not any(level.overview >= 0 for level in info.levels):
        kernel = "nearest" if info.palette is not None else "average"
        yield f"no overviews, so small scales are slow: gdaladdo -r {kernel} {raster}"
    if _is_in_strips(info):
        yield (
            "stored in strips, so small boxes are slow: "
            f"gdal_translate -co TILED=YES -co COMPRESS=DEFLATE {raster} tiled.tif"
        )
    if info.statistics is None and info.pixel_type.bits > 8:
        yield f"no statistics, so the first picture takes a while: gdalinfo -stats {raster}"


def _of_mosaic(dataset: MosaicDataset) -> Iterator[str]:
    """What was left out of a mosaic, and what its index doesn't know yet."""
    advice = "make it by `exportimage-wsgi index`"
    index, count = dataset.settings.index, len(dataset.table)
    yield from (f"left out: {each}" for each in dataset.skipped)
    if index is None and count > MANY:
        yield f"{count} rasters are looked at at each start: name a mosaic.index, and {advice}"
    elif index is not None and not os.path.exists(index):
        yield f"mosaic.index: {index} is missing: {advice}"
    elif index is not None and (found := changes(dataset)):
        yield f"mosaic.index: {index} is older than its rasters ({found}): {advice}"


def _is_in_strips(info: SourceInfo) -> bool:
    rows, columns = info.block_shape_yx
    return columns >= info.grid.shape_yx[1] and rows < columns


def _file(service: ImageService) -> str:
    path = getattr(service.source, "path", "")
    return str(Path(path)) if os.path.exists(path) else service.name
