"""The forms of operations: their fields, what fills them, and what is told of the result."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlencode

from ..operations.export_image import Export
from ..operations.operation import Operation
from ..operations.parameters import EXPORT_PARAMETERS, Parameter
from ..outputs import StoredFile
from .address import Address
from .exporting import OUTPUT
from .exporting import drawn as headers_of
from .facts import Fact, fact, label_of, place
from .pages import LARGEST_LIVE, SHOWN_BY_BROWSERS, Drawn, Field, Group
from .working import ASYNC_HELP

_LONGEST_ADDRESS = 4000
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


def drawn(
    address: Address, arguments: Mapping[str, str], path: str, export: Export, file: StoredFile
) -> Drawn:
    """What the page shows of a finished export.

    Args:
        address: where the client reached the application.
        arguments: of the form, by lower-case name.
        path: of the operation.
        export: what was drawn.
        file: the finished file.
    """
    stored = address.path(*OUTPUT, file.name)
    url = _query(address.origin + path, arguments)
    told = headers_of(export)
    is_shown = file.media_type in SHOWN_BY_BROWSERS
    picture = stored if is_shown else _preview(path, arguments, export)
    return Drawn(
        facts=_facts(export, file),
        file=stored,
        file_name=file.name,
        href=address.origin + stored,
        media_type=file.media_type,
        url=url,
        picture=picture,
        is_preview=not is_shown,
        bbox=told["Content-Bbox"],
        crs=told.get("Content-Crs", ""),
    )


def _preview(path: str, arguments: Mapping[str, str], export: Export) -> str:
    """The same box as PNG, for files that browsers don't show, unless it were very large."""
    if export.width * export.height > LARGEST_LIVE:
        return ""
    told = {"format": "png32", "compression": "", "pixeltype": ""}
    return _query(path, {**arguments, **told})


def _query(path: str, arguments: Mapping[str, str]) -> str:
    """An address that draws the picture, or nothing where it would be too long to use."""
    names = {parameter.name.lower(): parameter.name for parameter in EXPORT_PARAMETERS}
    told = {names[key]: value for key, value in arguments.items() if value and key in names}
    url = f"{path}?{urlencode({**told, 'f': 'image'}, safe=',/')}"
    return url if len(url) <= _LONGEST_ADDRESS else ""


def _facts(export: Export, file: StoredFile) -> tuple[Fact, ...]:
    extent = export.extent
    crs = extent.crs
    sides = zip(("XMin", "YMin", "XMax", "YMax"), extent.bounds, strict=True)
    reference = str(crs.wkid or crs.definition)
    if crs.latest_wkid and crs.latest_wkid != crs.wkid:
        reference += f" ({crs.latest_wkid})"
    return (
        fact("Width", str(export.width)),
        fact("Height", str(export.height)),
        Fact(label="Extent", values=tuple((name, place(side)) for name, side in sides)),
        fact("Spatial Reference", reference),
        fact("Scale", "0"),
        fact("Media Type", file.media_type),
        fact("Size", f"{file.size:,} bytes"),
    )
