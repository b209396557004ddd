"""The files a raster of GDAL's is made of, so that a change of any is noticed."""

from __future__ import annotations

import os
from typing import Any

from rasterio.errors import RasterioError

from ...errors import SourceError
from .complaints import listening
from .handles import opened_quietly
from .versions import display_name, is_address

_NO_RASTERS = (".ovr", ".msk", ".aux.xml")
_MOST_OPENED = 1000
# Formats whose file is a header and nothing but the pixels beside or behind it.
_FLAT_FORMATS = ("ENVI", "EHdr")


def other_files(dataset: Any, path: str) -> tuple[str, ...]:
    """The files beside the one at the path; of a VRT its rasters, theirs too if they are VRTs.

    Raises:
        SourceError: a side-car is empty, or a raster of the VRT is missing or cannot be opened.
            GDAL says so once, when it is read, and leaves a blank from then on.
    """
    if is_address(path):
        return ()
    _check_sidecars(path)
    found: set[str] = set()
    _collect(dataset, path, display_name(path), found)
    return tuple(sorted(found - {path}))


def _check_sidecars(path: str) -> None:
    """GDAL passes over those that are empty, as a copy that failed leaves them."""
    for ending in (".ovr", ".msk"):
        if os.path.exists(path + ending) and not os.path.getsize(path + ending):
            raise SourceError(f"{display_name(path)} is damaged: its {ending} file is empty")


def _collect(dataset: Any, path: str, name: str, found: set[str]) -> None:
    files = {os.path.abspath(file) for file in dataset.files if _is_file_name(file)}
    new = files - found - {path}
    found |= new
    if dataset.driver != "VRT":
        return
    for part in sorted(new):
        if not os.path.exists(part):
            raise SourceError(f"{name} needs {display_name(part)}, which is missing")
        if not part.endswith(_NO_RASTERS) and len(found) <= _MOST_OPENED:
            _collect_part(part, name, found)


def _collect_part(part: str, name: str, found: set[str]) -> None:
    try:
        with listening(), opened_quietly(part) as dataset:
            if dataset.driver == "VRT":
                _collect(dataset, part, name, found)
    except RasterioError as error:
        raise SourceError(f"{name} needs {display_name(part)}, which is damaged") from error


def _is_file_name(text: str) -> bool:
    """Some drivers list what GDAL opens, which may be more than a file's name."""
    return not is_address(text) and (os.path.isabs(text) or ":" not in text)


def check_length(dataset: Any, path: str, bits_of_pixel: int) -> None:
    """Of a flat file: is it as long as its header says? GDAL reads zeros past its end.

    Raises:
        SourceError: it is shorter.
    """
    if dataset.driver not in _FLAT_FORMATS or is_address(path):
        return
    if dataset.tags(ns="ENVI").get("file_compression", "0") != "0":
        return
    if os.path.getsize(path) * 8 < dataset.width * dataset.height * bits_of_pixel:
        raise SourceError(f"{display_name(path)} is damaged: it is shorter than its header says")
