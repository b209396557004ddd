"""Values of the file, each with its rule."""

from __future__ import annotations

import re
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, StringConstraints

from .names import checked_name, checked_prefix

SIZE_RULE = "must be a number of bytes, or text such as '2 GB'"
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")
_SAFE_IN_A_PATH = "/%:@!$&'()*+,;=~"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _checked_url(url: str) -> str:
    """The URL without a slash at its end, its path percent-encoded."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    is_bare = not (parts.query or parts.fragment) and _has_sound_host(parts)
    if not is_bare or not url.isprintable() or " " in url:
        raise ValueError(
            "must be a scheme, a host and a path, nothing else; a port is from 1 to 65535"
        )
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path, _SAFE_IN_A_PATH)}".rstrip("/")


def _checked_origin(origin: str) -> str:
    """The origin as browsers spell it."""
    if origin == "*":
        return origin
    parts = urlsplit(origin)
    spelt = f"{parts.scheme}://{parts.netloc.lower()}"
    if origin.lower() != spelt or not parts.scheme or not _has_sound_host(parts):
        raise ValueError("must be '*' or an origin such as https://maps.example.org")
    return spelt.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def _checked_network(name: str) -> str:
    if name == "unix":
        return name
    try:
        ip_network(name, strict=False)
    except ValueError:
        raise ValueError("must be an address, a block such as 10.0.0.0/8, or unix") from None
    return name


def _checked_scheduler(scheduler: str) -> str:
    if scheduler == "threads":
        return scheduler
    parts = urlsplit(scheduler)
    if parts.scheme not in ("tcp", "tls") or not _is_host_and_port(parts):
        raise ValueError("must be 'threads', or an address such as tcp://scheduler:8786")
    if find_spec("distributed") is None:
        raise ValueError(
            "a cluster needs dask.distributed: pip install exportimage-wsgi[distributed]"
        )
    return scheduler


def _is_host_and_port(parts: SplitResult) -> bool:
    whole = _has_sound_host(parts) and parts.port
    return bool(whole) and not (parts.path or parts.query or parts.fragment)


def _has_sound_host(parts: SplitResult) -> bool:
    """Is there a host, with a port that can be one if any, and nobody's name and password?"""
    try:
        port = parts.port
    except ValueError:
        return False
    return bool(_HOST.fullmatch(parts.hostname or "")) and port != 0 and "@" not in parts.netloc


def _checked_size(size: Any) -> Any:
    # To Python a truth is a number.
    if isinstance(size, bool):
        raise ValueError(SIZE_RULE)
    return size


Bytes = Annotated[ByteSize, BeforeValidator(_checked_size)]
Count = Annotated[int, Field(strict=True, ge=1)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Channel = Annotated[int, Field(strict=True, ge=0, le=255)]
Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Quality = Annotated[int, Field(strict=True, ge=0, le=100)]
DefaultFormat = Literal["png", "jpgpng"]
Name = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(checked_name)]
Url = Annotated[str, AfterValidator(_checked_url)]
Prefix = Annotated[str, AfterValidator(checked_prefix)]
Network = Annotated[str, AfterValidator(_checked_network)]
Scheduler = Annotated[str, AfterValidator(_checked_scheduler)]
Origin = Annotated[str, AfterValidator(_checked_origin)]
