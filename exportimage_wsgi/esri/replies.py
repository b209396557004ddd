"""Replies: our values as Esri's JSON (spec: responses.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..geo.crs import CRS
from ..geo.extent import Extent

_INVALID_ARGUMENT = -2147024809
_WITH_LATEST_WKID = 10.1
_WITH_SCALE = 10.0
_WITH_EXTENDED_CODE = 10.9


def finite(value: Any) -> Any:
    """The same with `NaN` and the infinities as text, which is how Esri writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {name: finite(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(member) for member in value]
    return value


def spatial_reference_json(crs: CRS, version: float) -> dict[str, Any]:
    """`wkid` and, from 10.1 on, `latestWkid`; of a reference without a number its WKT."""
    if crs.wkid is None:
        return {"wkt": crs.esri_wkt}
    said: dict[str, Any] = {"wkid": crs.wkid}
    if version >= _WITH_LATEST_WKID:
        said["latestWkid"] = crs.latest_wkid or crs.wkid
    return said


def point_json(x: float, y: float, crs: CRS, version: float) -> dict[str, Any]:
    """A point and its reference."""
    return {"x": x, "y": y, "spatialReference": spatial_reference_json(crs, version)}


def extent_json(extent: Extent, version: float) -> dict[str, Any]:
    """The box in full precision, and its reference."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), extent.bounds, strict=True)
    reply: dict[str, Any] = {name: float(side) for name, side in sides}
    return reply | {"spatialReference": spatial_reference_json(extent.crs, version)}


def export_reply(
    href: str, width: int, height: int, extent: Extent, version: float
) -> dict[str, Any]:
    """What exportImage answers; `scale` is always 0, as Esri's image services say it."""
    reply: dict[str, Any] = {
        "href": href,
        "width": width,
        "height": height,
        "extent": extent_json(extent, version),
    }
    return reply | ({"scale": 0} if version >= _WITH_SCALE else {})


def job_reply(
    job_id: str,
    state: str,
    percent: int,
    messages: Iterable[str],
    result: Mapping[str, Any],
) -> dict[str, Any]:
    """A job, as Esri's asynchronous services tell of it; at its end with what it made.

    Args:
        job_id: of the job.
        state: `Submitted`, `Executing`, `Succeeded`, `Failed`, `Cancelling` or `Cancelled`.
        percent: of the work that is done.
        messages: what was said; of a job that failed, why.
        result: the reply of the operation, once there is one.
    """
    kind = "esriJobMessageTypeError" if state == "Failed" else "esriJobMessageTypeInformative"
    return {
        "jobId": job_id,
        "jobStatus": f"esriJob{state}",
        "progress": {"type": "default", "message": state, "percent": percent},
        "messages": [{"type": kind, "description": text} for text in messages],
        **result,
    }


def error_body(code: int, message: str, details: Iterable[str], version: float) -> dict[str, Any]:
    """Esri's error object; servers from 10.9 on add the Windows code of a bad argument."""
    error: dict[str, Any] = {"code": code}
    if code == 400 and version >= _WITH_EXTENDED_CODE:
        error["extendedCode"] = _INVALID_ARGUMENT
    return {"error": error | {"message": message, "details": list(details)}}


def catalog_reply(
    folders: Iterable[str], services: Iterable[str], version: float
) -> dict[str, Any]:
    """A folder of the services directory; names are full paths."""
    listed = [{"name": name, "type": "ImageServer"} for name in services]
    return _versioned(version) | {"folders": list(folders), "services": listed}


def info_reply(version: float) -> dict[str, Any]:
    """`/rest/info`: no token is needed."""
    reply = _versioned(version)
    if version > 9.3:
        reply["fullVersion"] = full_version(version)
    return reply | {"authInfo": {"isTokenBasedSecurity": False}}


def _versioned(version: float) -> dict[str, Any]:
    return {"currentVersion": version} if version > 9.3 else {}


def full_version(version: float) -> str:
    """10.91 is 10.9.1, 11.2 is 11.2.0."""
    major, _, minor = f"{version:g}".partition(".")
    digits = (minor or "0").ljust(2, "0") if len(minor) != 1 else f"{minor}0"
    return f"{major}.{digits[0]}.{digits[1]}"
