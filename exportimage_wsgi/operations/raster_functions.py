"""rasterFunctionInfos: the raster functions that a service offers by name (10.3)."""

from __future__ import annotations

from typing import Any

from ..service import ImageService
from .describe import FUNCTIONS
from .operation import Call

_BUILT_IN = 0


def raster_function_infos(service: ImageService, call: Call) -> dict[str, Any]:
    """Those that the service itself lists, with their kind."""
    infos = [{**info, "functionType": _BUILT_IN, "thumbnail": ""} for info in FUNCTIONS]
    return {"rasterFunctionInfos": infos}
