"""The configuration: a TOML file as frozen values, all its faults told at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from ..errors import ConfigError
from ..syntax import key_of
from ..words import twins
from .faults import faults_of
from .file import tables_of
from .names import twin_fault
from .tables import Compat, Compute, Cors, Limits, Look, Output, Server, Service, Table
from .values import Name

if TYPE_CHECKING:
    from ..settings import ServiceSettings


class Config(Table):
    """Everything that an operator says. Paths are absolute once it is loaded from a file."""

    server: Server = Server()
    output: Output = Output()
    limits: Limits = Limits()
    compute: Compute = Compute()
    cors: Cors = Cors()
    compat: Compat = Compat()
    defaults: Look = Look()
    services: dict[Name, Service] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Config:
        """The configuration of a TOML file; paths in it are relative to it.

        Raises:
            ConfigError: all faults of the file, each with its line or key.
        """
        config, faults = cls.examined(path)
        if faults:
            raise ConfigError(faults)
        return config

    @classmethod
    def examined(cls, path: str | os.PathLike[str]) -> tuple[Config, tuple[str, ...]]:
        """What is sound of a TOML file, and all its faults; a table with a fault is left out."""
        file = Path(path)
        try:
            tables = tables_of(file)
        except ConfigError as error:
            return cls(), error.faults
        try:
            return cls.checked(tables, file.parent), ()
        except ConfigError as error:
            faults = tuple(f"{file.name}: {fault}" for fault in error.faults)
            return cls.checked(_sound_part(tables), file.parent), faults

    @classmethod
    def checked(cls, tables: dict[str, Any], folder: Path | None = None) -> Config:
        """The configuration of tables; relative paths in them begin in the folder.

        Raises:
            ConfigError: all faults, each with its key.
        """
        faults: tuple[str, ...] = ()
        try:
            config = cls.model_validate(tables, context={"folder": (folder or Path()).absolute()})
        except ValidationError as error:
            faults = faults_of(error, cls)
        for name, twin in _twins(tables).items():
            faults += (f"{key_of(('services', name))}: {twin_fault(twin)}",)
        if faults:
            raise ConfigError(faults)
        return config

    def settings(self, name: str) -> ServiceSettings:
        """The settings of a service: what it says itself, else what is said for all."""
        from ..mosaics.settings import MosaicSettings
        from ..settings import ServiceSettings

        shared: dict[str, Any] = {
            "max_image_size": self.limits.max_image_size,
            "max_image_bytes": int(self.limits.max_image_bytes),
            "default_format": self.compat.default_format,
        }
        said = shared | self.defaults.said() | self.services[name].said()
        del said["source"]
        said["mosaic"] = MosaicSettings(**self.services[name].mosaic.said())
        return ServiceSettings(**said)


def _twins(tables: dict[str, Any]) -> dict[str, str]:
    services = tables.get("services")
    return twins(services) if isinstance(services, dict) else {}


def _sound_part(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables without those, and the services without those, that have a fault."""
    for name in _twins(tables):
        tables = tables | {"services": _without(tables["services"], name)}
    try:
        Config.model_validate(tables)
    except ValidationError as error:
        for table, *inside in (details["loc"] for details in error.errors(include_url=False)):
            if table == "services" and inside and table in tables:
                tables = tables | {table: _without(tables[table], inside[0])}
            else:
                tables = _without(tables, table)
    return tables


def _without(table: dict[str, Any], key: int | str) -> dict[str, Any]:
    return {each: value for each, value in table.items() if each != key}
