"""The catalogue: names of services, and the rasters behind them, opened when they are needed."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .config import Config
from .config.names import name_fault, twin_fault
from .errors import ConfigError, NotFoundError, SourceError, shown
from .service import ImageService
from .settings import ServiceSettings
from .words import twins

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What lies directly in a folder of the catalogue."""

    folders: tuple[str, ...]
    """Full paths, sorted."""

    services: tuple[str, ...]
    """Full names, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Offer:
    """What a service is opened from."""

    raster: Any
    """Whatever `ImageService.open` takes, or a service that is open already."""

    settings: ServiceSettings = field(default_factory=ServiceSettings)
    """Those of an open service are its own."""


class Catalog:
    """Services by name. They are opened when first needed, kept, and shared by all threads."""

    def __init__(self, offers: Mapping[str, Offer], single: str | None = None) -> None:
        """Make a catalogue; nothing is opened.

        Args:
            offers: by full name, `Folder/name`.
            single: name of the only service, if the application is nothing but this.

        Raises:
            ConfigError: names that no URL can hold, or that differ in letter case only.
        """
        _check_names(tuple(name for name in offers if name != single))
        self.single = single
        self._held = {name: _Held(name, offers[name]) for name in sorted(offers, key=_order)}
        self._names = tuple(self._held)
        self._folders = _folders(self._names)

    @classmethod
    def of(cls, source: Any) -> Catalog:
        """The catalogue of a source; a catalogue is given back as it is.

        Args:
            source: a `Catalog`, `{name: path | DataArray | ImageService}`, an `ImageService`,
                a `Config`, or the path of a TOML file.

        Raises:
            ConfigError: a fault of the file or of a name.
            TypeError: it is none of those.
        """
        if isinstance(source, Catalog):
            return source
        if isinstance(source, ImageService):
            return cls({source.name: Offer(raster=source)}, single=source.name)
        if isinstance(source, Mapping):
            return cls({str(name): Offer(raster=raster) for name, raster in source.items()})
        config = _configured(source)
        return cls(
            {
                name: Offer(raster=service.source, settings=config.settings(name))
                for name, service in config.services.items()
            }
        )

    def names(self) -> tuple[str, ...]:
        """Full names of all services, sorted."""
        return self._names

    def folder(self, path: str = "") -> Folder:
        """What lies in a folder; `""` is the top.

        Raises:
            NotFoundError: there is no such folder.
        """
        if path not in self._folders:
            raise NotFoundError(f"Folder {shown(path)} not found")
        return self._folders[path]

    def service(self, name: str) -> ImageService:
        """The service of a name, opened if it isn't open or if its files have changed.

        Raises:
            NotFoundError: no service is called so.
            SourceError: its raster is missing or damaged; the next call tries again.
        """
        if name not in self._held:
            raise NotFoundError(f"Service {shown(name)}/ImageServer not found")
        return self._held[name].service()

    def offer(self, name: str) -> Offer:
        """What a service is opened from, and the settings for it."""
        return self._held[name].offer

    def settings(self, name: str) -> ServiceSettings:
        """The settings of a service, which isn't opened for that."""
        offer = self._held[name].offer
        return offer.raster.settings if isinstance(offer.raster, ImageService) else offer.settings

    def raster(self, name: str) -> Any:
        """What a service is opened from: a path, a URL, an array or an open service."""
        return self._held[name].offer.raster


class _Held:
    """One service: what it is opened from and, once it is open, itself."""

    def __init__(self, name: str, offer: Offer) -> None:
        self.name, self.offer = name, offer
        self._lock = threading.Lock()
        self._service: ImageService | None = None
        if isinstance(offer.raster, ImageService):
            self._service = replace(offer.raster, name=name)

    def service(self) -> ImageService:
        """The service as its files are now; several threads open it once."""
        known = self._service
        if known is not None and known.is_current:
            return known
        with self._lock:
            if self._service is None or self._service is known:
                self._service = self._opened_again()
            return self._service

    def _opened_again(self) -> ImageService:
        """As the files are now. A mosaic stays what it was while a new raster can't be read, as
        one that is still being copied."""
        try:
            return self._opened()
        except SourceError as error:
            known = self._service
            if known is None or not known.is_mosaic:
                raise
            _log.warning("service %s stays as it was: %s", self.name, error)
            known.look_later()
            return known

    def _opened(self) -> ImageService:
        raster, settings = self.offer.raster, self.offer.settings
        if isinstance(raster, ImageService):
            raster, settings = raster.address, raster.settings
        try:
            return ImageService.open(raster, name=self.name, settings=settings)
        except (ValueError, TypeError) as error:
            raise SourceError(str(error)) from error


def _configured(source: Any) -> Config:
    if isinstance(source, Config):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Config.load(source)
    raise TypeError(
        "a catalogue is made of a TOML file, a dictionary or an ImageService, "
        f"not of a {type(source).__name__}"
    )


def _check_names(names: tuple[str, ...]) -> None:
    faults = [f"service {shown(name)!r}: {fault}" for name in names if (fault := name_fault(name))]
    for name, twin in twins(names).items():
        faults.append(f"service {shown(name)!r}: {twin_fault(shown(twin))}")
    if faults:
        raise ConfigError(tuple(faults))


def _order(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _folders(names: Iterable[str]) -> dict[str, Folder]:
    """What lies in each folder, by its full path."""
    folders: dict[str, set[str]] = {"": set()}
    services: dict[str, list[str]] = {"": []}
    for name in names:
        path = name.rpartition("/")[0]
        services.setdefault(path, []).append(name)
        while path:
            above = path.rpartition("/")[0]
            folders.setdefault(path, set())
            folders.setdefault(above, set()).add(path)
            path = above
    return {
        path: Folder(
            folders=tuple(sorted(below, key=_order)), services=tuple(services.get(path, ()))
        )
        for path, below in folders.items()
    }
