"""What the page of exportImage tells of a picture that was drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from ..operations.export_image import Export
from ..operations.parameters import EXPORT_PARAMETERS
from ..outputs.stored import StoredFile
from .address import Address
from .exporting import OUTPUT
from .exporting import drawn as headers_of
from .facts import Fact, fact, place

LARGEST_LIVE = 4_000_000
"""Pixels of a picture that a page draws without being told to."""
_LONGEST_ADDRESS = 4000
_SHOWN_BY_BROWSERS = ("image/png", "image/jpeg", "image/gif", "image/bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What came of a form that was sent."""

    facts: tuple[Fact, ...]

    file: str
    """Path of the finished file."""

    file_name: str

    href: str
    """Address of the finished file."""

    media_type: str

    url: str
    """Address that draws the same picture again, or nothing where it would be too long."""

    picture: str
    """Path of a picture that a browser can show, or nothing."""

    is_preview: bool
    """Is `picture` another file than the one asked for?"""

    bbox: str
    """xmin,ymin,xmax,ymax of what was drawn."""

    crs: str
    """`EPSG:n` or `ESRI:n` of the box; nothing where it has no number."""


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
    is_shown = file.media_type in _SHOWN_BY_BROWSERS
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
