"""The forms of operations: their fields, and what fills them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from ..operations.operation import Operation
from ..operations.parameters import EXPORT_PARAMETERS, Parameter
from .facts import label_of
from .working import ASYNC_HELP

_LONG = (
    "geometry", "mosaicRule", "mosaicProperties", "renderingRule", "renderingRules",
    "viewpointProperties",
)  # fmt: skip
_FORMS = ("html", "json", "pjson", "image", "kmz")

_GROUPS = {
    "Place": ("bbox", "bboxSR", "size", "imageSR"),
    "Picture": ("format", "bandIds", "renderingRule", "interpolation"),
    "Values and no data": ("pixelType", "noData", "noDataInterpretation"),
    "Compression": ("compression", "compressionQuality", "compressionTolerance", "lercVersion"),
    "Box": ("adjustAspectRatio", "validateExtent"),
    "Time and mosaic": (
        "time", "sliceId", "mosaicRule", "mosaicProperties", "viewpointProperties",
    ),
}  # fmt: skip
"""Parameters of exportImage as the form puts them together; those of no group come last."""
_SHOWN_FIRST = ("Place", "Picture", "Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter as the form shows it."""

    name: str

    label: str

    choices: tuple[str, ...] = ()
    """Of an enumeration; none for free text."""

    hint: str = ""
    """An example of a value."""

    help: str = ""

    is_long: bool = False
    """Does it take text of several lines, as JSON does?"""

    @property
    def known(self) -> tuple[str, ...]:
        """The choices in lower case."""
        return tuple(choice.lower() for choice in self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Fields of a form that belong together."""

    title: str

    fields: tuple[Field, ...]

    is_first: bool = False
    """Is it shown without being asked for?"""

    def is_open(self, values: Mapping[str, str]) -> bool:
        """Is it shown, since it comes first or one of its fields is filled in?"""
        return self.is_first or any(field.name.lower() in values for field in self.fields)


@cache
def groups() -> tuple[Group, ...]:
    """Every parameter of exportImage, and the form of the reply."""
    known = {parameter.name: _field(parameter) for parameter in EXPORT_PARAMETERS}
    made = [
        (title, tuple(known.pop(name) for name in names if name in known))
        for title, names in _GROUPS.items()
    ]
    later = Field(name="async", label="Asynchronous", choices=("true", "false"), help=ASYNC_HELP)
    made += [("More", tuple(known.values())), ("Answer", (_reply(_FORMS), later))]
    return tuple(
        Group(title=title, fields=fields, is_first=title in _SHOWN_FIRST)
        for title, fields in made
        if fields
    )


def groups_of(operation: Operation) -> tuple[Group, ...]:
    """The parameters of another operation; nothing where it has none."""
    if not operation.parameters:
        return ()
    known = tuple(_field(parameter) for parameter in operation.parameters)
    reply = _reply(("html", "json", "pjson", *operation.forms))
    return (Group(title="Parameters", fields=(*known, reply), is_first=True),)


def first_said(operation: Operation) -> dict[str, str]:
    """What its form says before anything is filled in, by lower-case name."""
    return {each.name.lower(): each.first for each in operation.parameters if each.first}


def _reply(forms: tuple[str, ...]) -> Field:
    return Field(name="f", label=label_of("f"), choices=forms)


def request_url(url: str, operation: Operation, arguments: Mapping[str, str]) -> str:
    """The address at which a program asks for what a page shows, as far as one can hold it."""
    names = {parameter.name.lower(): parameter.name for parameter in operation.parameters}
    told = {names[key]: value for key, value in arguments.items() if value and key in names}
    return f"{url}?{urlencode({**told, 'f': 'json'}, safe=',/*')}"


def _field(parameter: Parameter) -> Field:
    return Field(
        name=parameter.name,
        label=label_of(parameter.name),
        choices=tuple(parameter.choices),
        hint=parameter.hint,
        help=parameter.help,
        is_long=parameter.name in _LONG,
    )
