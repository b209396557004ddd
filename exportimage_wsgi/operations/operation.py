"""What an operation beside exportImage is: how it is called, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..running import Runner
from ..service import ImageService
from .export_image import Export
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """An answer that is streamed as it is drawn."""

    export: Export

    max_age: int = 0
    """As that of a file."""


Answer = dict[str, Any] | File | Drawing
"""JSON, a file, or one that is still to be drawn."""


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

    media_types: tuple[str, ...] = ()
    """Of answers that aren't JSON."""

    offered: Callable[[ImageService], bool] = lambda service: True
    """Has the service this operation at all? If not, its address is an invalid URL."""
