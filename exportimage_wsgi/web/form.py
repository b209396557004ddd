"""The form of exportImage: its fields, what fills them, and what is told of the result."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from ..operations.export_image import Export
from ..operations.parameters import EXPORT_PARAMETERS
from ..outputs import StoredFile
from .address import Address
from .exporting import OUTPUT
from .pages import SHOWN_BY_BROWSERS, Drawn, Fact, Field, label_of, number

_LONGEST_ADDRESS = 4000
_LARGEST_PREVIEW = 4_000_000
_LONG = ("mosaicRule", "mosaicProperties", "viewpointProperties", "renderingRule")
_FORMS = ("html", "json", "pjson", "image", "kmz")


@cache
def fields() -> tuple[Field, ...]:
    """Every parameter of the operation, and the form of the reply."""
    known = (_field(parameter) for parameter in EXPORT_PARAMETERS)
    reply = Field(name="f", label=label_of("f"), choices=_FORMS, help="")
    return (*known, reply)


def _field(parameter: Any) -> Field:
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
    )


def _preview(path: str, arguments: Mapping[str, str], export: Export) -> str:
    """The same box as PNG, for files that browsers don't show, unless it were very large."""
    if export.width * export.height > _LARGEST_PREVIEW:
        return ""
    told = {"format": "png32", "compression": "", "pixeltype": ""}
    return _query(path, {**arguments, **told})


def _query(path: str, arguments: Mapping[str, str]) -> str:
    """An address that draws the picture, or nothing where it would be too long to use."""
    names = {field.name.lower(): field.name for field in fields()}
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
        _fact("Width", str(export.width)),
        _fact("Height", str(export.height)),
        Fact(label="Extent", values=tuple((name, number(side)) for name, side in sides)),
        _fact("Spatial Reference", reference),
        _fact("Scale", "0"),
        _fact("Media Type", file.media_type),
        _fact("Size", f"{file.size:,} bytes"),
    )


def _fact(label: str, value: str) -> Fact:
    return Fact(label=label, values=(("", value),))
