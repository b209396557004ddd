"""Parameters: the strict grammar of each one that is neither a name nor a rule.

Every function takes the text of one parameter, blanks around it removed, and raises `ValueError`
with the rule that it breaks. None of them looks at any data.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import UnknownCRSError
from ..geo.crs import CRS, crs_from_wkid, crs_from_wkt
from .texts import integer, items, members, number, number_of, read_json

Box = tuple[float, float, float, float]

_AUTHORITY = re.compile(r"(?:EPSG|ESRI):", re.IGNORECASE)
# What PROJ takes from WKT as the name of a file, or as a text of its own that may hold one. Its
# quotes may be printed ones, too.
_NAMES_FILE = re.compile(
    r'(?:EXTENSION|PARAMETERFILE|GEOIDMODEL)\s*[\[(]|["\u201c]\s*PROJ[^A-Za-z"]', re.IGNORECASE
)
# The extension by which GDAL writes Web Mercator, and which names none.
_WEB_MERCATOR = re.compile(
    r',\s*EXTENSION\["PROJ4",\s*"\+proj=merc'
    r"(?: \+(?:(?:a|b|lat_ts|lon_0|x_0|y_0|k|units)=[0-9a-z.]{1,20}|nadgrids=@null|wktext"
    r'|no_defs))*"\]'
)
_MOST_BANDS = 512
_MOST_VALUES = 512
_LARGEST_SIDE = 10**9
_LARGEST_PIXEL = 1e12
_LATEST_INSTANT = 10**16
_INSTANT = "must be milliseconds since 1970"
_NO_CRS = "is not a known spatial reference (EPSG or ESRI number, or WKT in JSON)"


def bbox(text: str) -> tuple[Box, CRS | None]:
    """The box, each axis sorted, and the reference that an envelope in JSON carries itself.

    Clients send boxes turned over; a box without area shows nothing and is refused.
    """
    if text.startswith("{"):
        return envelope_of(read_json(text))
    parts = items(text, 4)
    if len(parts) != 4:
        raise ValueError("must be xmin,ymin,xmax,ymax")
    try:
        corners = [number(part) for part in parts]
    except ValueError:
        raise ValueError("must be four finite numbers xmin,ymin,xmax,ymax") from None
    return sorted_box(corners), None


def envelope_of(value: Any) -> tuple[Box, CRS | None]:
    """The same of an envelope as a JSON object.

    Raises:
        ValueError: it is none, or has no area.
    """
    said = members(value, "an envelope")
    try:
        corners = [number_of(said[name], name) for name in ("xmin", "ymin", "xmax", "ymax")]
    except KeyError as missing:
        raise ValueError(f"the envelope has no {missing.args[0]}") from None
    crs = said.get("spatialreference")
    return sorted_box(corners), None if crs is None else crs_of(crs)


def sorted_box(corners: list[float]) -> Box:
    """Raises: ValueError: the box has no area."""
    (xmin, xmax), (ymin, ymax) = sorted(corners[0::2]), sorted(corners[1::2])
    if xmin == xmax or ymin == ymax:
        raise ValueError("must have an area")
    return xmin, ymin, xmax, ymax


def size(text: str) -> tuple[int, int]:
    """Width and height, rounded to whole pixels."""
    parts = items(text, 2)
    if len(parts) != 2:
        raise ValueError("must be width,height")
    width, height = (number(part) for part in parts)
    return checked_size(width, height)


def checked_size(width: float, height: float) -> tuple[int, int]:
    """Raises: ValueError: a side is shorter than a pixel or beyond all reason."""
    for name, side in (("width", width), ("height", height)):
        if not side >= 0.5:
            raise ValueError(f"{name} must be at least 1")
        if side > _LARGEST_SIDE:
            raise ValueError(f"{name} must be at most {_LARGEST_SIDE}")
    return int(width + 0.5), int(height + 0.5)


PixelSize = tuple[tuple[float, float], CRS | None]
"""Width and height, and the reference in whose units they are, if that is said."""


def pixel_size(text: str) -> PixelSize:
    """The size of `x,y`, of one number for both, or of JSON with x, y and spatialReference."""
    if not text.startswith("{"):
        sides = [number(part) for part in items(text, 2)]
        return _checked_pixel(sides[0], sides[-1]), None
    said = members(read_json(text), "a pixel size")
    crs = said.get("spatialreference")
    sides = [number_of(said.get(name), name) for name in ("x", "y")]
    return _checked_pixel(*sides), None if crs is None else crs_of(crs)


def _checked_pixel(across: float, down: float) -> tuple[float, float]:
    if not (0 < across <= _LARGEST_PIXEL and 0 < down <= _LARGEST_PIXEL):
        raise ValueError(f"must be above 0 and at most {_LARGEST_PIXEL:g}")
    return across, down


def spatial_reference(text: str) -> CRS:
    """The reference of a number, of `EPSG:n`, or of JSON with wkid, latestWkid or wkt."""
    if text.startswith("{"):
        return crs_of(read_json(text))
    return _numbered([_AUTHORITY.sub("", text, count=1)])


def crs_of(value: Any) -> CRS:
    """The reference of Esri's JSON object, or of a number.

    Raises:
        ValueError: it names no reference.
    """
    if not isinstance(value, dict):
        return _numbered([value])
    said = members(value, "a spatial reference")
    numbers = [said[name] for name in ("wkid", "latestwkid") if name in said]
    wkt = said.get("wkt", said.get("wkt2"))
    if numbers:
        return _numbered_or_spelled(numbers, wkt)
    return _spelled(wkt)


def _numbered_or_spelled(numbers: list[Any], wkt: Any) -> CRS:
    """The reference of the first number that is known, else what the WKT beside it says."""
    try:
        return _numbered(numbers)
    except ValueError:
        if not wkt:
            raise
        return _spelled(wkt)


def _spelled(wkt: Any) -> CRS:
    if not isinstance(wkt, str):
        raise ValueError("a spatial reference has a wkid or a wkt")
    if _NAMES_FILE.search(_WEB_MERCATOR.sub("", wkt)):
        raise ValueError("the wkt must not extend PROJ or name a file")
    try:
        return crs_from_wkt(wkt)
    except UnknownCRSError as error:
        raise ValueError(str(error)) from None


def _numbered(numbers: list[Any]) -> CRS:
    """The first number that is known."""
    for value in numbers:
        try:
            return crs_from_wkid(integer(str(value)))
        except (ValueError, UnknownCRSError):
            continue
    raise ValueError(_NO_CRS)


def no_data(text: str) -> tuple[float, ...]:
    """One value, or one a band."""
    return tuple(number(part) for part in items(text, _MOST_VALUES))


def band_ids(text: str) -> tuple[int, ...]:
    """Bands from 0, in the order wanted; they may repeat."""
    return checked_bands([integer(part) for part in items(text, _MOST_BANDS)])


def checked_bands(bands: list[int]) -> tuple[int, ...]:
    """Raises: ValueError: none, or one below 0."""
    if not bands or min(bands) < 0 or len(bands) > _MOST_BANDS:
        raise ValueError(f"must be 1 to {_MOST_BANDS} bands, counted from 0")
    return tuple(bands)


def quality(text: str) -> int:
    return checked_quality(integer(text))


def checked_quality(value: int) -> int:
    """Raises: ValueError: it isn't from 0 to 100."""
    if not 0 <= value <= 100:
        raise ValueError("must be from 0 to 100")
    return value


def tolerance(text: str) -> float:
    return checked_tolerance(number(text))


def checked_tolerance(value: float) -> float:
    """Raises: ValueError: it is below 0."""
    if not 0 <= value < float("inf"):
        raise ValueError("must be 0 or more")
    return value


def lerc_version(text: str) -> int:
    return checked_lerc_version(integer(text))


def checked_lerc_version(value: int) -> int:
    """Raises: ValueError: Esri counts 1 and 2."""
    if value not in (1, 2):
        raise ValueError("must be 1 or 2")
    return value


def count(text: str) -> int:
    """How many there may be at most."""
    value = integer(text)
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


def distance(text: str) -> float:
    """A length in the units of a geometry."""
    value = number(text)
    if not 1e-12 <= value <= 1e15:
        raise ValueError("must be above 0")
    return value


def field_names(text: str) -> tuple[str, ...]:
    """Names of attributes; `*` stands for all."""
    return tuple(part.strip() for part in items(text, _MOST_VALUES) if part.strip())


def slice_id(text: str) -> int:
    return checked_slice(integer(text))


def checked_slice(value: int) -> int:
    """Raises: ValueError: it is below 0."""
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


TimeRange = tuple[int | None, int | None]
"""First and last instant in milliseconds since 1970 (UTC), both inside; `None` is open."""


def time(text: str) -> TimeRange:
    """`<instant>` or `<start>,<end>`, of which either may be `null`."""
    parts = items(text, 2)
    instants = [None if part.strip().lower() == "null" else _instant(part) for part in parts]
    return checked_time(instants[0], instants[-1])


def _instant(text: str) -> int:
    try:
        return integer(text)
    except ValueError:
        raise ValueError(_INSTANT) from None


def checked_time(start: int | None, end: int | None) -> TimeRange:
    """Raises: ValueError: an instant is beyond all calendars, or the range ends before it began."""
    for instant in (start, end):
        if instant is not None and abs(instant) > _LATEST_INSTANT:
            raise ValueError(_INSTANT)
    if start is not None and end is not None and start > end:
        raise ValueError("must not end before it begins")
    return start, end
