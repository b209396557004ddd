"""The way from the top to a page, and to a service by its address."""

from __future__ import annotations

from dataclasses import dataclass

from .address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """A step of the way from the top to a page."""

    label: str

    path: str
    """Percent-encoded, from the root of the host."""


def crumbs(address: Address, folder: str = "") -> tuple[Crumb, ...]:
    """Home, services, and each folder on the way."""
    way = [
        Crumb(label="Home", path=address.path("rest", "services")),
        Crumb(label="services", path=address.path("rest", "services")),
    ]
    parts = folder.split("/") if folder else []
    for depth, label in enumerate(parts, 1):
        path = address.path("rest", "services", "/".join(parts[:depth]))
        way.append(Crumb(label=label, path=path))
    return tuple(way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A service as it was addressed."""

    name: str
    """In its own spelling."""

    place: tuple[str, ...]
    """Parts of its path below the mount point; none where the mount point is the service."""

    def path(self, address: Address, *below: str) -> str:
        """Of the service, or of what lies below it; percent-encoded."""
        return address.path(*self.place, *below)

    def way(self, address: Address, *below: str) -> tuple[Crumb, ...]:
        """To the page of the service, or to that of an operation below it."""
        folder, _, own = self.name.rpartition("/")
        label, path = f"{own} (ImageServer)", self.path(address) or "/"
        way = (*crumbs(address, folder), Crumb(label=label, path=path))
        if not below:
            return way
        return (*way, Crumb(label="/".join(below), path=self.path(address, *below)))
