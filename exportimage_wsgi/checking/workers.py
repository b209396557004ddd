"""What a cluster's workers can read of the services, and what is installed where they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from ..cluster import Cluster
from ..cluster.survey import Answers
from ..errors import SourceError
from ..geo.grid import Window
from ..imagery.mosaic import Item
from ..imagery.mosaic import opened as opened_item
from ..imagery.sources import version_of
from ..imagery.sources.source import Source
from ..mosaics.dataset import MosaicDataset
from ..mosaics.statistics import spread
from ..rasters import told_in_full
from ..service import ImageService
from ..words import counted

_SECONDS = 30.0
"""That workers have for an answer, all of them together."""
_AT_WORK = 20.0
"""Seconds after which a worker says what it has found so far."""
_MOST_WORKERS = 32
_MOST_ITEMS = 8
"""Of a mosaic that are tried."""
_NAMED = 3
"""Workers that are called by their addresses in one sentence."""
_PACKAGES = ("dask", "distributed", "numpy", "numba", "rasterio", "pyproj", "xarray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rasters of a service to try; a mosaic has so many that a few must do."""

    service: str

    rasters: tuple[Source | Item, ...]

    unscale: bool = False
    """Of items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a worker tells of itself."""

    versions: Mapping[str, str]

    faults: Mapping[str, str]
    """By service: why it cannot be read there."""

    untried: int = 0
    """Services that time didn't suffice for."""


def sample_of(service: ImageService) -> Sample:
    """What is tried of a service."""
    source = service.source
    if not isinstance(source, MosaicDataset):
        return Sample(service=service.name, rasters=(source,))
    places = spread(len(source.table), _MOST_ITEMS)
    items = tuple(_item(source, place) for place in places)
    return Sample(service=service.name, rasters=items, unscale=source.unscale)


def _item(dataset: MosaicDataset, place: int) -> Item:
    """A row as a picture would ask for it."""
    table = dataset.table
    raster = table.rasters[place] if table.rasters else table.value("source", place)
    now = ""
    with suppress(SourceError):  # Missing here, too: the worker will say so.
        now = version_of(raster) if isinstance(raster, str) else ""
    return Item(
        object_id=table.value("objectid", place),
        raster=raster,
        version=now,
        nodata=dataset.nodata,
        reach=Window(rows=(0, 1), columns=(0, 1)),
    )


# --- on the workers ----------------------------------------------------------------------------


def looked(samples: Sequence[Sample], index: int) -> Found:
    """What this process has installed and can read. Opens rasters, and reads a pixel of each."""
    end = time.monotonic() + _AT_WORK
    faults, untried = {}, 0
    for sample in samples:
        if time.monotonic() > end:
            untried += 1
        elif fault := _fault(sample):
            faults[sample.service] = fault
    return Found(versions=versions(), faults=faults, untried=untried)


def _fault(sample: Sample) -> str:
    """Why a service cannot be read: the first reason, and how many rasters there are such."""
    faults = [fault for raster in sample.rasters if (fault := _why_not(raster, sample.unscale))]
    if not faults:
        return ""
    tried = len(sample.rasters)
    return faults[0] if tried == 1 else f"{faults[0]} ({len(faults)} of {tried} rasters tried)"


def _why_not(raster: Source | Item, unscale: bool) -> str:
    try:
        source = opened_item(raster, unscale) if isinstance(raster, Item) else raster
        corner = Window(rows=(0, 1), columns=(0, 1))
        source.read(len(source.info.levels) - 1, corner, (0,))
    except SourceError as error:
        address = raster.raster if isinstance(raster, Item) else getattr(raster, "path", None)
        return told_in_full(str(error), address)
    return ""


def versions() -> dict[str, str]:
    """What is installed here of the libraries that must agree, by name."""
    import rasterio

    found = {"Python": "{}.{}".format(*sys.version_info), "GDAL": rasterio.__gdal_version__}
    return found | {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


# --- what is told of it ------------------------------------------------------------------------


def asked(scheduler: str, samples: Sequence[Sample]) -> Answers:
    """What the workers of a cluster answer; bounded in their number and in time.

    Raises:
        OverloadedError: the scheduler is out of reach, or has no workers.
    """
    work = partial(looked, tuple(samples))
    return Cluster(address=scheduler).of_each(work, _SECONDS, _MOST_WORKERS)


def faults_in(answers: Answers) -> Iterator[tuple[str, str]]:
    """What keeps workers from making pieces: the service, or nothing, and the fault."""
    for text, workers in _by_text((each, str(why)) for each, why in answers.failed.items()):
        yield "", f"{_who(workers, answers)} cannot make pieces: {text}"
    if not (answers.given or answers.failed):
        yield "", f"no worker answered within {_SECONDS:g} s"
    services = {name: None for found in answers.given.values() for name in found.faults}
    for name in services:
        said = ((e, f.faults[name]) for e, f in answers.given.items() if name in f.faults)
        for text, workers in _by_text(said):
            yield name, f"{_who(workers, answers)} cannot read it: {text}"


def warnings_in(answers: Answers) -> Iterator[str]:
    """What may make pieces differ, and what could not be found out."""
    here = versions()
    unlike = (
        (each, f"{name} {there}, which is {here[name]} here")
        for each, found in answers.given.items()
        for name, there in found.versions.items()
        if there != here[name]
    )
    for text, workers in _by_text(unlike):
        yield f"on {_who(workers, answers)} is {text}"
    if answers.silent and (answers.given or answers.failed):
        yield f"{_who(answers.silent, answers)} said nothing within {_SECONDS:g} s"
    late = [each for each, found in answers.given.items() if found.untried]
    if late:
        most = counted(max(answers.given[each].untried for each in late), "service")
        yield f"{_who(late, answers)} had no time to try {most}"
    tried = len(answers.given) + len(answers.failed) + len(answers.silent)
    if tried < answers.workers:
        yield f"{tried} of {answers.workers} workers were asked, of as many hosts as possible"


def _by_text(said: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Workers that say the same, together."""
    alike: dict[str, list[str]] = {}
    for worker, text in said:
        alike.setdefault(text, []).append(worker)
    yield from alike.items()


def _who(workers: Sequence[str], answers: Answers) -> str:
    """The workers, by address where they are few: `worker a`, `workers a, b, c and 4 others`."""
    count = len(workers)
    if count == answers.workers > 1:
        return f"each of the {count} workers"
    named, others = list(workers[:_NAMED]), count - _NAMED
    if others > 0:
        named.append(counted(others, "other"))
    together = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    return f"worker {together}" if count == 1 else f"workers {together}"
