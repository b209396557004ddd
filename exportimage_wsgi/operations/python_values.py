"""What Python values mean as parameters of exportImage; each may be the protocol's text, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import index
from typing import Any

import numpy as np

from ..errors import ParameterError, shown
from ..esri import names, params, rendering, rules
from ..esri.params import Box, TimeRange
from ..esri.properties import mosaic_properties, viewpoint_properties
from ..esri.rendering import RenderingRule
from ..esri.rules import MosaicRule, Viewpoint
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from ..geo.extent import Extent
from ..pixels import Interpolation, NoDataMatch, NoDataRule, PixelType


def asked(name: str, read: Callable[[Any], Any], value: Any) -> Any:
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


def box(value: Any) -> tuple[Box, CRS | None]:
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


def boolean(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return names.boolean(str(value))


def crs(value: Any) -> CRS:
    if isinstance(value, CRS):
        return value
    if isinstance(value, str):
        return params.spatial_reference(value.strip())
    if isinstance(value, Mapping):
        return params.crs_of(dict(value))
    if hasattr(value, "to_wkt"):
        return crs_from_wkt(value.to_wkt())
    return crs_from_wkid(_whole(value))


def size(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        return params.size(value)
    sides = [_number(side) for side in _members(value)]
    if len(sides) != 2:
        raise ValueError("must be width,height")
    return params.checked_size(*sides)


def format_name(value: Any) -> str:
    return names.format_name(str(value))


def compression(value: Any) -> str:
    return names.compression(str(value))


def pixel_type(value: Any) -> PixelType | None:
    return value if isinstance(value, PixelType) else names.pixel_type(str(value))


def match(value: Any) -> NoDataMatch:
    if isinstance(value, NoDataMatch):
        return value
    known = {match.value: match for match in NoDataMatch}
    return known.get(str(value).lower()) or names.no_data_match(str(value))


def no_data(value: Any, match: NoDataMatch | None) -> NoDataRule:
    """By default one value makes a pixel no data in any band, several do in all (spec §2.9)."""
    if isinstance(value, NoDataRule):
        return replace(value, match=match or value.match)
    values = params.no_data(value) if isinstance(value, str) else _no_data_values(value)
    if not values:
        raise ValueError("must be one value, or one for each band")
    usual = NoDataMatch.ANY if len(values) == 1 else NoDataMatch.ALL
    return NoDataRule(values=values, match=match or usual)


def _no_data_values(value: Any) -> tuple[float, ...]:
    """NaN is one here, as floats have it; the protocol's text cannot say it."""
    return tuple(math.nan if each != each else _number(each) for each in _members(value))


def interpolation(value: Any) -> Interpolation:
    if isinstance(value, Interpolation):
        return value
    known = {kernel.value: kernel for kernel in Interpolation}
    return known.get(str(value).lower()) or names.interpolation(str(value))


def bands(value: Any) -> tuple[int, ...]:
    if isinstance(value, str):
        return params.band_ids(value)
    return params.checked_bands([_whole(band) for band in _members(value)])


def _text_or(
    read: Callable[[str], Any], check: Callable[[Any], Any], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """A reader of the protocol's text, or of a value that is converted and checked."""
    return lambda value: read(value) if isinstance(value, str) else check(convert(value))


quality = _text_or(params.quality, params.checked_quality, _whole)
tolerance = _text_or(params.tolerance, params.checked_tolerance, _number)
lerc_version = _text_or(params.lerc_version, params.checked_lerc_version, _whole)
slice_id = _text_or(params.slice_id, params.checked_slice, _whole)


def time(value: Any) -> TimeRange:
    if isinstance(value, str):
        return params.time(value)
    ends = value if isinstance(value, Sequence) else (value, value)
    if len(ends) != 2:
        raise ValueError("must be an instant, or the start and the end of a range")
    start, end = (_milliseconds(moment) for moment in ends)
    return params.checked_time(start, end)


def _milliseconds(moment: datetime | int | None) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        try:
            return _whole(moment)
        except ValueError:
            raise ValueError("must be a datetime or milliseconds since 1970") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def mosaic_rule(value: Any) -> MosaicRule:
    if isinstance(value, MosaicRule):
        return value
    if isinstance(value, str):
        return rules.mosaic_rule(value)
    return replace(rules.mosaic_rule_of(dict(value)), received=shown(dict(value)))


def properties(value: Any) -> MosaicRule:
    return value if isinstance(value, MosaicRule) else mosaic_properties(value)


def viewpoint(value: Any) -> Viewpoint | None:
    return value if isinstance(value, Viewpoint) else viewpoint_properties(value)


def rendering_rule(value: Any) -> RenderingRule:
    if isinstance(value, RenderingRule):
        return value
    if isinstance(value, str):
        return rendering.rendering_rule(value)
    return rendering.rendering_rule_of(dict(value))
