"""A finished file, and what it is by its ending."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import NotFoundError
from .faults import store_error

_MEDIA_TYPES = {
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".lerc": "image/lerc",
    ".kmz": "application/vnd.google-earth.kmz",
    ".png": "image/png",
    ".tif": "image/tiff",
}
_UNKNOWN_MEDIA = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A finished file of the store."""

    name: str
    """Safe in a URL as it stands; the part before the extension can't be guessed."""

    path: Path

    size: int
    """In bytes."""

    media_type: str

    modified: float
    """When its life began, in seconds of the epoch."""

    def opened(self) -> BinaryIO:
        """The bytes; they can be read to the end even if the file is removed meanwhile.

        Raises:
            NotFoundError: the file was removed before it could be opened.
        """
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            raise NotFoundError("File not found") from None
        except OSError as error:
            raise store_error(error, "read") from error


def media_type_of(path: Path) -> str:
    """What a file is, by the ending that the store gave it."""
    return _MEDIA_TYPES.get(path.suffix, _UNKNOWN_MEDIA)
