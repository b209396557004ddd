"""An image server compatible with Esri's ArcGIS REST Image Service, as a WSGI application."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog import Catalog
    from .operations.export_image import export_image
    from .operations.request import ExportRequest
    from .service import ImageService
    from .web.app import create_app

__version__ = "0.1.0"
__all__ = ["Catalog", "ExportRequest", "ImageService", "create_app", "export_image"]

_HOMES = {
    "Catalog": ".catalog",
    "ExportRequest": ".operations.request",
    "ImageService": ".service",
    "create_app": ".web.app",
    "export_image": ".operations.export_image",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package is quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
