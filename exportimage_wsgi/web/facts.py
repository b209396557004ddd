"""Facts: JSON as lines of a table that people read."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of a table: a label and what there is to say, in one or several parts."""

    label: str

    values: tuple[tuple[str, str], ...]
    """Name (or nothing) and value."""


def fact(label: str, value: str) -> Fact:
    """A line with one value."""
    return Fact(label=label, values=(("", value),))


def facts(
    description: Mapping[str, Any], skip: Iterable[str] = (), dates: Iterable[str] = ()
) -> tuple[Fact, ...]:
    """The members of a JSON object as people read them; equal extents are said once.

    Args:
        description: the object.
        skip: names of members that are left out.
        dates: names whose values are milliseconds since 1970.
    """
    said = []
    left_out, moments = {*skip}, {*_DATES, *dates}
    if (
        description.get("initialExtent")
        == description.get("fullExtent")
        == description.get("extent")
    ):
        left_out |= {"initialExtent", "fullExtent"}
    for name, value in description.items():
        if name not in left_out:
            said.append(Fact(label=label_of(name), values=tuple(_parts(name, value, moments))))
    return tuple(said)


def _parts(name: str, value: Any, dates: Container[str]) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            if isinstance(member, Mapping):
                yield label_of(key), _pairs(member, dates)
            else:
                yield label_of(key), _text(key, member, dates)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        for member in value:
            yield "", str(member.get("name", "")) or _pairs(member, dates)
    else:
        yield "", _text(name, value, dates)


def _pairs(members: Mapping[str, Any], dates: Container[str]) -> str:
    return " · ".join(f"{name} {_text(name, value, dates)}" for name, value in members.items())


def _text(name: str, value: Any, dates: Container[str]) -> str:
    if value is None or value in ("", [], (), {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(name, member, dates) for member in value)
    if isinstance(value, Mapping):
        return f"({_pairs(value, dates)})"
    if isinstance(value, int) and name in dates:
        return moment(value)
    return measured(name, value) if isinstance(value, float) else str(value)


def moment(milliseconds: int) -> str:
    """A date since 1970 as ISO 8601 has it, and a time in UTC if it isn't midnight."""
    try:
        found = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    if milliseconds % _DAY == 0:
        return found.date().isoformat()
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    return found.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def measured(name: str, value: float) -> str:
    """The value of a member by that name: places and lengths for people, others in full."""
    return place(value) if name in _PLACES else number(value)


def place(value: float) -> str:
    """A coordinate or a length for people: ten digits, some millimetres wherever it is."""
    return "0" if abs(value) < _NOTHING else number(float(f"{value:.10g}"))


def number(value: float) -> str:
    """A number in full, without a needless fraction."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def short(value: float) -> str:
    """A number for people: at most six digits, thousands told apart."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 10_000 else f"{value:.6g}"


_PLACES = frozenset(
    ("xmin", "ymin", "xmax", "ymax", "x", "y", "rings", "paths", "points", "pixelSizeX",
     "pixelSizeY", "resolution", "LowPS", "CenterX", "CenterY")
)  # fmt: skip
"""Names of members that are coordinates or lengths."""
_DATES = ("timeExtent",)
_NOTHING = 1e-9
"""Of a coordinate: what is less comes of computing with doubles."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000

_LABELS = {
    "xmin": "XMin",
    "ymin": "YMin",
    "xmax": "XMax",
    "ymax": "YMax",
    "imageSR": "Image Spatial Reference",
    "bboxSR": "Box Spatial Reference",
    "bbox": "Bounding Box",
    "f": "Reply",
    "inSR": "Input Spatial Reference",
    "outSR": "Output Spatial Reference",
    "sr": "Spatial Reference",
}


def label_of(name: str) -> str:
    """`serviceDataType` as `Service Data Type`."""
    if name in _LABELS:
        return _LABELS[name]
    words = ""
    for before, letter in zip(" " + name, name, strict=False):
        words += f" {letter}" if letter.isupper() and before.islower() else letter
    return words[:1].upper() + words[1:]
