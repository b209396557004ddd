"""Planning: a service and a request become a plan that leaves nothing unsaid.

Nothing is read here but a raster's description and, where a picture must be stretched, its
statistics. Every limit is checked before anything is allocated.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .. import __version__
from ..encode import FORMATS
from ..encode.format import Canvas, Compression, Content, Encoder, Format, Options
from ..encode.kmz import Kmz
from ..errors import ParameterError, SizeLimitError, UnknownCRSError
from ..geo.grid import Grid
from ..geo.survey import surely_inside
from ..imagery.cast import Appearance, default_stretch
from ..imagery.layer import Layer, placement_of, plan_layer
from ..imagery.mosaic import Mosaic
from ..imagery.view import View
from ..mosaics.dataset import MosaicDataset
from ..pixels import NoDataRule, PixelType
from ..service import ImageService
from ..words import counted
from .mosaicking import plan_mosaic
from .placing import WGS84, on_the_globe, plan_grid
from .request import ExportRequest

_ONLY_RASTER = {"objectid": 1.0}
"""Attributes of a raster that is a service by itself."""

_OVERLAYS = {name: name for name in ("png", "png8", "png24", "png32", "jpg", "gif")}
_OVERLAYS |= {"jpgpng": "png32"}
"""Formats of the picture in a KMZ; one that is to be JPEG or PNG, whatever the pixels, is PNG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """Everything that is decided about one export."""

    view: View

    encoder: Encoder

    translucent: Encoder | None = None
    """Takes over from `encoder` if a pixel turns out to be no data (jpgpng)."""

    token: str
    """Equal tokens are equal bytes: of the pixels, the file and the versions of the rasters."""

    notes: tuple[str, ...] = ()
    """What the client should know of a mosaic: that items were left out or cut off."""


def plan_export(service: ImageService, request: ExportRequest) -> ExportPlan:
    """Decide all that the request leaves open.

    Raises:
        ParameterError: a parameter contradicts the service or another parameter.
        SourceError: statistics were needed, and the raster cannot be read.
    """
    return _plan(service, request, plan_grid(service, request), request_format(service, request))


def plan_kmz(service: ImageService, request: ExportRequest) -> ExportPlan:
    """The plan of the same picture in WGS 84, in a KMZ; the box isn't widened.

    Raises:
        ParameterError: the format is none that a viewer of KMZ shows.
    """
    name = request.format or "png32"
    if name not in _OVERLAYS:
        rule = f"a KMZ holds a picture: {', '.join(_OVERLAYS)}"
        raise ParameterError("format", name, rule)
    asked = plan_grid(service, replace(request, image_sr=WGS84, adjust_aspect_ratio=False))
    grid = on_the_globe(asked, request)
    plan = _plan(service, request, grid, _OVERLAYS[name])
    encoder = Kmz(
        overlay=plan.encoder,
        extent=grid.extent,
        pixels=math.prod(grid.shape_yx),
        name=service.name,
    )
    return replace(plan, encoder=encoder, token=_token(plan.view, encoder, None))


def request_format(service: ImageService, request: ExportRequest) -> str:
    """The name of the format, in the table or jpgpng."""
    return request.format or service.settings.default_format


def _check_bytes(service: ImageService, grid: Grid, bands: int, pixel_type: PixelType) -> None:
    height, width = grid.shape_yx
    size, most = (
        width * height * bands * pixel_type.dtype.itemsize,
        service.settings.max_image_bytes,
    )
    if size > most:
        told = f"{counted(bands, 'band')} of {pixel_type.name} would take {size} bytes"
        rule = f"{told}, at most {most} are allowed (max_image_bytes)"
        raise SizeLimitError("size", f"{width},{height}", rule)


def _plan(service: ImageService, request: ExportRequest, grid: Grid, name: str) -> ExportPlan:
    chosen = FORMATS["jpg" if name == "jpgpng" else name]
    _check_dimensions(request)
    view, notes = _view(service, request, grid, chosen.content)
    canvas = _canvas(service, request, view, chosen.content)
    options = _options(service, request)
    encoder = _fitted(chosen, canvas, options, request)
    translucent = None
    if name == "jpgpng" and not canvas.opaque:
        translucent = _fitted(FORMATS["png32"], canvas, options, request)
    token = _token(view, encoder, translucent)
    return ExportPlan(view=view, encoder=encoder, translucent=translucent, token=token, notes=notes)


def _check_dimensions(request: ExportRequest) -> None:
    rule = request.mosaic_rule
    if rule is not None and rule.dimensions:
        said = "multidimensionalDefinition: this service has no dimensions"
        raise ParameterError(rule.parameter, rule.received or "…", said)


def _view(
    service: ImageService, request: ExportRequest, grid: Grid, content: Content
) -> tuple[View, tuple[str, ...]]:
    """The view, and what is to be said of it."""
    bands = _bands(service, request, content)
    rule = _nodata_rule(service, request, bands)
    interpolation = request.interpolation or service.interpolation
    pixel_type = _pixel_type(service, request)
    _check_bytes(
        service, grid, len(bands), pixel_type if content is Content.VALUES else PixelType.U8
    )
    appearance = None
    if content is not Content.VALUES:
        pixel_type, appearance = _looks(service, pixel_type, bands, content)
    opaque = not service.info.masked and rule is None and _is_inside(service, grid)
    layer: Layer | Mosaic
    if isinstance(service.source, MosaicDataset):
        layer, notes = plan_mosaic(service.source, request, grid, bands, interpolation, rule)
        blank = False
    else:
        layer, notes = plan_layer(service.source, grid, bands, interpolation, rule), ()
        blank = _selects_nothing(request)
    view = View(
        grid=grid,
        layer=layer,
        pixel_type=pixel_type,
        fill=_fill(service, rule, bands, pixel_type, opaque) if appearance is None else None,
        appearance=appearance,
        opaque=opaque and not blank,
        blank=blank,
    )
    return view, notes


def _pixel_type(service: ImageService, request: ExportRequest) -> PixelType:
    """The type asked for, or that of the function's result, or the raster's own."""
    own = service.info.pixel_type
    made = request.rendering_rule and request.rendering_rule.output_pixel_type
    if made and request.pixel_type not in (None, made):
        rule = f"contradicts the outputPixelType {made.name} of renderingRule"
        raise ParameterError("pixelType", request.pixel_type.name, rule)
    return request.pixel_type or made or own


def _selects_nothing(request: ExportRequest) -> bool:
    rule = request.mosaic_rule
    return rule is not None and not rule.selects(_ONLY_RASTER)


@lru_cache(maxsize=4096)
def _is_inside(service: ImageService, grid: Grid) -> bool:
    return surely_inside(grid, placement_of(service.info))


def _bands(service: ImageService, request: ExportRequest, content: Content) -> tuple[int, ...]:
    """The bands that are read: those asked for; of a picture one, or the first three."""
    count = service.info.band_count
    bands = request.band_ids or tuple(range(count))
    for band in bands:
        if band >= count:
            rule = f"bands are counted from 0, the last one is {count - 1}"
            raise ParameterError("bandIds", ",".join(str(b) for b in bands), rule)
    if content is Content.VALUES:
        return bands
    return bands[:3] if len(bands) >= 3 else bands[:1]


def _nodata_rule(
    service: ImageService, request: ExportRequest, bands: tuple[int, ...]
) -> NoDataRule | None:
    """The request's no-data values, one for all or one for each band that is read."""
    rule = request.no_data
    if rule is None or len(rule.values) in (1, len(bands)):
        return rule
    if len(rule.values) == service.info.band_count:
        return replace(rule, values=tuple(rule.values[b] for b in bands))
    if request.band_ids is not None and len(rule.values) == len(request.band_ids):
        return replace(rule, values=rule.values[: len(bands)])
    text = ",".join(f"{v:.12g}" for v in rule.values)
    said = f"one value, or one for each band, here {len(bands)}"
    raise ParameterError("noData", text, said)


def _looks(
    service: ImageService, pixel_type: PixelType, bands: tuple[int, ...], content: Content
) -> tuple[PixelType, Appearance | None]:
    """The type that values are cast to before they are shown, and how they are shown."""
    if service.info.palette is not None and len(bands) == 1:
        if content is Content.INDEXED:
            return PixelType.U8, None
        return PixelType.U8, Appearance(palette=service.info.palette)
    if pixel_type is PixelType.U8:
        return pixel_type, Appearance()
    if pixel_type.is_integer and pixel_type.bits < 8:
        return pixel_type, Appearance(stretch=(pixel_type.limits,) * len(bands))
    statistics = service.statistics
    if statistics is None:
        return pixel_type, Appearance(stretch=((0.0, 1.0),) * len(bands))
    return pixel_type, Appearance(stretch=tuple(default_stretch(statistics[b]) for b in bands))


def _fill(
    service: ImageService,
    rule: NoDataRule | None,
    bands: tuple[int, ...],
    pixel_type: PixelType,
    opaque: bool,
) -> tuple[float, ...] | None:
    """The no-data value of each band: the request's, else the raster's, else NaN in floats.

    One that the pixel type cannot hold is passed over: saturated it would make data no data.
    """
    declared: tuple[float | None, ...] = tuple(service.info.nodata[b] for b in bands)
    if rule is not None:
        asked = rule.for_bands(len(bands))
        declared = tuple(
            a if pixel_type.holds(a) else own for a, own in zip(asked, declared, strict=True)
        )
    held = [value for value in declared if value is not None and pixel_type.holds(value)]
    if not held:
        return (math.nan,) * len(bands) if pixel_type.is_float and not opaque else None
    others = held[0]
    fill = (others if v is None or not pixel_type.holds(v) else v for v in declared)
    return tuple(_rounded(value, pixel_type) for value in fill)


def _rounded(value: float, pixel_type: PixelType) -> float:
    """As a pixel of the type holds it."""
    return float(np.float32(value)) if pixel_type is PixelType.F32 else value


def _canvas(service: ImageService, request: ExportRequest, view: View, content: Content) -> Canvas:
    names = tuple(service.info.band_names[b] for b in view.layer.bands)
    indexed = content is Content.INDEXED and view.appearance is None
    kept = content is Content.VALUES and view.pixel_type is PixelType.U8
    has_palette = indexed or (kept and len(view.layer.bands) == 1)
    return Canvas(
        grid=view.grid,
        bands=view.bands,
        pixel_type=view.result_type,
        fill=view.fill,
        fills_jointly=view.fills_jointly,
        opaque=view.opaque,
        palette=service.info.palette if has_palette else None,
        band_names=names if content is Content.VALUES else (),
    )


def _options(service: ImageService, request: ExportRequest) -> Options:
    settings = service.settings
    quality = request.compression_quality
    return Options(
        quality=settings.compression_quality if quality is None else quality,
        compression=Compression(request.compression or "none"),
        tolerance=request.compression_tolerance or 0.0,
        lerc_version=request.lerc_version or 2,
        lerc_fill=settings.lerc_nodata == "fill",
        background=settings.background,
    )


def _fitted(chosen: Format, canvas: Canvas, options: Options, request: ExportRequest) -> Encoder:
    try:
        return chosen.fit(canvas, options)
    except UnknownCRSError as error:
        raise ParameterError("imageSR", canvas.grid.crs, str(error)) from None
    except ValueError as error:
        if request.lerc_version == 1 and request.format == "lerc":
            raise ParameterError("lercVersion", 1, str(error)) from None
        if request.format == "tiff" and options.compression is not Compression.NONE:
            raise ParameterError("compression", options.compression.value, str(error)) from None
        raise ParameterError("format", request.format or "", str(error)) from None


def _token(view: View, encoder: Encoder, translucent: Encoder | None) -> str:
    """A digest of all that decides the bytes."""
    said = repr((__version__, view, encoder, translucent))
    return hashlib.sha256(said.encode()).hexdigest()[:40]
