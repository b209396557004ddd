"""Describing items: each raster is opened once, by several threads; what is known is kept."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from ..errors import SourceError
from ..geo.placement import pixels_to_points
from ..imagery.sources import open_source, version_of
from ..imagery.sources.source import Source, SourceInfo
from .items import Description, Found, MosaicItem, PixelPlace
from .outlines import box_in_pixels, on_the_ground, outline_in_pixels
from .tags import tags_of

_MOST_KNOWN = 100_000
_THREADS = 2 * (os.cpu_count() or 1)
_AHEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How rasters are opened and described."""

    unscale: bool = False

    nodata: float | None = None

    outlines: bool = True
    """Of the valid pixels; otherwise the box."""

    tags: tuple[str, ...] = ()
    """Names of metadata that become attributes."""


Known = Mapping[tuple[str, str], Description]
"""By address and version."""

_NOTHING: Known = {}
_Key = tuple[str, str, Manner]
_known: OrderedDict[_Key, Description] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A raster that cannot be an item."""

    raster: str

    reason: str

    def __str__(self) -> str:
        return self.reason


def described(
    found: Sequence[Found],
    manner: Manner,
    known: Known = _NOTHING,
    told: Callable[[MosaicItem | Failure], object] = lambda result: None,
) -> tuple[list[MosaicItem], list[Failure]]:
    """The items, in their order, and those that cannot be read. Opens what isn't known yet.

    Args:
        found: the rasters.
        manner: how they are looked at.
        known: what is known of rasters that were looked at in this manner before.
        told: is called with each of them, in their order, as soon as it is done.
    """
    items: list[MosaicItem] = []
    failures: list[Failure] = []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="describing") as threads:
        try:
            for result in _in_order(threads, lambda each: _item(each, manner, known), found):
                if isinstance(result, Failure):
                    failures.append(result)
                else:
                    items.append(result)
                told(result)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return items, failures


def _in_order(
    threads: ThreadPoolExecutor,
    work: Callable[[Found], MosaicItem | Failure],
    found: Sequence[Found],
) -> Iterator[MosaicItem | Failure]:
    """The results, of which some are worked on ahead."""
    waiting: deque[Future[MosaicItem | Failure]] = deque()
    for each in found:
        if each.known is not None:  # A thread would cost more than that takes.
            waiting.append(_done(work(each)))
        else:
            waiting.append(threads.submit(work, each))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    for future in waiting:
        yield future.result()


def _done(result: MosaicItem | Failure) -> Future[MosaicItem | Failure]:
    future: Future[MosaicItem | Failure] = Future()
    future.set_result(result)
    return future


def _item(found: Found, manner: Manner, known: Known) -> MosaicItem | Failure:
    try:
        if found.known is not None:
            version = version_if_there(found.raster)
            return MosaicItem(found=found, description=found.known, version=version)
        if not isinstance(found.raster, str):
            description = describe(found.raster, manner)
            return MosaicItem(found=found, description=description, version="")
        version = version_of(found.raster)
        looked = manner if found.outline is None else replace(manner, outlines=False)
        kept = known.get(key_of(found, version)) if version else None
        description = kept or _known_description(found.raster, version, looked)
        description = _outlined(description, found)
        return MosaicItem(found=found, description=description, version=version)
    except (SourceError, ValueError, TypeError) as error:
        return Failure(raster=_shown(found), reason=str(error))


def key_of(found: Found, version: str) -> tuple[str, str]:
    """What is known of a raster by: another, where its outline isn't looked for."""
    return found.raster, version if found.outline is None else f"{version}:said"


def _outlined(description: Description, found: Found) -> Description:
    """With the footprint that a table says."""
    if found.outline is None or found.outline_crs is None:
        return description
    return replace(description, outline=found.outline, outline_crs=found.outline_crs)


def _shown(found: Found) -> str:
    return found.raster if isinstance(found.raster, str) else found.name


def version_if_there(raster: str) -> str:
    """Of a local raster; nothing of one that isn't there, which its picture will tell."""
    try:
        return version_of(raster)
    except SourceError:
        return ""


def _known_description(raster: str, version: str, manner: Manner) -> Description:
    """As it was found before, for as long as the raster's version is the same."""
    key = raster, version, manner
    with _lock:
        found = _known.get(key) if version else None
    if found is None:
        source = open_source(raster, unscale=manner.unscale, nodata=manner.nodata)
        found = describe(source, manner)
        with _lock:
            _known[key] = found
            while len(_known) > _MOST_KNOWN:
                _known.popitem(last=False)
    return found


def describe(source: Source, manner: Manner) -> Description:
    """What a raster is; its pixels are read where its outline isn't its box.

    Raises:
        SourceError: it cannot be read.
    """
    info = source.info
    outline = outline_in_pixels(source) if manner.outlines else box_in_pixels(info)
    return Description(
        crs=info.grid.crs,
        outline=shapely.to_wkb(on_the_ground(outline, info)),
        outline_crs=info.grid.crs,
        pixel=_middle_pixel(info),
        pixel_type=info.pixel_type,
        bands=info.band_count,
        band_names=info.band_names,
        nodata=info.nodata,
        palette=info.palette,
        is_rgb=info.is_rgb,
        tags=tags_of(source, manner.tags),
    )


def _middle_pixel(info: SourceInfo) -> PixelPlace:
    rows, columns = info.grid.shape_yx
    at = np.array([columns / 2, columns / 2 + 1, columns / 2])
    down = np.array([rows / 2, rows / 2, rows / 2 + 1])
    if info.ground_points:
        xs, ys = pixels_to_points(info.ground_points, at, down)
        across, up = (xs[1] - xs[0], ys[1] - ys[0]), (xs[2] - xs[0], ys[2] - ys[0])
        x, y = xs[0], ys[0]
    else:
        affine = info.grid.affine
        x, y = affine @ (columns / 2, rows / 2)
        across, up = (affine.a, affine.d), (affine.b, affine.e)
    return PixelPlace(x=float(x), y=float(y), across=_pair(across), down=_pair(up))


def _pair(values: Any) -> tuple[float, float]:
    return float(values[0]), float(values[1])
