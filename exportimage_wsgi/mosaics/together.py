"""What many rasters are together, as if they were one.

The rule, of which the settings may say otherwise:

- spatial reference: that of most items, of several such the one that comes first;
- pixel size: the finest of the items, in units of that reference, where the item lies;
- extent: the box of all footprints;
- pixel type: the smallest one that holds the values of all items exactly;
- bands: as many as most items have, of several such numbers the largest; they are called as those
  of the first item that has so many;
- no-data value: where all items declare the same, one a band;
- colours: where all items have the same palette. Different ones are a fault;
- red, green, blue: where the bands of all items are marked so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..errors import SourceError
from ..geo.crs import CRS, crs_from_wkid
from ..pixels import Palette, PixelType
from .items import Description, MosaicItem
from .settings import MosaicSettings

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What the items are as one raster, but for the place; what no item tells is `None`."""

    pixel_type: PixelType | None

    band_names: tuple[str, ...] | None

    bands: int | None

    nodata: tuple[float | None, ...] | None
    """One a band."""

    palette: Palette | None

    is_rgb: bool


def common_crs(items: Sequence[MosaicItem], settings: MosaicSettings) -> CRS:
    """The reference of the service."""
    if settings.crs is not None:
        return crs_from_wkid(settings.crs)
    return _most(item.description.crs for item in items)


def _most(values: Iterable[_T]) -> _T:
    """The most frequent value; of several such the first."""
    return Counter(values).most_common(1)[0][0]


def together(items: Sequence[MosaicItem], settings: MosaicSettings) -> Together:
    """The items by the rule, and by what the settings say.

    Raises:
        SourceError: two items have different palettes.
    """
    known = [item for item in items if item.description.bands is not None]
    bands = settings.bands or _common_bands([item.description for item in known])
    typical = next((i.description for i in known if i.description.bands == bands), None)
    return Together(
        pixel_type=settings.pixel_type or _common_type(i.description.pixel_type for i in items),
        band_names=typical.band_names if typical else None,
        bands=bands,
        nodata=_common_nodata([item.description for item in known], bands),
        palette=_common_palette(known, bands),
        is_rgb=bool(known) and all(item.description.is_rgb for item in known),
    )


def _common_bands(descriptions: Sequence[Description]) -> int | None:
    counts = Counter(each.bands for each in descriptions if each.bands is not None)
    return max(counts, key=lambda bands: (counts[bands], bands)) if counts else None


def _common_type(types: Iterable[PixelType | None]) -> PixelType | None:
    known = {each for each in types if each is not None}
    return smallest_type(known) if known else None


def smallest_type(types: Iterable[PixelType]) -> PixelType:
    """The first of Esri's pixel types that holds the values of all of these exactly."""
    wanted = set(types)
    return next(each for each in PixelType if all(_holds(each, other) for other in wanted))


def _holds(one: PixelType, other: PixelType) -> bool:
    """Is every value of the other type one of this type?"""
    if one is other or one is PixelType.C128:
        return True
    if other.is_complex or (one.is_integer and not other.is_integer):
        return False
    if one.is_integer:
        return one.limits[0] <= other.limits[0] and other.limits[1] <= one.limits[1]
    if other.is_float:
        return other is PixelType.F32 or one is PixelType.F64
    return other.bits <= 16 or one is PixelType.F64


def _common_nodata(
    descriptions: Sequence[Description], bands: int | None
) -> tuple[float | None, ...] | None:
    """What all items declare, if it is the same for all of their bands."""
    if bands is None or not descriptions:
        return None
    declared = {repr(value) for each in descriptions for value in each.nodata or (None,)}
    values = {value for each in descriptions for value in each.nodata or (None,)}
    if len(declared) == 1:
        return (next(iter(values)),) * bands
    alike = {repr(each.nodata) for each in descriptions}
    first = descriptions[0].nodata
    if len(alike) == 1 and first is not None and len(first) == bands:
        return first
    return (None,) * bands


def _common_palette(items: Sequence[MosaicItem], bands: int | None) -> Palette | None:
    if bands != 1:
        return None
    first: dict[Palette, MosaicItem] = {}
    for item in items:
        if item.description.palette is not None:
            first.setdefault(item.description.palette, item)
    if len(first) > 1:
        one, other = [item.found.name for item in list(first.values())[:2]]
        raise SourceError(
            f"{one} and {other} have different palettes, so their classes cannot be one mosaic"
        )
    if len(first) == 1 and all(item.description.palette is not None for item in items):
        return next(iter(first))
    return None
