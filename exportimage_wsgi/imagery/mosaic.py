"""Mosaics: the pixels of a window of the output, gathered from several rasters.

A mosaic is a value: which rasters, in which order, and how their overlaps are resolved. Rasters
are opened in the task that needs them, and for the first of an order only until every pixel is
covered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import ItemError, SourceError
from ..geo.grid import Grid, Window
from ..pixels import Interpolation, MosaicOperation, NoDataRule, Pixels, PixelType
from .layer import plan_layer
from .outlines import clipped, distances, weights_within
from .overlap import BLENDS, Blend, Part
from .sources import version_of
from .sources.opened import kept_open, open_kept
from .sources.source import Source
from .warp import warp


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
    """Where it is wanted: WKB in pixels of the output, column and row; on any turn around the
    world."""


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
    turn = (grid.crs.period or 0.0) / grid.affine.a
    for item in reversed(mosaic.items) if turned else mosaic.items:
        part = _wanted(blend, _common(item.reach, window), window)
        if part is None:
            continue
        pixels = _warped(mosaic, item, grid, part)
        weights = None
        if item.outline is not None:
            signed = distances(item.outline, part, turn)
            if mosaic.is_clipped:
                pixels = clipped(pixels, signed, mosaic.feather)
            if mosaic.operation is MosaicOperation.BLEND:
                weights = weights_within(signed, mosaic.feather, mosaic.is_clipped)
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


def opened(item: Item, unscale: bool = False) -> Source:
    """The item's source, as it is now; what was opened before is kept while it is current.

    Raises:
        SourceError: it cannot be opened, or isn't what it was when the picture was planned.
    """
    if not isinstance(item.raster, str):
        return item.raster
    # What the plan found a moment ago isn't asked again: a read looks, too, when it has read.
    source = kept_open(item.raster, unscale=unscale, nodata=item.nodata)
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
