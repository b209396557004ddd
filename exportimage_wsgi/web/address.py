"""Where a client reached the application: what every link begins with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
)
_FORWARDED_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%-]{1,100}){1,10}/?", re.ASCII)
_SCHEMES = ("http", "https")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

Network = IPv4Network | IPv6Network | Literal["unix"]
"""A block of addresses, or all peers that come by a Unix socket and so have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The place of the application as the client sees it."""

    origin: str
    """`https://host:port`, nothing after it."""

    root: str
    """Path of the mount point, percent-encoded, without a slash at its end; `""` at the top."""

    def path(self, *parts: str) -> str:
        """A path below the mount point; the parts are encoded, their slashes stay."""
        return "/".join([self.root, *(quote(part, safe="/") for part in parts)])

    def url(self, *parts: str) -> str:
        """The same with scheme and host."""
        return self.origin + self.path(*parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What the operator says of the way in."""

    prefix: str = ""
    """Path below `SCRIPT_NAME` at which the application begins, for servers that cannot mount."""

    url: str | None = None
    """Public URL of the mount point, prefix included; otherwise what the client asked for."""

    trusted_proxies: tuple[Network, ...] = ()
    """Addresses whose `X-Forwarded-Proto`, `-Host` and `-Prefix` are believed."""

    def address(self, environ: WSGIEnvironment) -> Address:
        """Where this client reached the application."""
        if self.url:
            parts = urlsplit(self.url)
            return Address(origin=f"{parts.scheme}://{parts.netloc}", root=_root(parts.path))
        forwarded = self._forwarded(environ)
        scheme = _scheme(environ, forwarded)
        script = environ.get("SCRIPT_NAME", "").encode("latin-1")
        outside = _root(forwarded.get("PREFIX", ""), _FORWARDED_PREFIX)
        root = outside + _root(quote(script, safe="/")) + _root(quote(self.prefix, safe="/"))
        return Address(origin=f"{scheme}://{_host(environ, forwarded, scheme)}", root=root)

    def path(self, environ: WSGIEnvironment) -> str | None:
        """The decoded path below the mount point, or `None` outside of the prefix, whose letter
        case doesn't matter."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        prefix = _root(self.prefix)
        if not prefix:
            return str(path)
        first, below = path[: len(prefix)], path[len(prefix) :]
        is_inside = first.casefold() == prefix.casefold() and below[:1] in ("", "/")
        return str(below) if is_inside else None

    def _forwarded(self, environ: WSGIEnvironment) -> dict[str, str]:
        """The nearest proxy's own word, if we trust that proxy."""
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            return {}
        headers = {name: environ.get(f"HTTP_X_FORWARDED_{name}") for name in _FORWARDED}
        return {name: value.split(",")[-1].strip() for name, value in headers.items() if value}

    def _is_trusted(self, remote: str) -> bool:
        if not remote:
            return "unix" in self.trusted_proxies
        try:
            peer = ip_address(remote.partition("%")[0])
        except ValueError:
            return False
        address = getattr(peer, "ipv4_mapped", None) or peer
        return any(address in block for block in self.trusted_proxies if block != "unix")


_FORWARDED = ("PROTO", "HOST", "PREFIX")


def networks(names: Iterable[str]) -> tuple[Network, ...]:
    """The networks of addresses (`10.0.0.1`), blocks (`10.0.0.0/8`) and `unix`.

    Raises:
        ValueError: one of them is none of these.
    """
    return tuple("unix" if n == "unix" else ip_network(n, strict=False) for n in names)


def _scheme(environ: WSGIEnvironment, forwarded: dict[str, str]) -> str:
    asked = forwarded.get("PROTO", "").lower()
    return asked if asked in _SCHEMES else str(environ.get("wsgi.url_scheme", "http"))


def _host(environ: WSGIEnvironment, forwarded: dict[str, str], scheme: str) -> str:
    """The host the client named; one that no URL could hold gives way to the server's name."""
    for host in (forwarded.get("HOST", ""), environ.get("HTTP_HOST", "")):
        if _HOST.fullmatch(host):
            return host.removesuffix(_DEFAULT_PORTS.get(scheme, ""))
    name, port = environ.get("SERVER_NAME", "localhost"), environ.get("SERVER_PORT", "80")
    return f"{name}:{port}".removesuffix(_DEFAULT_PORTS.get(scheme, ""))


def _root(path: str, rule: re.Pattern[str] | None = None) -> str:
    """One slash at the beginning, none at the end: `//host` would be another host."""
    if rule is not None and not rule.fullmatch(path):
        return ""
    inside = path.strip("/")
    return f"/{inside}" if inside else ""
