"""Parameters of exportImage: their table, and how a client's text becomes a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ParameterError
from ..esri import names, params, properties, rendering, rules
from .request import ExportRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of the protocol."""

    name: str
    """As Esri writes it; letter case doesn't matter in a request."""

    argument: str
    """What its value is called in Python; of exportImage that of `ExportRequest`."""

    read: Callable[[str], Any]
    """Its grammar; raises `ValueError` with the rule that is broken."""

    choices: tuple[str, ...] = ()
    """Of an enumeration; none for free text."""

    hint: str = ""
    """An example."""

    help: str = ""
    """What it does, in one sentence."""

    first: str = ""
    """What its form says before anything is filled in; it is no default."""


_BOOLEAN = ("true", "false")

EXPORT_PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="bbox",
        argument="bbox",
        read=params.bbox,
        hint="-117,34,-116,35",
        help="xmin,ymin,xmax,ymax, or an envelope as JSON; without it the full extent.",
    ),
    Parameter(
        name="bboxSR",
        argument="bbox_sr",
        read=params.spatial_reference,
        hint="4326",
        help="Spatial reference of the box: a number, or JSON with wkid or wkt.",
    ),
    Parameter(
        name="size",
        argument="size",
        read=params.size,
        hint="400,400",
        help="Width and height in pixels.",
    ),
    Parameter(
        name="imageSR",
        argument="image_sr",
        read=params.spatial_reference,
        hint="102100",
        help="Spatial reference of the image; without it the service's own.",
    ),
    Parameter(
        name="time",
        argument="time",
        read=params.time,
        hint="1199145600000,null",
        help="An instant or a range, in milliseconds since 1970; for services with a time axis.",
    ),
    Parameter(
        name="format",
        argument="format",
        read=names.format_name,
        choices=names.FORMATS,
        help="Kind of file. tiff, bip, bsq and lerc carry values, the others a picture.",
    ),
    Parameter(
        name="pixelType",
        argument="pixel_type",
        read=names.pixel_type,
        choices=tuple(names.PIXEL_TYPES),
        help="Type of the values; what doesn't fit is cut off at the type's limits.",
    ),
    Parameter(
        name="noData",
        argument="no_data",
        read=params.no_data,
        hint="0 or 0,0,0",
        help="Values to be shown as no data: one, or one for each band.",
    ),
    Parameter(
        name="noDataInterpretation",
        argument="no_data_interpretation",
        read=names.no_data_match,
        choices=tuple(names.NO_DATA_MATCHES),
        help="Is a pixel no data if any of its bands matches, or only if all do?",
    ),
    Parameter(
        name="interpolation",
        argument="interpolation",
        read=names.interpolation,
        choices=tuple(names.INTERPOLATIONS),
        help="How values between pixels are found.",
    ),
    Parameter(
        name="compression",
        argument="compression",
        read=names.compression,
        choices=tuple(names.COMPRESSIONS),
        help="Of tiff.",
    ),
    Parameter(
        name="compressionQuality",
        argument="compression_quality",
        read=params.quality,
        hint="75",
        help="Of JPEG, from 0 to 100.",
    ),
    Parameter(
        name="compressionTolerance",
        argument="compression_tolerance",
        read=params.tolerance,
        hint="0.01",
        help="Largest error of lerc, in units of the values.",
    ),
    Parameter(
        name="lercVersion",
        argument="lerc_version",
        read=params.lerc_version,
        choices=("2",),
        help="Of lerc; 2 is what is written, 1 is refused.",
    ),
    Parameter(
        name="bandIds",
        argument="band_ids",
        read=params.band_ids,
        hint="2,1,0",
        help="Bands, counted from 0, in the order wanted.",
    ),
    Parameter(
        name="adjustAspectRatio",
        argument="adjust_aspect_ratio",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Let the short side of the box grow, so that pixels are square (default true).",
    ),
    Parameter(
        name="validateExtent",
        argument="validate_extent",
        read=names.boolean,
        choices=_BOOLEAN,
        help="Refuse a box that goes beyond the service (default false).",
    ),
    Parameter(
        name="sliceId",
        argument="slice_id",
        read=params.slice_id,
        hint="0",
        help="Slice of a multidimensional service.",
    ),
    Parameter(
        name="mosaicRule",
        argument="mosaic_rule",
        read=rules.mosaic_rule,
        hint='{"mosaicMethod":"esriMosaicNone"}',
        help="Which rasters of a mosaic are drawn, and how they overlap.",
    ),
    Parameter(
        name="mosaicProperties",
        argument="mosaic_properties",
        read=properties.mosaic_properties,
        hint="<MosaicMethod>Center</MosaicMethod>",
        help="The same in the XML of 9.3; mosaicRule goes before it.",
    ),
    Parameter(
        name="viewpointProperties",
        argument="viewpoint_properties",
        read=properties.viewpoint_properties,
        hint="<X>0</X><Y>0</Y>",
        help="Where the mosaic is looked at from, in the XML of 9.3.",
    ),
    Parameter(
        name="renderingRule",
        argument="rendering_rule",
        read=rendering.rendering_rule,
        hint='{"rasterFunction":"None"}',
        help="Raster function; None and Identity leave the pixels as they are.",
    ),
)
"""Every parameter of exportImage but `f` and `callback`, in the order of Esri's form."""


def shared_parameters(*names: str) -> tuple[Parameter, ...]:
    """Parameters of exportImage that other operations have, too."""
    known = {parameter.name: parameter for parameter in EXPORT_PARAMETERS}
    return tuple(known[name] for name in names)


_REFUSED = {
    "datumtransformation": (
        "datumTransformation",
        "the transformation is PROJ's choice; a chosen one is not supported",
    )
}


def parse_export(arguments: Mapping[str, str]) -> ExportRequest:
    """The request of a client's arguments, by lower-case name, blanks around them removed.

    Names that aren't parameters of exportImage are passed over.

    Raises:
        ParameterError: one of them breaks its rule.
    """
    for name, (parameter, rule) in _REFUSED.items():
        if name in arguments:
            raise ParameterError(parameter, arguments[name], rule)
    said = said_in(arguments, EXPORT_PARAMETERS)
    box, own_crs = said.pop("bbox", (None, None))
    said.setdefault("bbox_sr", own_crs)
    return ExportRequest(bbox=box, **said)


def said_in(arguments: Mapping[str, str], parameters: Iterable[Parameter]) -> dict[str, Any]:
    """What is said of the parameters, read, by the names of their arguments.

    Raises:
        ParameterError: one of them breaks its rule.
    """
    return {
        parameter.argument: _read(parameter, arguments[parameter.name.lower()])
        for parameter in parameters
        if parameter.name.lower() in arguments
    }


def _read(parameter: Parameter, text: str) -> Any:
    try:
        return parameter.read(text)
    except ValueError as error:
        raise ParameterError(parameter.name, text, str(error)) from None
