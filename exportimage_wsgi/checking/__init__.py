"""Checking a configuration: all of its faults, those of the rasters, and what makes these slow."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ByteSize

from ..catalog import Catalog
from ..config import Config
from ..errors import ExportImageError
from ..imagery.sources.source import SourceInfo
from ..mosaics.dataset import MosaicDataset
from ..mosaics.indexing import changes
from ..mosaics.opening import LOGGER, MANY
from ..outputs.trying import bytes_left, faults_of
from ..rasters import told_in_full
from ..service import ImageService
from ..syntax import key_of
from .workers import Sample, asked, faults_in, sample_of, warnings_in

_LARGE = 4096
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

    Each worker of a cluster opens them as well, and reads a pixel of each.

    Into the folder of finished files, or above it if it is to be made, a file is put for a moment.
    """
    config, faults = Config.examined(path)
    catalog = Catalog.of(config)
    parts = [_of_output(config), *_of_services(catalog)]
    samples = [part.sample for part in parts if part.sample is not None]
    parts.insert(1, _of_cluster(config.compute.scheduler, samples))
    prefix = os.path.basename(path)
    empty = () if config.services or faults else ("it names no service",)
    warnings = (*empty, *(text for part in parts for text in part.warnings))
    return Report(
        faults=(*faults, *(f"{prefix}: {text}" for part in parts for text in part.faults)),
        warnings=tuple(f"{prefix}: {text}" for text in warnings),
        services=len(catalog.names()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What was found of a part of the file."""

    faults: tuple[str, ...] = ()

    warnings: tuple[str, ...] = ()

    sample: Sample | None = None
    """Of a service that can be read here: what workers are asked to read."""


def _of_output(config: Config) -> _Part:
    """The store: folders that cannot be written, and disks with less room than it may take."""
    output = config.output
    faults = tuple(f"output.directory: {text}" for text in faults_of(output.directory))
    if faults or (left := bytes_left(output.directory)) >= output.max_bytes:
        return _Part(faults=faults)
    room = ByteSize(left).human_readable()
    text = (
        f"output.max_bytes: {output.max_bytes.human_readable()}, but its disk has room for {room}: "
        "once that is full, f=json is answered with 503"
    )
    return _Part(warnings=(text,))


def _of_services(catalog: Catalog) -> Iterator[_Part]:
    """Rasters that cannot be served, and those that are slow."""
    for name in catalog.names():
        key = key_of(("services", name))
        try:
            with _unlogged(LOGGER):
                service = catalog.service(name)
            warnings = tuple(f"{key}: {text}" for text in of_service(service))
            yield _Part(warnings=warnings, sample=sample_of(service))
        except ExportImageError as error:
            yield _Part(faults=(f"{key}: {told_in_full(str(error), catalog.raster(name))}",))


def _of_cluster(scheduler: str, samples: Sequence[Sample]) -> _Part:
    """A cluster that is out of reach, without workers, unlike this process, or unable to read what
    it can."""
    if scheduler == "threads":
        return _Part()
    key = f"compute.scheduler: {scheduler}"
    try:
        answers = asked(scheduler, samples)
    except ExportImageError as error:
        return _Part(faults=(f"{key}: {error}",))
    faults = (
        f"{key_of(('services', name)) if name else key}: {text}"
        for name, text in faults_in(answers)
    )
    warnings = (f"{key}: {text}" for text in warnings_in(answers))
    return _Part(faults=tuple(faults), warnings=tuple(warnings))


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
