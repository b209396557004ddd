"""kml/image.kmz: a picture of a service for Google Earth (10.0)."""

from __future__ import annotations

from ..service import ImageService
from .export_image import export_image
from .operation import Call, Drawing
from .parameters import parse_export


def kml_image(service: ImageService, call: Call) -> Drawing:
    """What exportImage answers to `f=kmz`; its parameters are the same."""
    request = parse_export(call.arguments)
    return Drawing(export=export_image(service, request, kmz=True, runner=call.runner))
