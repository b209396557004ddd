"""Which files are rasters, and what they are called when they are served without a configuration.

Nothing is opened here: endings and names decide.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import ConfigError

GLOB_SIGNS = "*?["

# Formats that carry their own place on the earth, or have files of other endings beside them.
_ELEVATION = (".asc", ".dem", ".dt0", ".dt1", ".dt2", ".flt", ".grd", ".hgt", ".rst")
_IMAGERY = (".bil", ".bip", ".bsq", ".ecw", ".img", ".kea", ".ntf", ".nitf", ".sid", ".vrt")
_JPEG2000 = (".j2k", ".jp2", ".jpx")
_CUBES = (".grb", ".grb2", ".grib", ".grib2", ".nc", ".nc4", ".zarr")
_ENDINGS = frozenset((".tif", ".tiff", *_ELEVATION, *_IMAGERY, *_JPEG2000, *_CUBES))
# Pictures are rasters only if a file beside them says where they lie.
_PICTURES = {
    ".png": (".pgw", ".pngw", ".wld"),
    ".jpg": (".jgw", ".jpgw", ".wld"),
    ".jpeg": (".jgw", ".jpegw", ".wld"),
    ".gif": (".gfw", ".gifw", ".wld"),
    ".bmp": (".bpw", ".bmpw", ".wld"),
}


def is_raster(path: Path) -> bool:
    """Does its name say that this is a raster? Overviews, masks and statistics are not."""
    ending = path.suffix.lower()
    if ending in _PICTURES:
        beside = [path.with_suffix(each) for each in _PICTURES[ending]]
        return any(file.exists() for file in (*beside, Path(f"{path}.aux.xml")))
    return ending in _ENDINGS or os.path.isfile(path / "hdr.adf")


def rasters_below(folder: Path) -> Iterator[Path]:
    """The rasters in a folder and its sub-folders, sorted; what begins with a dot is left out."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if is_raster(path):
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from rasters_below(path)


def named(paths: Iterable[str]) -> dict[str, str]:
    """Name → raster of files, URLs and folders; sub-folders become folders of the catalogue.

    Raises:
        ConfigError: a path is missing, a folder has no raster, or two rasters want one name.
    """
    found: dict[str, str] = {}
    # Addresses ignore the case of letters.
    spelt: dict[str, str] = {}
    faults: list[str] = []
    for path in paths:
        try:
            for name, raster in _named(path):
                known = spelt.setdefault(name.casefold(), name)
                if found.setdefault(known, raster) != raster:
                    faults.append(_clash(known, found[known], raster))
        except OSError as error:
            faults.append(f"{path}: {error.strerror or error}")
    if faults:
        raise ConfigError(tuple(faults))
    return found


def _named(path: str) -> list[tuple[str, str]]:
    folder = Path(path)
    if not folder.is_dir() or is_raster(folder):
        return [(stem(path), _existing(path))]
    rasters = [
        ("/".join((*raster.relative_to(folder).parent.parts, raster.stem)), str(raster))
        for raster in rasters_below(folder)
    ]
    if not rasters:
        raise FileNotFoundError("there is no raster in this folder")
    return rasters


def _existing(path: str) -> str:
    if is_missing(path):
        raise FileNotFoundError("there is no such file")
    return path


def is_missing(path: str) -> bool:
    """Is this the path of a local raster, or of a variable in one, that isn't there?"""
    files = (path, path.partition("#")[0])
    if is_elsewhere(path) or any(map(os.path.exists, files)):
        return False
    return not is_glob(path) or not any(glob.iglob(files[1], recursive=True))


def is_glob(path: str) -> bool:
    """Is this a pattern of paths, rather than the path of a file or of a variable in one?"""
    file = path.partition("#")[0]
    if is_elsewhere(path) or not any(sign in file for sign in GLOB_SIGNS):
        return False
    return not (os.path.exists(path) or os.path.exists(file))


def fixed_part(pattern: str) -> str:
    """The folder before the first part of a pattern with a wildcard; may be empty."""
    parts = Path(pattern).parts
    wild = next(i for i, part in enumerate(parts) if any(sign in part for sign in GLOB_SIGNS))
    return os.path.join(*parts[:wild]) if wild else ""


def in_full(path: str) -> str:
    """The path of a raster for its operator: absolute, or a URL without its secrets."""
    if not is_elsewhere(path):
        return os.path.abspath(path)
    scheme, mark, rest = path.partition("?")[0].rpartition("://")
    host, slash, below = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2] if mark else host}{slash}{below}"


def told_in_full(message: str, raster: Any) -> str:
    """A message about a raster, which begins with its name, with its full path instead.

    One about a list of rasters stays as it is.
    """
    if not isinstance(raster, (str, os.PathLike)):
        return message
    path = in_full(os.fspath(raster))
    for known in (path, path.partition("#")[0]):
        name = os.path.basename(known.rstrip("/"))
        if message.startswith(f"{name} "):
            return f"{known}{message[len(name) :]}"
    return f"{path}: {message}"


def is_elsewhere(path: str) -> bool:
    """Is this a URL, or a path of GDAL's virtual file systems?"""
    return "://" in path or path.startswith("/vsi")


def stem(path: str) -> str:
    """What a raster is called by its path: the variable, or the file without its ending; what a
    pattern finds is called by the folder that it begins in."""
    if is_glob(path):
        return Path(os.path.abspath(fixed_part(path))).name or "mosaic"
    if not os.path.exists(path):
        path, _, variable = path.partition("#")
        if variable:
            return variable.partition("?")[0]
    return Path(path.partition("?")[0] if is_elsewhere(path) else path).stem


def _clash(name: str, first: str, second: str) -> str:
    return (
        f"{first} and {second} would both be called {name}: rename one, "
        "or name them in a configuration"
    )
