"""The head of a TIFF: its directory of tags, classic or, beyond 4 GB, BigTIFF."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_CODES = {"s": 2, "H": 3, "I": 4, "d": 12, "Q": 16}
_LARGEST_CLASSIC = 2**32 - 1
_OFFSETS, _COUNTS = 273, 279


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag and its values."""

    number: int

    kind: str
    """Letter of `struct`: s (text), H, I, d or Q."""

    values: Sequence[Any] | bytes

    def packed(self) -> bytes:
        if isinstance(self.values, bytes):
            return self.values
        return struct.pack(f"<{len(self.values)}{self.kind}", *self.values)


def text(number: int, words: str) -> Tag:
    """A tag of text."""
    return Tag(number, "s", words.encode() + b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One of the images in a TIFF: its directory."""

    tags: Sequence[Tag]
    """All but those that say where the pixels are."""

    counts: Sequence[int]
    """Bytes of each of its strips."""


def head(images: Sequence[Image], most: int | None = None) -> bytes:
    """All of a TIFF that stands before its pixels.

    The strips follow the head one after another, those of the first image first.

    Args:
        images: of the file.
        most: bytes that all strips could have, where the head must have its length before their
            sizes are known; otherwise those that they have.
    """
    whole = _head(images, big=False)
    size = sum(sum(image.counts) for image in images) if most is None else most
    return whole if len(whole) + size <= _LARGEST_CLASSIC else _head(images, big=True)


def _head(images: Sequence[Image], *, big: bool) -> bytes:
    header = (
        struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    )
    starts = [len(header)]
    for image in images:
        starts.append(starts[-1] + len(_directory(image, [0] * len(image.counts), 0, 0, big)))
    offset, directories = starts[-1], [header]
    for number, image in enumerate(images):
        offsets = []
        for count in image.counts:
            offsets.append(offset)
            offset += count
        if not big and offset > _LARGEST_CLASSIC:
            offsets = [0] * len(offsets)
        following = starts[number + 1] if number + 1 < len(images) else 0
        directories.append(_directory(image, offsets, starts[number], following, big))
    return b"".join(directories)


def _directory(
    image: Image, offsets: Sequence[int], start: int, following: int, big: bool
) -> bytes:
    """Entries sorted by number, then the values that are too long for an entry.

    Args:
        image: whose directory it is.
        offsets: where each of its strips begins.
        start: where the directory begins, a multiple of eight.
        following: where the next directory begins; 0 behind the last.
        big: is it a BigTIFF?
    """
    count, entry, pointer, kind = ("<Q", "<HHQ", "<Q", "Q") if big else ("<H", "<HHI", "<I", "I")
    tags = [*image.tags, Tag(_OFFSETS, kind, offsets), Tag(_COUNTS, kind, image.counts)]
    room = struct.calcsize(pointer)
    behind = start + struct.calcsize(count) + len(tags) * (struct.calcsize(entry) + room) + room
    entries, values = [struct.pack(count, len(tags))], b""
    for tag in sorted(tags, key=lambda tag: tag.number):
        data = tag.packed()
        number = len(data) if tag.kind == "s" else len(tag.values)
        entries.append(struct.pack(entry, tag.number, _CODES[tag.kind], number))
        if len(data) <= room:
            entries.append(data.ljust(room, b"\0"))
        else:
            values += b"\0" * (-(behind + len(values)) % 8)
            entries.append(struct.pack(pointer, behind + len(values)))
            values += data
    values += b"\0" * (-(behind + len(values)) % 8)
    return b"".join(entries) + struct.pack(pointer, following) + values
