"""GDAL's settings for opening rasters and for reading them, said explicitly."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import rasterio
from rasterio._env import set_gdal_config

from .budget import gdal_bytes
from .versions import is_remote

# Each of them hides, at its default, that a file is cut short.
_READING = {
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE",
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",
    "RAW_CHECK_FILE_SIZE": "YES",
}
_READING_REMOTE = {
    **_READING,
    "GDAL_HTTP_CONNECTTIMEOUT": "5",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    "GDAL_HTTP_LOW_SPEED_TIME": "8",
    "GDAL_HTTP_TIMEOUT": "60",
    "GDAL_HTTP_MAX_RETRY": "1",
    "GDAL_HTTP_RETRY_DELAY": "0.5",
}
_OPENING = {
    "GDAL_NUM_THREADS": "1",
    "VSI_CACHE": "FALSE",
    # Otherwise a reference whose number is out of use becomes another one, of other places maybe.
    "OSR_USE_NON_DEPRECATED": "NO",
}
# Side-cars of a local file are looked for one by one; asking for each costs a round trip elsewhere.
_OPENING_LOCAL = {**_READING, **_OPENING, "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE"}
_OPENING_REMOTE = {
    **_READING_REMOTE,
    **_OPENING,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_CACHE_SIZE": str(32 * 2**20),
    # What was fetched is forgotten when the raster is closed, as it is when it was replaced.
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/:/vsis3/:/vsigs/:/vsiaz/",
}


_told, _tiles = {"bytes": 0}, {"bytes": 0}


def bound_gdal(tile_bytes: int | None = None) -> None:
    """Tell GDAL what it may keep, for good: an `Env` goes back to a twentieth of the memory.

    Args:
        tile_bytes: that are kept without GDAL; as before, if it isn't said.
    """
    if tile_bytes is not None:
        _tiles["bytes"] = tile_bytes
    bytes_left = gdal_bytes(_tiles["bytes"])
    if _told["bytes"] != bytes_left:
        _told["bytes"] = bytes_left
        set_gdal_config("GDAL_CACHEMAX", bytes_left)


def opening(path: str) -> AbstractContextManager[Any]:
    """The settings for opening this path."""
    bound_gdal()
    return rasterio.Env(**(_OPENING_REMOTE if is_remote(path) else _OPENING_LOCAL))


def reading(path: str) -> AbstractContextManager[Any]:
    """The settings that matter to an open dataset."""
    return rasterio.Env(**(_READING_REMOTE if is_remote(path) else _READING))
