"""Queries: the grammar of the parameters by which a catalogue of items is asked.

Every function takes the text of one parameter, blanks around it removed, and raises `ValueError`
with the rule that it breaks. None of them knows which fields there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ..errors import shown
from .texts import integer, integers_of, items, members, number, number_of, read_json

_FIELD = re.compile(r'[^\s,"\'();]{1,128}|"[^"\x00-\x1f]{1,128}"')
_ORDER = re.compile(r'("[^"\x00-\x1f]{1,128}"|[^\s,"\'();]{1,128})(?:\s{1,20}(asc|desc))?', re.I)
_NAME = re.compile(r"[^\W\d]\w{0,127}")
_MOST_FIELDS = 500
_MOST_STATISTICS = 100
_MOST_IDS = 100_000
_MOST_RECORDS = 10**9
_MOST_DECIMALS = 15


class SpatialRelation(Enum):
    """What a geometry must be to a footprint, by Esri's names."""

    INTERSECTS = "esriSpatialRelIntersects"
    CONTAINS = "esriSpatialRelContains"
    """The footprint lies wholly in the geometry."""
    CROSSES = "esriSpatialRelCrosses"
    ENVELOPE_INTERSECTS = "esriSpatialRelEnvelopeIntersects"
    INDEX_INTERSECTS = "esriSpatialRelIndexIntersects"
    OVERLAPS = "esriSpatialRelOverlaps"
    TOUCHES = "esriSpatialRelTouches"
    WITHIN = "esriSpatialRelWithin"
    """The geometry lies wholly in the footprint."""


class StatisticType(Enum):
    """How values are summed up, by Esri's names; deviations are those of a sample."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"
    STDDEV = "stddev"
    VAR = "var"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutStatistic:
    """A number that is asked of many items."""

    type: StatisticType

    field: str

    name: str
    """In the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorting:
    """A field that items are ordered by."""

    field: str

    ascending: bool = True


def spatial_relation(text: str) -> SpatialRelation:
    wanted = text.lower().removeprefix("esrispatialrel")
    for relation in SpatialRelation:
        if relation.value.lower().removeprefix("esrispatialrel") == wanted:
            return relation
    raise ValueError(f"must be one of {', '.join(each.value for each in SpatialRelation)}")


def field_names(text: str) -> tuple[str, ...]:
    """Names between commas; quotes around them are taken away."""
    names = [name.strip() for name in items(text, _MOST_FIELDS)]
    names = [name for name in names if name]
    for name in names:
        if not _FIELD.fullmatch(name):
            raise ValueError("must be names of fields, with commas between them")
    return tuple(name.strip('"') for name in names)


def sortings(text: str) -> tuple[Sorting, ...]:
    """Names of fields, each with ASC or DESC behind it or neither."""
    found = [_ORDER.fullmatch(part.strip()) for part in items(text, _MOST_FIELDS)]
    if not all(found):
        raise ValueError("must be names of fields, each with ASC or DESC behind it or neither")
    return tuple(
        Sorting(field=match[1].strip('"'), ascending=(match[2] or "").lower() != "desc")
        for match in found
        if match
    )


def out_statistics(text: str) -> tuple[OutStatistic, ...]:
    """A JSON list of objects with statisticType, onStatisticField and outStatisticFieldName."""
    said = read_json(text)
    if not isinstance(said, list) or not 1 <= len(said) <= _MOST_STATISTICS:
        raise ValueError(f"must be a JSON list of 1 to {_MOST_STATISTICS} statistics")
    found = tuple(_statistic(each) for each in said)
    names = [each.name.casefold() for each in found]
    if len(set(names)) < len(names):
        raise ValueError("outStatisticFieldName must be another one for each statistic")
    return found


def _statistic(value: object) -> OutStatistic:
    said = members(value, "a statistic")
    kind, field = said.get("statistictype"), said.get("onstatisticfield")
    known = {each.value: each for each in StatisticType}
    if not isinstance(kind, str) or kind.lower() not in known:
        raise ValueError(f"statisticType {shown(kind)} is not supported, only {', '.join(known)}")
    if not isinstance(field, str) or not field:
        raise ValueError("a statistic must have the onStatisticField it is made of")
    name = said.get("outstatisticfieldname", f"{kind.lower()}_{field}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("outStatisticFieldName must be a name of letters, digits and _")
    return OutStatistic(type=known[kind.lower()], field=field, name=name)


def object_ids(text: str) -> tuple[int, ...]:
    return integers_of(text.strip("[]"), "objectIds", _MOST_IDS)


def record_count(text: str) -> int:
    """A whole number from 0."""
    count = integer(text)
    if not 0 <= count <= _MOST_RECORDS:
        raise ValueError(f"must be from 0 to {_MOST_RECORDS}")
    return count


def decimals(text: str) -> int:
    count = integer(text)
    if not 0 <= count <= _MOST_DECIMALS:
        raise ValueError(f"must be from 0 to {_MOST_DECIMALS}")
    return count


def offset(text: str) -> float:
    """A number from 0."""
    found = number(text)
    if not 0 <= found <= 1e12:
        raise ValueError("must be 0 or more, in units of the reference of the reply")
    return found


def pixel_size(text: str) -> float:
    """The mean of both sides of a pixel; of one number it is that."""
    if text.startswith("{"):
        said = members(read_json(text), "a pixel size")
        sides = [number_of(said.get(side), side) for side in ("x", "y")]
    else:
        sides = [number(part) for part in items(text, 2)]
    if not all(0 < side <= 1e12 for side in sides):
        raise ValueError("must be above 0, in units of the reference of the service")
    return sum(sides) / len(sides)
