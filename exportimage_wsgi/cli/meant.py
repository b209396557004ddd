"""Which service a command means: a raster, a configuration, or one service of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..config import Config
from ..errors import ConfigError, SourceError
from ..rasters import told_in_full

if TYPE_CHECKING:
    from ..catalog import Catalog
    from ..service import ImageService


def service_meant(text: str, **of_raster: Any) -> tuple[Config, ImageService, Any]:
    """The service meant by `RASTER`, `CONFIG.toml` or `CONFIG.toml#SERVICE`, and its raster.

    Args:
        text: of the command line.
        of_raster: settings of a raster that no configuration speaks of.

    Raises:
        ConfigError: a fault of the configuration, or it leaves open which service is meant.
        SourceError: the raster cannot be opened.
    """
    from ..catalog import Catalog
    from ..service import ImageService

    path, _, name = text.partition("#")
    if not is_config(path):
        with in_full(text):
            return Config(), ImageService.open(text, **of_raster), text
    config = Config.load(path)
    catalog = Catalog.of(config)
    names = names_meant(catalog, path, name)
    if len(names) > 1:
        raise ConfigError(("a service must be chosen; there are", *_listed(path, names)))
    raster = catalog.raster(names[0])
    with in_full(raster):
        return config, catalog.service(names[0]), raster


def names_meant(catalog: Catalog, path: str, name: str) -> tuple[str, ...]:
    """The service of a configuration that is called so, in any letter case; all if none is named.

    Raises:
        ConfigError: there is none.
    """
    names = catalog.names()
    if not names:
        raise ConfigError((f"{path} names no service",))
    found = tuple(each for each in names if name.casefold() in ("", each.casefold()))
    if not found:
        raise ConfigError((f"there is no service {name}; there are", *_listed(path, names)))
    return found


def _listed(path: str, names: tuple[str, ...]) -> list[str]:
    return [f"  {path}#{each}" for each in names]


@contextmanager
def in_full(raster: Any) -> Iterator[None]:
    """Errors of a raster with its full path, which only its operator may see."""
    try:
        yield
    except SourceError as error:
        raise SourceError(told_in_full(str(error), raster)) from error


def is_config(path: str) -> bool:
    return path.lower().endswith(".toml")
