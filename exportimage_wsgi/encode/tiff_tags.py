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


def head(tags: Sequence[Tag], counts: Sequence[int]) -> bytes:
    """All of a TIFF that stands before its pixels.

    Args:
        tags: all but those that say where the pixels are.
        counts: bytes of each strip; the strips follow the head one after another.
    """
    whole = _head(tags, counts, big=False)
    if len(whole) + sum(counts) <= _LARGEST_CLASSIC:
        return whole
    return _head(tags, counts, big=True)


def _head(tags: Sequence[Tag], counts: Sequence[int], *, big: bool) -> bytes:
    kind = "Q" if big else "I"
    size = len(_directory([*tags, *_places([0] * len(counts), counts, kind)], big))
    offsets = []
    for count in counts:
        offsets.append(size)
        size += count
    if not big and size > _LARGEST_CLASSIC:
        offsets = [0] * len(counts)
    return _directory([*tags, *_places(offsets, counts, kind)], big)


def _places(offsets: Sequence[int], counts: Sequence[int], kind: str) -> list[Tag]:
    return [Tag(_OFFSETS, kind, offsets), Tag(_COUNTS, kind, counts)]


def _directory(tags: Sequence[Tag], big: bool) -> bytes:
    """Header, entries sorted by number, then the values that are too long for an entry."""
    start, count, entry, pointer = (16, "<Q", "<HHQ", "<Q") if big else (8, "<H", "<HHI", "<I")
    header = (
        struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    )
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
    return header + b"".join(entries) + struct.pack(pointer, 0) + values
