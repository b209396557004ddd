"""What pages fetch: scripts of ours and the map library, under addresses that change with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from werkzeug.wrappers import Response

from ..errors import NotFoundError
from .asked import HTTPRequest
from .respond import content_reply

_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css;charset=utf-8", ".js": "text/javascript;charset=utf-8"}
_FILES = (
    "leaflet/leaflet.css",
    "leaflet/leaflet.js",
    "scripts/copy.js",
    "scripts/form.js",
    "scripts/preview.js",
)
_MAX_AGE = 31_536_000
"""Seconds that a file may be used again where its address tells its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the package that browsers are sent."""

    content: bytes

    media_type: str

    version: str
    """A digest of the content."""


@cache
def assets() -> Mapping[str, Asset]:
    """Every such file by its name; read once in a process."""
    return MappingProxyType({Path(file).name: _asset(_FOLDER / file) for file in _FILES})


def asset_reply(request: HTTPRequest, name: str) -> Response:
    """A script or style of the pages; one that is asked for by its version never changes.

    Raises:
        NotFoundError: there is none of that name.
    """
    asset = assets().get(name)
    if asset is None:
        raise NotFoundError("Page not found")
    max_age = _MAX_AGE if request.args.get("v") == asset.version else 0
    return content_reply(request, asset.content, asset.media_type, max_age)


def _asset(file: Path) -> Asset:
    content = file.read_bytes()
    version = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Asset(content=content, media_type=_MEDIA_TYPES[file.suffix], version=version)
