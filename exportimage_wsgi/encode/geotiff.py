"""The tags that say where a TIFF lies, and what GDAL adds: no-data value and band names."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

from ..errors import UnknownCRSError
from ..geo.crs import CRS
from ..geo.grid import Grid
from ..geo.wkt import on_one_earth, read_wkt
from .markup import in_xml
from .tiff_tags import Tag, text

_SCALE, _TIEPOINT, _KEYS, _KEY_NUMBERS, _KEY_TEXTS = 33550, 33922, 34735, 34736, 34737
_METADATA, _NO_DATA = 42112, 42113


def place_tags(grid: Grid) -> list[Tag]:
    """Pixel size, north-west corner and spatial reference of a north-up grid."""
    across, down = grid.affine.a, -grid.affine.e
    west, north = grid.affine.c, grid.affine.f
    return [
        Tag(_SCALE, "d", (across, down, 0.0)),
        Tag(_TIEPOINT, "d", (0.0, 0.0, 0.0, west, north, 0.0)),
        *reference_tags(grid.crs),
    ]


@lru_cache(maxsize=256)
def reference_tags(crs: CRS) -> tuple[Tag, ...]:
    """The GeoKeys of a spatial reference, as GDAL writes them; those of EPSG's number for it where
    there are none for Esri's.

    Raises:
        UnknownCRSError: there are none for it.
    """
    found = _keys_of(crs)
    if found is None and crs.latest_wkid != crs.wkid:
        found = _keys_of(CRS(definition=f"EPSG:{crs.latest_wkid}"))
    if found is None:
        raise UnknownCRSError("GeoTIFF has no keys for this spatial reference")
    tags = [Tag(_KEYS, "H", found[_KEYS])]
    if found[_KEY_NUMBERS] is not None:
        numbers = found[_KEY_NUMBERS]  # Pillow gives a single one as itself.
        tags.append(Tag(_KEY_NUMBERS, "d", numbers if isinstance(numbers, tuple) else (numbers,)))
    if found[_KEY_TEXTS]:
        tags.append(text(_KEY_TEXTS, found[_KEY_TEXTS]))
    return tuple(tags)


def _keys_of(crs: CRS) -> dict[int, Any] | None:
    """Pillow's values of the three tags, if there are keys."""
    from PIL import Image

    image: Any = Image.open(io.BytesIO(_smallest(crs)))  # of its TIFF kind, which has tags
    with image:
        found = {number: image.tag_v2.get(number) for number in (_KEYS, _KEY_NUMBERS, _KEY_TEXTS)}
    return None if found[_KEYS] is None else found


def _smallest(crs: CRS) -> bytes:
    """A GeoTIFF of one pixel, written by GDAL."""
    from rasterio import Env
    from rasterio.crs import CRS as RasterioCRS
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    shape = {"width": 1, "height": 1, "count": 1, "dtype": "uint8"}
    # Otherwise a number that is out of use becomes another one, of another reference maybe.
    with Env(OSR_USE_NON_DEPRECATED="NO"), MemoryFile() as file:
        if crs.code:
            authority, _, code = crs.code.partition(":")
            reference = RasterioCRS.from_authority(authority, code)
        else:
            reference = RasterioCRS.from_wkt(crs.definition)
        with file.open(driver="GTiff", crs=reference, transform=from_origin(0, 0, 2, 2), **shape):
            pass
        with file.open() as written:
            _check(crs, written.crs)
        return bytes(file.read())


def _check(crs: CRS, written: Any) -> None:
    """That the keys say what the WKT says: GDAL goes by its names, as PROJ does.

    Raises:
        UnknownCRSError: they tell another reference.
    """
    if crs.code or not written:
        return
    if not on_one_earth(read_wkt(written.to_wkt(version="WKT2_2019")), crs.proj):
        raise UnknownCRSError("GeoTIFF has no keys for this spatial reference")


def no_data_tag(value: float) -> Tag:
    """GDAL's tag of the value that stands for no data in all bands."""
    whole = float(value).is_integer() and abs(value) < 2**63
    return text(_NO_DATA, str(int(value)) if whole else repr(float(value)))


def names_tag(names: tuple[str, ...]) -> Tag:
    """GDAL's tag of the bands' names. It escapes them twice, and expects that."""
    items = []
    for band, name in enumerate(names):
        attributes = f'name="DESCRIPTION" sample="{band}" role="description"'
        items.append(f"  <Item {attributes}>{in_xml(in_xml(name))}</Item>\n")
    return text(_METADATA, f"<GDALMetadata>\n{''.join(items)}</GDALMetadata>\n")
