"""legend: what the colours of a service's pictures mean (10.2)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import numpy as np

from ..encode.swatch import SIDE, Colour, swatch
from ..imagery.view import View
from ..running import Runner
from ..service import ImageService
from .classes import labelled_colours
from .operation import Call
from .parameters import Parameter, said_in, shared_parameters
from .planning import plan_export
from .request import ExportRequest
from .values import checked_variable, number_text

PARAMETERS = (
    *shared_parameters("bandIds", "renderingRule"),
    Parameter(
        name="variable", argument="variable", read=str, help="Of a multidimensional service."
    ),
)

_PRIMARIES: tuple[tuple[str, Colour], ...] = (
    ("Red", (255, 0, 0, 255)),
    ("Green", (0, 255, 0, 255)),
    ("Blue", (0, 0, 255, 255)),
)


def legend(service: ImageService, call: Call) -> dict[str, Any]:
    """The legend of the picture that exportImage draws; counts the pixels of a palette.

    Raises:
        ParameterError: there is no such band.
    """
    said = said_in(call.arguments, PARAMETERS)
    checked_variable(said)
    request = ExportRequest(
        size=(1, 1),
        format="png",
        band_ids=said.get("band_ids"),
        rendering_rule=said.get("rendering_rule"),
    )
    view = plan_export(service, request).view
    kind, entries = _entries(service, view, call.runner)
    layer = {
        "layerId": 0,
        "layerName": service.name.rpartition("/")[2],
        "layerType": "Raster Layer",
        "legendType": kind,
        "minScale": 0,
        "maxScale": 0,
        "legend": entries,
    }
    return {"layers": [layer]}


def _entries(service: ImageService, view: View, runner: Runner) -> tuple[str, list[dict[str, Any]]]:
    """The kind of the legend, and a swatch for each thing to be told."""
    if view.appearance is not None and view.appearance.palette is not None:
        classes = labelled_colours(service, runner)
        return "Unique Values", [
            _entry(label, swatch(colour), [str(index)]) for index, label, colour in classes
        ]
    names = [service.info.band_names[band] for band in view.layer.bands]
    if len(names) == 3:
        return "RGB Composite", [
            _entry(f"{primary}: {name}", swatch(colour))
            for (primary, colour), name in zip(_PRIMARIES, names, strict=True)
        ]
    return "Stretched", _ramp(view)


def _ramp(view: View) -> list[dict[str, Any]]:
    """White at the top, black at the bottom, in three swatches."""
    stretch = view.appearance.stretch if view.appearance is not None else None
    low, high = stretch[0] if stretch is not None else (0.0, 255.0)
    labels = f"High : {_short(high)}", "", f"Low : {_short(low)}"
    greys = [(shade, shade, shade, 255) for shade in (255, 170, 85, 0)]
    return [
        _entry(label, swatch(top, bottom))
        for label, top, bottom in zip(labels, greys, greys[1:], strict=False)
    ]


def _short(value: float) -> str:
    """As many digits as a single float has."""
    return number_text(np.float32(value) if abs(value) < 1e38 else np.float64(value))


def _entry(label: str, picture: bytes, values: list[str] | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "label": label,
        "url": hashlib.blake2b(picture, digest_size=16).hexdigest(),
        "imageData": b64encode(picture).decode("ascii"),
        "contentType": "image/png",
        "height": SIDE,
        "width": SIDE,
    }
    return entry if values is None else entry | {"values": values}
