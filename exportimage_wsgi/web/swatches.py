"""Legends on pages: each label beside its colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LAYERS = "layers"
"""Member of an answer that has legends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """An entry of a legend."""

    label: str

    picture: str
    """Address that holds the picture itself."""

    width: int

    height: int


def swatches_of(answer: Mapping[str, Any]) -> tuple[Swatch, ...]:
    """The entries of all legends of an answer; nothing of one without."""
    return tuple(
        Swatch(
            label=each["label"],
            picture=f"data:{each['contentType']};base64,{each['imageData']}",
            width=each["width"],
            height=each["height"],
        )
        for layer in answer.get(LAYERS, ())
        for each in layer["legend"]
    )
