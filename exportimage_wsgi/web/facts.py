"""Facts: JSON as lines of a table that people read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def facts(description: Mapping[str, Any], skip: Iterable[str] = ()) -> tuple[Fact, ...]:
    """The members of a JSON object as people read them; equal extents are said once."""
    said = []
    left_out = {*skip}
    if (
        description.get("initialExtent")
        == description.get("fullExtent")
        == description.get("extent")
    ):
        left_out |= {"initialExtent", "fullExtent"}
    for name, value in description.items():
        if name not in left_out:
            said.append(Fact(label=label_of(name), values=tuple(_parts(value))))
    return tuple(said)


def _parts(value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if isinstance(member, Mapping):
                yield label_of(name), _pairs(member)
            else:
                yield label_of(name), _text(member)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        for member in value:
            yield "", str(member.get("name", "")) or _pairs(member)
    else:
        yield "", _text(value)


def _pairs(members: Mapping[str, Any]) -> str:
    return " · ".join(f"{name} {_text(value)}" for name, value in members.items())


def _text(value: Any) -> str:
    if value is None or value == "" or value == [] or value == ():
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(member) for member in value)
    if isinstance(value, float):
        return number(value)
    return str(value)


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
