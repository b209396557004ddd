"""The table of operations beside exportImage: what follows `…/ImageServer/`, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..running import Runner
from ..service import ImageService
from .parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a client asks of an operation."""

    arguments: Mapping[str, str]
    """By lower-case name, blanks around them removed; none is empty."""

    values: Mapping[str, str] = field(default_factory=dict)
    """What stands in place of each `<name>` of the path."""

    version: float = 10.91
    """Of Esri's server that replies follow."""

    runner: Runner = field(default_factory=Runner)
    """Threads and limits for whoever reads many pixels; it knows when the client has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An answer that isn't JSON."""

    content: bytes

    media_type: str

    max_age: int = 0
    """Seconds that it may be used again without being asked for; 0: ask each time."""


Answer = dict[str, Any] | File
"""JSON, or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation."""

    path: str
    """Below the service, as Esri writes it: `identify`, `info/metadata`, `tile/<level>/<row>/
    <column>`. A `<name>` stands for a number, a `<…name>` for any text."""

    help: str
    """What it answers, in one sentence."""

    answer: Callable[[ImageService, Call], Answer]
    """Raises `RequestError` for what can't be answered."""

    parameters: tuple[Parameter, ...] = ()
    """Those that it reads, beside `f` and `callback`."""

    forms: tuple[str, ...] = ()
    """Values of `f` beside html, json and pjson."""

    offered: Callable[[ImageService], bool] = lambda service: True
    """Has the service this operation at all? If not, its address is an invalid URL."""


OPERATIONS: tuple[Operation, ...] = ()
"""Every operation but exportImage, in the order that a service's page lists them."""


def operation_at(parts: Sequence[str]) -> tuple[Operation, dict[str, str]] | None:
    """The operation at a path, and the values in it; words match in any letter case."""
    for operation in OPERATIONS:
        values = _values(operation.path.split("/"), parts)
        if values is not None:
            return operation, values
    return None


def _values(pattern: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    if len(pattern) != len(parts):
        return None
    values = {}
    for known, part in zip(pattern, parts, strict=True):
        if not known.startswith("<"):
            if known.casefold() != part.casefold():
                return None
        elif known.startswith("<…") or (part.isascii() and part.isdigit() and len(part) <= 18):
            values[known.strip("<…>")] = part
        else:
            return None
    return values
