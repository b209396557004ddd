"""Pages: the services directory and the form of exportImage, for people."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.wrappers import Response

from .address import Address
from .respond import ErrorReply, page

_HERE = Path(__file__).parent
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M8 1 15 5 8 9 1 5Z' fill='%230b6e75'/%3E"
    "%3Cpath d='M2.6 7.4 1 8.3l7 4 7-4-1.6-.9L8 10.5Z' fill='%2352a3a8'/%3E"
    "%3Cpath d='M2.6 10.6 1 11.5l7 4 7-4-1.6-.9L8 13.7Z' fill='%239fcfd1'/%3E%3C/svg%3E"
)
SHOWN_BY_BROWSERS = ("image/png", "image/jpeg", "image/gif", "image/bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """A step of the way from the top to a page."""

    label: str

    path: str
    """Percent-encoded, from the root of the host."""


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
class Fact:
    """A line of a table: a label and what there is to say, in one or several parts."""

    label: str

    values: tuple[tuple[str, str], ...]
    """Name (or nothing) and value."""


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


class Pages:
    """Draws every page from the templates beside this file."""

    def __init__(self, title: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style = (_HERE / "static" / "style.css").read_text("utf-8")
        self._environment.globals.update(title=title, style=Markup(style), icon=_ICON)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; img-src 'self' data:; style-src 'sha256-{digest}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
        )

    def directory(
        self, address: Address, folder: str, folders: Sequence[str], services: Sequence[str]
    ) -> Response:
        """The services and folders of a folder, or of the root (`""`)."""
        listed = [_link(address, name, "services", name) for name in folders]
        served = [_link(address, name, "services", name, "ImageServer") for name in services]
        return self._page(
            "directory.html",
            crumbs=crumbs(address, folder),
            folder=folder,
            folders=listed,
            services=served,
        )

    def service(
        self, way: Sequence[Crumb], name: str, description: Mapping[str, Any], path: str
    ) -> Response:
        """All that a service says of itself, with a picture of the whole."""
        return self._page(
            "service.html",
            crumbs=way,
            name=name,
            path=path,
            about=str(description.get("serviceDescription", "")),
            copyright=str(description.get("copyrightText", "")),
            facts=facts(description, skip=("name",)),
            thumbnail=_thumbnail(path, description),
        )

    def form(
        self,
        way: Sequence[Crumb],
        name: str,
        fields: Sequence[Field],
        values: Mapping[str, str],
        drawn: Drawn | None = None,
        error: ErrorReply | None = None,
    ) -> Response:
        """The form of exportImage filled with the request, and what came of it."""
        return self._page(
            "export.html",
            status=error.status if error else 200,
            crumbs=way,
            name=name,
            action=way[-1].path,
            fields=fields,
            values=values,
            drawn=drawn,
            error=error,
        )

    def facts(self, way: Sequence[Crumb], description: Mapping[str, Any]) -> Response:
        """A plain table."""
        return self._page("facts.html", crumbs=way, facts=facts(description))

    def error(self, way: Sequence[Crumb], error: ErrorReply) -> Response:
        return self._page("error.html", status=error.status, crumbs=way, error=error)

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        return page(self._environment.get_template(template).render(context), self._policy, status)


def crumbs(address: Address, folder: str = "") -> tuple[Crumb, ...]:
    """Home, services, and each folder on the way."""
    way = [
        Crumb(label="Home", path=address.path("rest", "services")),
        Crumb(label="services", path=address.path("rest", "services")),
    ]
    parts = folder.split("/") if folder else []
    for depth, label in enumerate(parts, 1):
        path = address.path("rest", "services", "/".join(parts[:depth]))
        way.append(Crumb(label=label, path=path))
    return tuple(way)


def _link(address: Address, name: str, *parts: str) -> Crumb:
    return Crumb(label=name, path=address.path("rest", *parts))


def _thumbnail(path: str, description: Mapping[str, Any]) -> str:
    """Path of a small picture of the whole extent, in its shape as far as that is sensible."""
    extent = description["extent"]
    width = float(extent["xmax"]) - float(extent["xmin"])
    height = float(extent["ymax"]) - float(extent["ymin"])
    shape = min(max(height / width if width else 1.0, 0.4), 1.6)
    query = {"f": "image", "format": "png", "size": f"480,{round(480 * shape)}"}
    return f"{path.rstrip('/')}/exportImage?{urlencode(query)}"


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
                yield label_of(name), " · ".join(f"{k} {_text(v)}" for k, v in member.items())
            else:
                yield label_of(name), _text(member)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        for member in value:
            yield "", str(member.get("name", "")) or _text(list(member.values()))
    else:
        yield "", _text(value)


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


_LABELS = {
    "xmin": "XMin",
    "ymin": "YMin",
    "xmax": "XMax",
    "ymax": "YMax",
    "imageSR": "Image Spatial Reference",
    "bboxSR": "Box Spatial Reference",
    "bbox": "Bounding Box",
    "f": "Reply",
}


def label_of(name: str) -> str:
    """`serviceDataType` as `Service Data Type`."""
    if name in _LABELS:
        return _LABELS[name]
    words = ""
    for before, letter in zip(" " + name, name, strict=False):
        words += f" {letter}" if letter.isupper() and before.islower() else letter
    return words[:1].upper() + words[1:]
