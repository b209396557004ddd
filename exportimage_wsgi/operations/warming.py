"""Warming up: tiny exports through the whole road, so that no request waits for a compiler."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from affine import Affine

from ..geo.crs import crs_from_wkid
from ..geo.grid import Grid, Window
from ..imagery.sources import spreading, tiff_rows, tile_floats
from ..imagery.sources.source import Level, SourceInfo
from ..mosaics.dataset import MosaicDataset
from ..mosaics.settings import MosaicSettings
from ..pixels import Interpolation, MosaicOperation, Pixels, PixelType, Statistics
from ..service import ImageService
from .export_image import export_image
from .request import ExportRequest

_FORMATS = ("png", "png8", "jpg", "tiff")
_SIDE = 8
_SIDES = {Interpolation.NEAREST: (6,), Interpolation.BILINEAR: (10, 6, 3)}
"""Rows and columns of pictures: kernels of two, of four and of more pixels."""
_BANDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A few pixels in memory, some of them no data if they are to be masked."""

    info: SourceInfo

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        shape = window.shape_yx
        valid = np.full((1, *shape), 255, np.uint8)
        if self.info.masked:
            valid[0, 0, 0] = 0
        return Pixels(np.ones((len(bands), *shape), self.info.pixel_type.dtype), valid)


def warm(pixel_type: PixelType) -> None:
    """Compile, or load from disk, what requests of rasters of a pixel type are likely to need."""
    spreading.warm()
    tile_floats.warm(pixel_type.dtype)
    tiff_rows.warm(pixel_type.dtype)
    for masked in (False, True):
        service = ImageService(name="warm", source=_Scene(info=_info(pixel_type, masked)))
        for interpolation, sides in _SIDES.items():
            for side, name in product(sides, _FORMATS):
                request = ExportRequest(size=(side, side), format=name, interpolation=interpolation)
                for _ in export_image(service, request).stream():
                    pass


def warm_mosaics() -> None:
    """The same for what mosaics need besides: their table, and the distances of a blend."""
    scenes = [_Scene(info=_info(PixelType.U8, masked)) for masked in (False, True)]
    settings = MosaicSettings(operation=MosaicOperation.BLEND)
    service = ImageService.open(scenes, name="warm", mosaic=settings)
    request = ExportRequest(size=(_SIDE, _SIDE), mosaic_rule={"where": "OBJECTID > 0"})
    for _ in export_image(service, request).stream():
        pass


def pixel_types_of(service: ImageService) -> set[PixelType]:
    """Those of the rasters that a service draws."""
    found = {service.info.pixel_type}
    if isinstance(service.source, MosaicDataset):
        names = service.source.table.rows.column("pixel_type").unique().to_pylist()
        found |= {PixelType[name] for name in names if name is not None}
    return found


def _info(pixel_type: PixelType, masked: bool) -> SourceInfo:
    shape_yx = (_SIDE, _SIDE)
    grid = Grid(crs=crs_from_wkid(3857), affine=Affine(1, 0, 0, 0, -1, _SIDE), shape_yx=shape_yx)
    return SourceInfo(
        grid=grid,
        pixel_type=pixel_type,
        band_names=("Band",) * _BANDS,
        nodata=(None,) * _BANDS,
        masked=masked,
        levels=(Level(shape_yx=shape_yx, scale_yx=(1.0, 1.0)),),
        statistics=(Statistics(minimum=0, maximum=1, mean=0.5, deviation=0.25),) * _BANDS,
        version=f"warming {masked}",
    )
