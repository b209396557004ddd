"""Finding items: which rasters a folder, glob, list, table or STAC catalogue speaks of.

No raster is opened here.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..imagery.sources import is_source, open_source
from ..imagery.sources.datasets import is_zarr
from ..imagery.sources.versions import check_allowed, checked_version, display_name, is_address
from ..rasters import GLOB_SIGNS, fixed_part, is_glob, is_raster, rasters_below, stem
from .items import Found

_TABLES = (".csv", ".parquet", ".geoparquet")
_STAC = (".json", ".geojson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The rasters of a mosaic, and the files that said so."""

    found: tuple[Found, ...]

    files: tuple[str, ...] = ()
    """Tables and STAC documents that were read."""


def is_mosaic(what: Any) -> bool:
    """Is this a mosaic, rather than one raster? Names decide; of files only whether they exist."""
    if isinstance(what, (list, tuple)):
        return True
    if not isinstance(what, (str, os.PathLike)):
        return False
    path = os.fspath(what)
    if _is_table(path) or _is_stac(path):
        return True
    return not is_address(path) and (_is_folder(path) or is_glob(path))


def _ending(path: str) -> str:
    name = display_name(path) if is_address(path) else path
    return os.path.splitext(name)[1].lower()


def _is_table(path: str) -> bool:
    return _ending(path) in _TABLES and not is_glob(path)


def _is_stac(path: str) -> bool:
    return _ending(path) in _STAC and not is_glob(path)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not is_raster(Path(path)) and not is_zarr(path)


def find(what: Any, asset: str | None = None) -> Finding:
    """The rasters of a mosaic, each once, in an order that is always the same.

    A folder is looked through with its sub-folders for what `exportimage-wsgi serve` would serve;
    a glob may hold `**`, and a `#variable` behind it. One that ends in an ending, as `*.tif`, gives
    all files that it matches, any other those that are rasters by their names. What begins with a
    dot is left out.

    Args:
        what: see `open_mosaic`.
        asset: of STAC items.

    Raises:
        SourceError: there is nothing, or a table of items cannot be read.
        TypeError: an entry of a list is no raster.
    """
    parts = list(what) if isinstance(what, (list, tuple)) else [what]
    found: dict[Any, Found] = {}
    files: list[str] = []
    for part in parts:
        finding = _of_part(part, asset)
        files += finding.files
        for each in finding.found:
            found.setdefault(each.raster if isinstance(each.raster, str) else id(each), each)
    if not found:
        raise SourceError(f"{_told(what)} has no raster, so it cannot be a mosaic")
    return Finding(found=tuple(found.values()), files=tuple(dict.fromkeys(files)))


def _told(what: Any) -> str:
    return display_name(os.fspath(what)) if isinstance(what, (str, os.PathLike)) else "the list"


def _of_part(part: Any, asset: str | None) -> Finding:
    if not isinstance(part, (str, os.PathLike)):
        return Finding(found=(_of_source(part),))
    path = os.fspath(part)
    if _is_table(path):
        from .item_tables import items_of_table

        return Finding(found=items_of_table(path, asset), files=(path,))
    if _is_stac(path):
        from .stac import items_of_stac

        items, files = items_of_stac(path, asset)
        return Finding(found=items, files=files)
    if is_glob(path):
        return Finding(found=tuple(_of_glob(path)))
    if not is_address(path) and _is_folder(path):
        return Finding(found=tuple(_of_folder(path)))
    return Finding(found=(_of_file(path, ""),))


def _of_source(what: Any) -> Found:
    if not is_source(what):
        what = open_source(what)
    name = getattr(getattr(what, "array", None), "name", None)
    path = getattr(what, "path", "")
    called = stem(path) if path else str(name) if name else "image"
    return Found(raster=what, name=called, place=display_name(path) if path else called)


def _of_file(path: str, root: str) -> Found:
    """A raster by its path; its place is told from the root on, or is its name alone."""
    raster = path if is_address(path) else os.path.abspath(path)
    place = os.path.relpath(raster, root) if root else display_name(path)
    return Found(raster=raster, name=stem(path), place=place.replace(os.sep, "/"))


def _of_folder(path: str) -> Iterator[Found]:
    root = os.path.abspath(path)
    try:
        for raster in rasters_below(Path(root)):
            yield _of_file(str(raster), root)
    except PermissionError as error:
        denied = display_name(error.filename)
        raise SourceError(f"{denied} cannot be read: {error.strerror}") from error


def _of_glob(pattern: str) -> Iterator[Found]:
    pattern, mark, variable = pattern.partition("#")
    pattern = os.path.abspath(os.path.expanduser(pattern))
    root = fixed_part(pattern)
    check_allowed(root)
    ending = os.path.splitext(pattern)[1]
    says_ending = bool(ending) and not any(sign in ending for sign in GLOB_SIGNS)
    for path in sorted(glob.iglob(pattern, recursive=True)):
        file = Path(path)
        if is_raster(file) or (says_ending and file.is_file()):
            yield _of_file(f"{path}{mark}{variable}", root)


def watched(what: Any) -> list[str]:
    """The rasters that are found by looking into folders, or are named one by one; sorted."""
    parts = what if isinstance(what, (list, tuple)) else [what]
    paths = [os.fspath(part) for part in parts if isinstance(part, (str, os.PathLike))]
    looked = [_of_part(path, None) for path in paths if not (_is_table(path) or _is_stac(path))]
    return [each.raster for finding in looked for each in finding.found]


def version_of_file(file: str) -> str:
    """Of a table or document; nothing of one that is missing."""
    try:
        return checked_version(file)
    except SourceError:
        return ""
