"""Requests of exportImage: a value, and the friendly way to make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from ..esri.params import Box, TimeRange
from ..esri.rendering import RenderingRule
from ..esri.rules import MosaicRule, Viewpoint
from ..geo.crs import CRS
from ..geo.extent import Extent
from ..pixels import Interpolation, NoDataMatch, NoDataRule, PixelType
from . import python_values as read
from .python_values import asked


@dataclass(frozen=True, slots=True, init=False)
class ExportRequest:
    """What a client asks exportImage for. `None` means "not said".

    Made from Python values: numbers for spatial references, names for formats and pixel types.
    What breaks a rule raises `ParameterError`, by the parameter's name in the protocol.
    """

    bbox: Box | None
    """xmin, ymin, xmax, ymax, each axis sorted."""

    bbox_sr: CRS | None
    """Of `bbox`; the service's own if not said."""

    size: tuple[int, int] | None
    """Width, height in pixels."""

    image_sr: CRS | None
    """Of the picture; the service's own if not said."""

    format: str | None
    """As Esri names it, in lower case."""

    pixel_type: PixelType | None
    """Of the values; the service's own if not said or UNKNOWN."""

    no_data: NoDataRule | None
    """Values to be treated as no data."""

    interpolation: Interpolation | None

    compression: str | None
    """Of TIFF: none, deflate, jpeg, lzw, zstd or lerc."""

    compression_quality: int | None
    """Of JPEG, 0 to 100."""

    compression_tolerance: float | None
    """Largest error of LERC."""

    lerc_version: int | None

    band_ids: tuple[int, ...] | None
    """Bands from 0, in the order wanted."""

    adjust_aspect_ratio: bool
    """May the box grow, so that pixels are square?"""

    validate_extent: bool
    """Is a box that goes beyond the service an error?"""

    time: TimeRange | None
    """First and last instant, in milliseconds since 1970."""

    slice_id: int | None

    mosaic_rule: MosaicRule | None
    """From `mosaicRule`, else from `mosaicProperties` and `viewpointProperties`."""

    rendering_rule: RenderingRule | None

    def __init__(
        self,
        *,
        bbox: Extent | Sequence[float] | None = None,
        bbox_sr: CRS | int | str | Any = None,
        size: Sequence[float] | None = None,
        image_sr: CRS | int | str | Any = None,
        format: str | None = None,
        pixel_type: PixelType | str | None = None,
        no_data: NoDataRule | float | Sequence[float] | None = None,
        no_data_interpretation: NoDataMatch | str | None = None,
        interpolation: Interpolation | str | None = None,
        compression: str | None = None,
        compression_quality: int | None = None,
        compression_tolerance: float | None = None,
        lerc_version: int | None = None,
        band_ids: Sequence[int] | int | None = None,
        adjust_aspect_ratio: bool = True,
        validate_extent: bool = False,
        time: datetime | int | Sequence[datetime | int | None] | None = None,
        slice_id: int | None = None,
        mosaic_rule: MosaicRule | Mapping[str, Any] | str | None = None,
        mosaic_properties: MosaicRule | str | None = None,
        viewpoint_properties: Viewpoint | str | None = None,
        rendering_rule: RenderingRule | Mapping[str, Any] | str | None = None,
    ) -> None:
        """Check and normalise what is asked.

        Args:
            bbox: xmin, ymin, xmax, ymax, or an extent with its reference.
            bbox_sr: a number of EPSG or ESRI, `"EPSG:n"`, or anything with `to_wkt()`.
            size: width, height.
            image_sr: as `bbox_sr`.
            format: png, jpgpng, png8, png24, png32, jpg, bmp, gif, tiff, bip, bsq or lerc.
            pixel_type: a pixel type or its code.
            no_data: one value, or one for each band asked for.
            no_data_interpretation: any or all bands; by default any for one value, all for more.
            interpolation: nearest, bilinear, cubic or majority, or Esri's name of it.
            compression: of TIFF: None, Deflate (LZ77), LZW, ZSTD, LERC or JPEG.
            compression_quality: 0 to 100.
            compression_tolerance: 0 or more.
            lerc_version: 1 or 2.
            band_ids: from 0; may repeat.
            adjust_aspect_ratio: grow the short axis of the box, so that pixels are square.
            validate_extent: refuse a box that goes beyond the service.
            time: an instant or a range with `None` for an open end; milliseconds since 1970 or
                datetimes, those without a zone in UTC.
            slice_id: of a multidimensional service.
            mosaic_rule: a rule, or Esri's JSON as a mapping or text.
            mosaic_properties: the XML of 9.3.
            viewpoint_properties: the XML of 9.3.
            rendering_rule: None or Identity.

        Raises:
            ParameterError: one of them breaks its rule.
        """
        box, own_crs = asked("bbox", read.box, bbox) or (None, None)
        properties = asked("mosaicProperties", read.properties, mosaic_properties)
        viewpoint = asked("viewpointProperties", read.viewpoint, viewpoint_properties)
        rule = asked("mosaicRule", read.mosaic_rule, mosaic_rule)
        match = asked("noDataInterpretation", read.match, no_data_interpretation)
        normalised = {
            "bbox": box,
            "bbox_sr": asked("bboxSR", read.crs, bbox_sr) or own_crs,
            "size": asked("size", read.size, size),
            "image_sr": asked("imageSR", read.crs, image_sr),
            "format": asked("format", read.format_name, format),
            "pixel_type": asked("pixelType", read.pixel_type, pixel_type),
            "no_data": asked("noData", partial(read.no_data, match=match), no_data),
            "interpolation": asked("interpolation", read.interpolation, interpolation),
            "compression": asked("compression", read.compression, compression),
            "compression_quality": asked("compressionQuality", read.quality, compression_quality),
            "compression_tolerance": asked(
                "compressionTolerance", read.tolerance, compression_tolerance
            ),
            "lerc_version": asked("lercVersion", read.lerc_version, lerc_version),
            "band_ids": asked("bandIds", read.bands, band_ids),
            "adjust_aspect_ratio": asked("adjustAspectRatio", read.boolean, adjust_aspect_ratio),
            "validate_extent": asked("validateExtent", read.boolean, validate_extent),
            "time": asked("time", read.time, time),
            "slice_id": asked("sliceId", read.slice_id, slice_id),
            "mosaic_rule": _seen_from(rule or properties, viewpoint),
            "rendering_rule": asked("renderingRule", read.rendering_rule, rendering_rule),
        }
        for name, value in normalised.items():
            object.__setattr__(self, name, value)


def _seen_from(rule: MosaicRule | None, viewpoint: Viewpoint | None) -> MosaicRule | None:
    """The rule, looked from the viewpoint of 9.3 unless it has its own."""
    if viewpoint is None or (rule is not None and rule.viewpoint is not None):
        return rule
    return replace(rule or MosaicRule(parameter="viewpointProperties"), viewpoint=viewpoint)
