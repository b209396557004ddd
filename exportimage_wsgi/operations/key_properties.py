"""keyProperties: what is known of a service's bands (10.1)."""

from __future__ import annotations

from typing import Any

from ..service import ImageService
from .describe import data_type
from .operation import Call
from .parameters import said_in, shared_parameters

PARAMETERS = shared_parameters("renderingRule")


def key_properties(service: ImageService, call: Call) -> dict[str, Any]:
    """Names of the bands and kind of the data."""
    said_in(call.arguments, PARAMETERS)
    return {
        "BandProperties": [{"BandName": name} for name in service.info.band_names],
        "DataType": data_type(service),
    }
