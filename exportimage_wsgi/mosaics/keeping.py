"""Descriptions of rasters as JSON holds them, and back."""

from __future__ import annotations

import base64
import datetime as dt
import math
from functools import lru_cache
from typing import Any

from ..errors import UnknownCRSError
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ..pixels import PixelType
from .items import Attribute, Description, PixelPlace
from .together import Together


class KeepingError(ValueError):
    """What was kept isn't what was written."""


def told(description: Description) -> dict[str, Any]:
    """A description as JSON holds it."""
    pixel = description.pixel
    return {
        "crs": description.crs.definition,
        "outline": base64.b64encode(description.outline).decode(),
        "outline_crs": description.outline_crs.definition,
        "pixel": [pixel.x, pixel.y, *pixel.across, *pixel.down],
        "pixel_type": description.pixel_type and description.pixel_type.name,
        "bands": description.bands,
        "band_names": description.band_names,
        "nodata": _told_nodata(description.nodata),
        "palette": description.palette,
        "is_rgb": description.is_rgb,
        "tags": {name: _told_value(value) for name, value in description.tags.items()},
    }


def description_of(said: Any) -> Description:
    """What `told` was given.

    Raises:
        KeepingError: it is something else.
    """
    try:
        x, y, *steps = (float(each) for each in said["pixel"])
        return Description(
            crs=crs_of(said["crs"]),
            outline=base64.b64decode(said["outline"], validate=True),
            outline_crs=crs_of(said["outline_crs"]),
            pixel=PixelPlace(x=x, y=y, across=(steps[0], steps[1]), down=(steps[2], steps[3])),
            pixel_type=said["pixel_type"] and PixelType[said["pixel_type"]],
            bands=said["bands"],
            band_names=said["band_names"] and tuple(said["band_names"]),
            nodata=_nodata(said["nodata"]),
            palette=_palette(said["palette"]),
            is_rgb=bool(said["is_rgb"]),
            tags={name: _value(value) for name, value in said["tags"].items()},
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise KeepingError(str(error)) from error


def told_together(made: Together) -> dict[str, Any]:
    """What the items are together, as JSON holds it."""
    return {
        "pixel_type": made.pixel_type and made.pixel_type.name,
        "bands": made.bands,
        "band_names": made.band_names,
        "nodata": _told_nodata(made.nodata),
        "palette": made.palette,
        "is_rgb": made.is_rgb,
    }


def together_of(said: Any) -> Together:
    """What `told_together` was given.

    Raises:
        KeepingError: it is something else.
    """
    try:
        return Together(
            pixel_type=said["pixel_type"] and PixelType[said["pixel_type"]],
            bands=said["bands"],
            band_names=said["band_names"] and tuple(said["band_names"]),
            nodata=_nodata(said["nodata"]),
            palette=_palette(said["palette"]),
            is_rgb=bool(said["is_rgb"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise KeepingError(str(error)) from error


@lru_cache(maxsize=1024)
def crs_of(definition: str) -> CRS:
    """The reference of a definition.

    Raises:
        KeepingError: there is none.
    """
    try:
        if definition.startswith(("EPSG:", "ESRI:")):
            return crs_from_wkid(int(definition[5:]))
        return crs_from_wkt(definition)
    except (UnknownCRSError, ValueError) as error:
        raise KeepingError(str(error)) from error


def _told_nodata(values: tuple[float | None, ...] | None) -> list[Any] | None:
    """JSON has neither NaN nor infinity: those are text."""
    if values is None:
        return None
    return [v if v is None or math.isfinite(v) else str(v) for v in values]


def _nodata(values: Any) -> tuple[float | None, ...] | None:
    if values is None:
        return None
    return tuple(float(v) if isinstance(v, str) else v for v in values)


def _palette(colours: Any) -> Any:
    return None if colours is None else tuple(tuple(colour) for colour in colours)


def _told_value(value: Attribute) -> Any:
    if isinstance(value, (dt.datetime, dt.date)):
        return {"date": value.isoformat()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _value(value: Any) -> Attribute:
    found: Attribute = value
    return dt.datetime.fromisoformat(value["date"]) if isinstance(value, dict) else found
