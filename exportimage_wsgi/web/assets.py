"""What pages fetch: scripts of ours and the map library, under addresses that change with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {".css": "text/css;charset=utf-8", ".js": "text/javascript;charset=utf-8"}
_FILES = (
    "leaflet/leaflet.css",
    "leaflet/leaflet.js",
    "scripts/copy.js",
    "scripts/form.js",
    "scripts/preview.js",
)
MAX_AGE = 31_536_000
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


def _asset(file: Path) -> Asset:
    content = file.read_bytes()
    version = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Asset(content=content, media_type=_MEDIA_TYPES[file.suffix], version=version)
