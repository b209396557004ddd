"""Rendering rules: which raster function a request applies. None and Identity are known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import shown
from ..pixels import PixelType
from . import names
from .texts import members, read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderingRule:
    """A raster function that leaves the pixels as they are: None or Identity."""

    name: str

    output_pixel_type: PixelType | None = None
    """Type of its result; `None` is the type of the raster."""


_KEPT = ("none", "identity")
_MOST_RULES = 20
_REFUSED = "raster functions other than None and Identity are not supported"


def rendering_rule(text: str) -> RenderingRule:
    """The rule of a JSON text, of a bare name, or of `rasterFunction:NAME`.

    Raises:
        ValueError: it isn't understood, or is a function other than None and Identity.
    """
    if text.startswith("{"):
        return rendering_rule_of(read_json(text))
    head, colon, name = text.partition(":")
    if colon and head.strip().lower() == "rasterfunction":
        text = name.strip()
    return rendering_rule_of({"rasterFunction": text})


def rendering_rules(text: str) -> tuple[RenderingRule, ...]:
    """The rules of a JSON list.

    Raises:
        ValueError: it is none, is longer than 20, or one of them is refused.
    """
    found = read_json(text)
    if not isinstance(found, list) or len(found) > _MOST_RULES:
        raise ValueError(f"must be a list of at most {_MOST_RULES} rendering rules")
    return tuple(rendering_rule_of(each) for each in found)


def rendering_rule_of(value: Any) -> RenderingRule:
    """The rule of a JSON object, in either of Esri's two forms.

    Raises:
        ValueError: it isn't understood, or is a function other than None and Identity.
    """
    said = members(value, "a rendering rule")
    if isinstance(said.get("function"), dict):
        said = _of_template(said)
    name = said.get("rasterfunction")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("a rendering rule needs a rasterFunction")
    if name.strip().lower() not in _KEPT:
        raise ValueError(f"{shown(name)}: {_REFUSED}")
    _check_arguments(said.get("rasterfunctionarguments"), name)
    return RenderingRule(
        name=name.strip().lower(), output_pixel_type=_output_type(said.get("outputpixeltype"))
    )


def _of_template(said: Mapping[str, Any]) -> dict[str, Any]:
    """A raster function template, as a rule: `IdentityFunction` is Identity."""
    function = members(said["function"], "function")
    kind = function.get("type", "")
    return {
        "rasterfunction": kind.removesuffix("Function") if isinstance(kind, str) else None,
        "rasterfunctionarguments": said.get("arguments"),
        "outputpixeltype": function.get("pixeltype"),
    }


def _check_arguments(value: Any, name: str) -> None:
    """The one argument that these functions take is the raster of the service itself."""
    if value is None:
        return
    said = members(value, "rasterFunctionArguments")
    for argument, given in said.items():
        inner = given.get("value", given) if isinstance(given, dict) else given
        if isinstance(inner, dict) and {"rasterfunction", "function"} & {k.lower() for k in inner}:
            if rendering_rule_of(inner).output_pixel_type is not None:
                raise ValueError("outputPixelType of an inner function is not supported")
        elif argument in ("raster", "dem") and not _is_own_raster(inner):
            raise ValueError(f"{shown(name)} takes no other raster than $$")


def _is_own_raster(value: Any) -> bool:
    return value in ("$$", "", "$1") or (isinstance(value, dict) and "isdataset" in _lower(value))


def _lower(value: Mapping[str, Any]) -> set[str]:
    return {name.lower() for name in value}


def _output_type(value: Any) -> PixelType | None:
    if value is None or value == "":
        return None
    try:
        return names.pixel_type(value.strip())
    except (AttributeError, ValueError):
        raise ValueError("outputPixelType must be the code of a pixel type") from None
