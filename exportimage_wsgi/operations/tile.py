"""tile/<level>/<row>/<column>: a tile of the service's scheme, drawn when it is asked for."""

from __future__ import annotations

from ..errors import NotFoundError
from ..esri import names
from ..imagery.view import read
from ..service import ImageService
from .export_image import Export, export_image, persistently
from .operation import Call, Drawing
from .parameters import Parameter, said_in
from .request import ExportRequest
from .tiling import SIDE, scheme_of

MAX_AGE = 600
"""Seconds that a client may use a tile again without asking."""

_FORMATS = {
    "mixed": "jpgpng",
    "jpgpng": "jpgpng",
    "jpg": "jpg",
    "jpeg": "jpg",
    "png": "png",
    "png8": "png8",
    "png24": "png24",
    "png32": "png32",
    "lerc": "lerc",
}


def _format(text: str) -> str:
    name = text.lower()
    if name not in _FORMATS:
        raise ValueError(f"must be one of {', '.join(_FORMATS)}")
    return _FORMATS[name]


PARAMETERS = (
    Parameter(
        name="blankTile",
        argument="blank_tile",
        read=names.boolean,
        choices=("true", "false"),
        help="Answer an empty tile where there is no data (default true), or 404.",
    ),
    Parameter(
        name="format",
        argument="format",
        read=_format,
        choices=tuple(_FORMATS),
        help="Kind of file; mixed (default) is JPEG, or PNG where not all is data. lerc carries "
        "the values.",
    ),
)


def has_tiles(service: ImageService) -> bool:
    """Does the operator want tiles?"""
    return service.settings.tiles


def tile(service: ImageService, call: Call) -> Drawing:
    """One tile.

    Raises:
        NotFoundError: it lies outside the scheme, or is empty and blank ones aren't wanted.
    """
    said = said_in(call.arguments, PARAMETERS)
    level, row, column = (int(call.values[name]) for name in ("level", "row", "column"))
    scheme = scheme_of(service)
    if not scheme.holds(level, row, column):
        raise NotFoundError("Tile not found")
    request = ExportRequest(
        bbox=scheme.extent(level, row, column),
        size=(SIDE, SIDE),
        format=said.get("format", "jpgpng"),
        adjust_aspect_ratio=False,
    )
    export = export_image(service, request, runner=call.runner)
    if said.get("blank_tile") is False and _is_blank(export):
        raise NotFoundError("Tile not found")
    return Drawing(export=export, max_age=MAX_AGE)


def _is_blank(export: Export) -> bool:
    """Is no pixel data? This reads them all."""

    def deed(drawn: Export) -> bool:
        view = drawn.plan.view
        return not read(view, view.grid.whole).valid.any()

    return persistently(export, deed)
