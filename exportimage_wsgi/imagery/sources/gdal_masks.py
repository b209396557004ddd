"""Which pixels of a raster of GDAL's count: masks beside no-data values and alpha."""

from __future__ import annotations

from enum import Enum
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError

from ...pixels import Values

_HANDLERS = {"http": "/vsicurl/http://", "https": "/vsicurl/https://"}
_MASK_AS_BAND = """<VRTDataset rasterXSize="{columns}" rasterYSize="{rows}">
<GeoTransform>0,1,0,0,0,-1</GeoTransform>
<VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0" shared="0">{path}</SourceFilename>
<SourceBand>mask,{band}</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


class Mask(Enum):
    """The kinds of mask, inside the file or beside it."""

    NONE = "none"
    SHARED = "shared"
    BY_BAND = "by band"


def mask_of(dataset: Any, bands: tuple[int, ...]) -> Mask:
    """The kind of mask that the bands (GDAL's numbers) have; no-data values are none."""
    of_all = dataset.mask_flag_enums  # made anew at each look
    flags = [set(of_all[band - 1]) for band in bands]
    if any(not each for each in flags):
        return Mask.BY_BAND
    shared = MaskFlags.per_dataset in flags[0] and MaskFlags.alpha not in flags[0]
    return Mask.SHARED if shared else Mask.NONE


def mask_overviews(dataset: Any, path: str, band: int) -> set[int]:
    """The factors of the overviews that the band's mask has.

    GDAL says of an overview whose mask is missing that it has one, and that all is valid there.
    """
    xml = _MASK_AS_BAND.format(
        rows=dataset.height, columns=dataset.width, path=escape(_gdal_path(path)), band=band
    )
    try:
        with rasterio.open(xml) as mask:
            return set(mask.overviews(1))
    except RasterioError:
        return set()


def _gdal_path(path: str) -> str:
    """The path as GDAL itself wants it."""
    scheme, found, rest = path.partition("://")
    return _HANDLERS.get(scheme, f"/vsi{scheme}/") + rest if found and path[0] != "/" else path


def as_alpha(values: Values) -> NDArray[np.uint8]:
    """Alpha of any type as 0 to 255; only what is 0 there is 0 here."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "ui":
        return np.where(values.real > 0, 255, 0).astype(np.uint8)
    share = np.maximum(values, 0) / np.iinfo(values.dtype).max
    return np.where(values > 0, np.maximum(np.rint(share * 255), 1), 0).astype(np.uint8)
