"""Requests of exportImage: a value, and the friendly way to make it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import index
from typing import Any

import numpy as np

from ..errors import ParameterError, UnknownCRSError
from ..esri import names, params, rendering, rules
from ..esri.params import Box, TimeRange
from ..esri.rendering import RenderingRule
from ..esri.rules import MosaicRule, Viewpoint
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ..geo.extent import Extent
from ..pixels import Interpolation, NoDataMatch, NoDataRule, PixelType


@dataclass(frozen=True, slots=True, init=False)
class ExportRequest:
    """What a client asks exportImage for. `None` means "not said".

    Made from Python values: numbers for spatial references, names for formats and pixel types.
    What breaks a rule raises `ParameterError`, by the parameter's name in the protocol.
    """

    bbox: Box | None
    """xmin, ymin, xmax, ymax, each axis sorted."""

    bbox_sr: CRS | None
    """Of `bbox`; the service's own if not said."""

    size: tuple[int, int] | None
    """Width, height in pixels."""

    image_sr: CRS | None
    """Of the picture; the service's own if not said."""

    format: str | None
    """As Esri names it, in lower case."""

    pixel_type: PixelType | None
    """Of the values; the service's own if not said or UNKNOWN."""

    no_data: NoDataRule | None
    """Values to be treated as no data."""

    interpolation: Interpolation | None

    compression: str | None
    """Of TIFF: none, deflate, jpeg, lzw, zstd or lerc."""

    compression_quality: int | None
    """Of JPEG, 0 to 100."""

    compression_tolerance: float | None
    """Largest error of LERC."""

    lerc_version: int | None

    band_ids: tuple[int, ...] | None
    """Bands from 0, in the order wanted."""

    adjust_aspect_ratio: bool
    """May the box grow, so that pixels are square?"""

    validate_extent: bool
    """Is a box that goes beyond the service an error?"""

    time: TimeRange | None
    """First and last instant, in milliseconds since 1970."""

    slice_id: int | None

    mosaic_rule: MosaicRule | None
    """From `mosaicRule`, else from `mosaicProperties` and `viewpointProperties`."""

    rendering_rule: RenderingRule | None

    def __init__(
        self,
        *,
        bbox: Extent | Sequence[float] | None = None,
        bbox_sr: CRS | int | str | Any = None,
        size: Sequence[float] | None = None,
        image_sr: CRS | int | str | Any = None,
        format: str | None = None,
        pixel_type: PixelType | str | None = None,
        no_data: NoDataRule | float | Sequence[float] | None = None,
        no_data_interpretation: NoDataMatch | str | None = None,
        interpolation: Interpolation | str | None = None,
        compression: str | None = None,
        compression_quality: int | None = None,
        compression_tolerance: float | None = None,
        lerc_version: int | None = None,
        band_ids: Sequence[int] | int | None = None,
        adjust_aspect_ratio: bool = True,
        validate_extent: bool = False,
        time: datetime | int | Sequence[datetime | int | None] | None = None,
        slice_id: int | None = None,
        mosaic_rule: MosaicRule | Mapping[str, Any] | str | None = None,
        mosaic_properties: MosaicRule | str | None = None,
        viewpoint_properties: Viewpoint | str | None = None,
        rendering_rule: RenderingRule | Mapping[str, Any] | str | None = None,
    ) -> None:
        """Check and normalise what is asked.

        Args:
            bbox: xmin, ymin, xmax, ymax, or an extent with its reference.
            bbox_sr: a number of EPSG or ESRI, `"EPSG:n"`, or anything with `to_wkt()`.
            size: width, height.
            image_sr: as `bbox_sr`.
            format: png, jpgpng, png8, png24, png32, jpg, bmp, gif, tiff, bip, bsq or lerc.
            pixel_type: a pixel type or its code.
            no_data: one value, or one for each band asked for.
            no_data_interpretation: any or all bands; by default any for one value, all for more.
            interpolation: nearest, bilinear, cubic or majority, or Esri's name of it.
            compression: of TIFF: None, Deflate (LZ77), LZW, ZSTD, LERC or JPEG.
            compression_quality: 0 to 100.
            compression_tolerance: 0 or more.
            lerc_version: 1 or 2.
            band_ids: from 0; may repeat.
            adjust_aspect_ratio: grow the short axis of the box, so that pixels are square.
            validate_extent: refuse a box that goes beyond the service.
            time: an instant or a range with `None` for an open end; milliseconds or datetimes.
            slice_id: of a multidimensional service.
            mosaic_rule: a rule, or Esri's JSON as a mapping or text.
            mosaic_properties: the XML of 9.3.
            viewpoint_properties: the XML of 9.3.
            rendering_rule: None or Identity.

        Raises:
            ParameterError: one of them breaks its rule.
        """
        box, own_crs = _asked("bbox", _box, bbox) or (None, None)
        properties = _asked("mosaicProperties", _properties, mosaic_properties)
        viewpoint = _asked("viewpointProperties", _viewpoint, viewpoint_properties)
        rule = _asked("mosaicRule", _mosaic_rule, mosaic_rule)
        match = _asked("noDataInterpretation", _match, no_data_interpretation)
        normalised = {
            "bbox": box,
            "bbox_sr": _asked("bboxSR", _crs, bbox_sr) or own_crs,
            "size": _asked("size", _size, size),
            "image_sr": _asked("imageSR", _crs, image_sr),
            "format": _asked("format", lambda name: names.format_name(str(name)), format),
            "pixel_type": _asked("pixelType", _pixel_type, pixel_type),
            "no_data": _asked("noData", lambda value: _no_data(value, match), no_data),
            "interpolation": _asked("interpolation", _interpolation, interpolation),
            "compression": _asked(
                "compression", lambda name: names.compression(str(name)), compression
            ),
            "compression_quality": _asked("compressionQuality", _quality, compression_quality),
            "compression_tolerance": _asked(
                "compressionTolerance", _tolerance, compression_tolerance
            ),
            "lerc_version": _asked("lercVersion", _lerc_version, lerc_version),
            "band_ids": _asked("bandIds", _bands, band_ids),
            "adjust_aspect_ratio": _asked("adjustAspectRatio", _boolean, adjust_aspect_ratio),
            "validate_extent": _asked("validateExtent", _boolean, validate_extent),
            "time": _asked("time", _time, time),
            "slice_id": _asked("sliceId", _slice_id, slice_id),
            "mosaic_rule": _seen_from(rule or properties, viewpoint),
            "rendering_rule": _asked("renderingRule", _rendering_rule, rendering_rule),
        }
        for name, value in normalised.items():
            object.__setattr__(self, name, value)


def _asked(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    """What `read` makes of a value that was said; what breaks a rule names the parameter."""
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as error:
        raise ParameterError(name, _shown(value), str(error)) from None
    except (TypeError, KeyError, AttributeError, OverflowError):
        rule = f"a {type(value).__name__} is not understood here"
        raise ParameterError(name, _shown(value), rule) from None


def _shown(value: Any) -> Any:
    """A sequence as the protocol writes it."""
    if isinstance(value, (list, tuple)):
        return ",".join(str(member) for member in value)
    return value


def _box(value: Any) -> tuple[Box, CRS | None]:
    if isinstance(value, Extent):
        return value.bounds, value.crs
    if isinstance(value, str):
        return params.bbox(value.strip())
    if isinstance(value, Mapping):
        return params.envelope_of(dict(value))
    corners = [_number(corner) for corner in _members(value)]
    if len(corners) != 4:
        raise ValueError("must be xmin,ymin,xmax,ymax")
    return params.sorted_box(corners), None


def _members(value: Any) -> list[Any]:
    """Those of a sequence or an array; a number is its own only member."""
    return [value] if np.ndim(value) == 0 else list(value)


def _number(value: Any) -> float:
    """Raises: ValueError: it is no finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be finite numbers")
    return number


def _whole(value: Any) -> int:
    try:
        return index(value)
    except TypeError:
        raise ValueError("must be a whole number") from None


def _boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return names.boolean(str(value))


def _crs(value: Any) -> CRS:
    if isinstance(value, CRS):
        return value
    if isinstance(value, str):
        return params.spatial_reference(value.strip())
    if isinstance(value, Mapping):
        return params.crs_of(dict(value))
    try:
        if hasattr(value, "to_wkt"):
            return crs_from_wkt(value.to_wkt())
        return crs_from_wkid(_whole(value))
    except UnknownCRSError as error:
        raise ValueError(str(error)) from None


def _size(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        return params.size(value)
    sides = [_number(side) for side in _members(value)]
    if len(sides) != 2:
        raise ValueError("must be width,height")
    return params.checked_size(*sides)


def _pixel_type(value: Any) -> PixelType | None:
    return value if isinstance(value, PixelType) else names.pixel_type(str(value))


def _match(value: Any) -> NoDataMatch:
    if isinstance(value, NoDataMatch):
        return value
    known = {match.value: match for match in NoDataMatch}
    return known.get(str(value).lower()) or names.no_data_match(str(value))


def _no_data(value: Any, match: NoDataMatch | None) -> NoDataRule:
    """By default one value makes a pixel no data in any band, several do in all (spec §2.9)."""
    if isinstance(value, NoDataRule):
        return value
    values = params.no_data(value) if isinstance(value, str) else _no_data_values(value)
    if not values:
        raise ValueError("must be one value, or one for each band")
    usual = NoDataMatch.ANY if len(values) == 1 else NoDataMatch.ALL
    return NoDataRule(values=values, match=match or usual)


def _no_data_values(value: Any) -> tuple[float, ...]:
    """NaN is one here, as floats have it; the protocol's text cannot say it."""
    return tuple(math.nan if each != each else _number(each) for each in _members(value))


def _interpolation(value: Any) -> Interpolation:
    if isinstance(value, Interpolation):
        return value
    known = {kernel.value: kernel for kernel in Interpolation}
    return known.get(str(value).lower()) or names.interpolation(str(value))


def _bands(value: Any) -> tuple[int, ...]:
    if isinstance(value, str):
        return params.band_ids(value)
    return params.checked_bands([_whole(band) for band in _members(value)])


def _text_or(
    read: Callable[[str], Any], check: Callable[[Any], Any], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """A reader of the protocol's text, or of a value that is converted and checked."""
    return lambda value: read(value) if isinstance(value, str) else check(convert(value))


_quality = _text_or(params.quality, params.checked_quality, _whole)
_tolerance = _text_or(params.tolerance, params.checked_tolerance, _number)
_lerc_version = _text_or(params.lerc_version, params.checked_lerc_version, _whole)
_slice_id = _text_or(params.slice_id, params.checked_slice, _whole)


def _time(value: Any) -> TimeRange:
    if isinstance(value, str):
        return params.time(value)
    ends = value if isinstance(value, Sequence) else (value, value)
    if len(ends) != 2:
        raise ValueError("must be an instant, or the start and the end of a range")
    start, end = (_milliseconds(moment) for moment in ends)
    return params.checked_time(start, end)


def _milliseconds(moment: datetime | int | None) -> int | None:
    if not isinstance(moment, datetime):
        return None if moment is None else _whole(moment)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _mosaic_rule(value: Any) -> MosaicRule:
    if isinstance(value, MosaicRule):
        return value
    return rules.mosaic_rule(value) if isinstance(value, str) else rules.mosaic_rule_of(dict(value))


def _properties(value: Any) -> MosaicRule:
    return value if isinstance(value, MosaicRule) else rules.mosaic_properties(value)


def _viewpoint(value: Any) -> Viewpoint | None:
    return value if isinstance(value, Viewpoint) else rules.viewpoint_properties(value)


def _seen_from(rule: MosaicRule | None, viewpoint: Viewpoint | None) -> MosaicRule | None:
    """The rule, looked from the viewpoint of 9.3 unless it has its own."""
    if viewpoint is None or (rule is not None and rule.viewpoint is not None):
        return rule
    return replace(rule or MosaicRule(parameter="viewpointProperties"), viewpoint=viewpoint)


def _rendering_rule(value: Any) -> RenderingRule:
    if isinstance(value, RenderingRule):
        return value
    if isinstance(value, str):
        return rendering.rendering_rule(value)
    return rendering.rendering_rule_of(dict(value))
