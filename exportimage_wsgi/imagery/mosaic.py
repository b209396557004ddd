"""Mosaics: the pixels of a window of the output, gathered from several rasters.

A mosaic is a value: which rasters, in which order, and how their overlaps are resolved. Rasters
are opened in the task that needs them, and for the first of an order only until every pixel is
covered.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ..compiled import compiled
from ..errors import ItemError, SourceError
from ..geo.grid import Grid, Window
from ..pixels import Interpolation, MosaicOperation, NoDataRule, Pixels, PixelType
from .layer import plan_layer
from .overlap import BLENDS, Blend, Part, Weights
from .sources import is_current, open_source, version_of
from .sources.source import Source
from .warp import warp

_LEAST_WEIGHT = 1e-6
_MOST_OPEN = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One raster of a mosaic, as a picture needs it."""

    object_id: int

    raster: str | Source
    """Path, URL or `file#variable`; or a source that is open already."""

    version: str
    """Of a local raster when the picture was planned; nothing where its server isn't asked."""

    nodata: float | None = None
    """Replaces the declared no-data value."""

    reach: Window
    """The part of the output that it may have pixels in."""

    outline: bytes | None = None
    """Where it is wanted: WKB in pixels of the output, column and row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosaic:
    """Rasters as they are to be warped and laid over each other; the first lies on top."""

    items: tuple[Item, ...]

    operation: MosaicOperation

    bands: tuple[int, ...]
    """Bands of the service, from 0, in the order of the result. An item of one band has it in
    each of them; otherwise what an item doesn't have is no data."""

    pixel_type: PixelType
    """Of the values, where one raster's value is kept."""

    interpolation: Interpolation

    nodata_rule: NoDataRule | None = None

    unscale: bool = False
    """Apply scale and offset of GeoTIFFs."""

    is_clipped: bool = False
    """Do rasters end at their outlines (seamlines), or wherever their pixels do?"""

    feather: float = 0.0
    """Pixels of the output within which a blend fades out towards an outline."""


def lay(mosaic: Mosaic, grid: Grid, window: Window) -> Pixels:
    """Read what lies under a window of the output grid, raster by raster.

    Returns:
        Values `(band, y, x)` and their validity; for means and sums in double precision.

    Raises:
        ItemError: an item cannot be read.
    """
    blend = BLENDS[mosaic.operation](len(mosaic.bands), window.shape_yx, mosaic.pixel_type)
    turned = mosaic.operation is MosaicOperation.LAST
    for item in reversed(mosaic.items) if turned else mosaic.items:
        part = _wanted(blend, _common(item.reach, window), window)
        if part is None:
            continue
        pixels = _warped(mosaic, item, grid, part)
        weights = None
        if item.outline is not None:
            signed = _distances(item.outline, part)
            if mosaic.is_clipped:
                pixels = _clipped(pixels, signed, mosaic.feather)
            if mosaic.operation is MosaicOperation.BLEND:
                weights = _weights(signed, mosaic)
        blend.add(pixels, _inside(part, window), weights)
    return blend.result()


def _wanted(blend: Blend, part: Window | None, window: Window) -> Window | None:
    """The part of the window that a raster may still change, within that which it reaches."""
    if part is None:
        return None
    rest = blend.unsettled(_inside(part, window))
    if rest is None:
        return None
    top, left = part.rows[0], part.columns[0]
    rows, columns = rest
    return Window(
        rows=(top + rows.start, top + rows.stop),
        columns=(left + columns.start, left + columns.stop),
    )


def _common(reach: Window, window: Window) -> Window | None:
    (top, bottom), (left, right) = (
        (max(a[0], b[0]), min(a[1], b[1]))
        for a, b in ((reach.rows, window.rows), (reach.columns, window.columns))
    )
    return (
        Window(rows=(top, bottom), columns=(left, right)) if top < bottom and left < right else None
    )


def _inside(part: Window, window: Window) -> Part:
    y, x = window.rows[0], window.columns[0]
    return slice(part.rows[0] - y, part.rows[1] - y), slice(
        part.columns[0] - x, part.columns[1] - x
    )


def _warped(mosaic: Mosaic, item: Item, grid: Grid, part: Window) -> Pixels:
    try:
        source = opened(item, mosaic.unscale)
        chosen = _bands_of(source, mosaic.bands)
        bands, rule = tuple(b for b in chosen if b is not None), mosaic.nodata_rule
        if not bands:
            return _nothing(source, len(chosen), part)
        if rule is not None and len(rule.values) > 1 and len(bands) < len(chosen):
            kept = zip(rule.values, chosen, strict=True)
            rule = replace(rule, values=tuple(v for v, band in kept if band is not None))
        layer = plan_layer(source, grid, bands, mosaic.interpolation, rule)
        return _completed(warp(layer, grid, part), chosen)
    except ItemError:
        raise
    except SourceError as error:
        name = item.raster if isinstance(item.raster, str) else ""
        raise ItemError(item.object_id, str(error), name, item.version) from error


def _bands_of(source: Source, bands: tuple[int, ...]) -> tuple[int | None, ...]:
    """The item's band for each of those of the service; `None` for one it doesn't have."""
    count = source.info.band_count
    if count == 1:
        return (0,) * len(bands)
    return tuple(band if band < count else None for band in bands)


def _nothing(source: Source, bands: int, part: Window) -> Pixels:
    """What an item gives that has none of the bands."""
    values = np.zeros((bands, *part.shape_yx), source.info.pixel_type.dtype)
    return Pixels(values, np.zeros((1, *part.shape_yx), np.uint8))


def _completed(pixels: Pixels, chosen: tuple[int | None, ...]) -> Pixels:
    """With bands of no data where the item has none."""
    if None not in chosen:
        return pixels
    shape = len(chosen), *pixels.shape_yx
    there = [place for place, band in enumerate(chosen) if band is not None]
    values, valid = np.zeros(shape, pixels.values.dtype), np.zeros(shape, np.uint8)
    values[there] = pixels.values
    valid[there] = pixels.valid
    return Pixels(values, valid)


# --- open rasters ----------------------------------------------------------------------------

_Key = tuple[str, float | None, bool]
_open: OrderedDict[_Key, Source] = OrderedDict()
_lock = threading.Lock()


def opened(item: Item, unscale: bool = False) -> Source:
    """The item's source, as it is now; what was opened before is kept while it is current.

    Raises:
        SourceError: it cannot be opened, or isn't what it was when the picture was planned.
    """
    if not isinstance(item.raster, str):
        return item.raster
    # What the plan found a moment ago isn't asked again: a read looks, too, when it has read.
    source = _kept((item.raster, item.nodata, unscale))
    if source is None or not _is_planned(source, item):
        source = open_kept(item.raster, unscale=unscale, nodata=item.nodata)
    if _is_planned(source, item):
        return source
    if item.version and version_of(item.raster) != item.version:
        raise SourceError("it was replaced while it was served")
    return source


def _is_planned(source: Source, item: Item) -> bool:
    """Is it the file that the plan knows by its version?"""
    return source.info.version.partition(":")[0] == item.version


def open_kept(raster: str, *, unscale: bool = False, nodata: float | None = None) -> Source:
    """As `open_source`, but what was opened before is kept while it is current."""
    key = raster, nodata, unscale
    source = _kept(key)
    if source is None or not is_current(source):
        source = open_source(raster, unscale=unscale, nodata=nodata)
        with _lock:
            _open[key] = source
            if len(_open) > _MOST_OPEN:
                _open.popitem(last=False)
    return source


def _kept(key: _Key) -> Source | None:
    with _lock:
        source = _open.get(key)
        if source is not None:
            _open.move_to_end(key)
        return source


# --- outlines --------------------------------------------------------------------------------


def _clipped(pixels: Pixels, signed: NDArray[np.float64], feather: float) -> Pixels:
    """The pixels less those outside of the outline; a blend needs some more."""
    outside = signed < -feather / 2
    return Pixels(pixels.values, np.where(outside, np.uint8(0), pixels.valid))


def _weights(signed: NDArray[np.float64], mosaic: Mosaic) -> Weights:
    """From next to nothing at the outline to one; a seamline is met half-way."""
    shift = mosaic.feather / 2 if mosaic.is_clipped else 0.0
    share: Weights = np.clip((signed + shift) / max(mosaic.feather, 1e-9), _LEAST_WEIGHT, 1.0)
    return share


def _distances(outline: bytes, part: Window) -> NDArray[np.float64]:
    """`(y, x)`: pixels from each pixel's centre to the outline, negative outside of it."""
    ends = _segments(outline)
    out = np.empty(part.shape_yx)
    _signed(ends, part.rows[0], part.columns[0], out)
    return out


@lru_cache(maxsize=1024)
def _segments(outline: bytes) -> NDArray[np.float64]:
    """`(segment, 4)`: column, row, column, row of the ends, of all rings."""
    rings = shapely.get_rings(shapely.get_parts(shapely.from_wkb(outline)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    ends = np.hstack([xy[:-1], xy[1:]])
    return np.ascontiguousarray(ends[ring[:-1] == ring[1:]])


@compiled
def _signed(ends: Any, top: int, left: int, out: Any) -> None:  # pragma: no cover - compiled
    for i in range(out.shape[0]):
        y = top + i + 0.5
        for j in range(out.shape[1]):
            x = left + j + 0.5
            nearest = 1e300
            inside = False
            for k in range(ends.shape[0]):
                x0, y0, x1, y1 = ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3]
                dx, dy = x1 - x0, y1 - y0
                length = dx * dx + dy * dy
                t = ((x - x0) * dx + (y - y0) * dy) / length if length > 0 else 0.0
                t = min(max(t, 0.0), 1.0)
                ex, ey = x0 + t * dx - x, y0 + t * dy - y
                nearest = min(nearest, ex * ex + ey * ey)
                if (y0 > y) != (y1 > y) and x < dx * (y - y0) / dy + x0:
                    inside = not inside
            distance = np.sqrt(nearest)
            out[i, j] = distance if inside else -distance
