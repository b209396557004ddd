"""`serve`: what is served, where, by how many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from ..config import Config
from ..config.names import checked_prefix
from ..rasters import named
from ..running import cores
from ..serving import Place
from .meant import is_config

_MOST_WORKERS = 8


@click.command("serve", short_help="Serve a configuration, or rasters and folders of them.")
@click.argument("sources", metavar="CONFIG.toml | RASTER_OR_FOLDER...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Processes; at first one a core, up to 8.")
@click.option("--threads", type=click.IntRange(1), help="Requests at a time in each process.")
@click.option("--prefix", default="", help="Path at which the application begins, as /arcgis.")
def command(
    sources: tuple[str, ...],
    host: str,
    port: int,
    workers: int | None,
    threads: int | None,
    prefix: str,
) -> None:
    """Serve a configuration, or rasters and folders of them, until SIGTERM.

    Prints `ready` and the URL of the services as soon as requests are answered, then one URL a
    service. Rasters that are given by path are named by their stem; sub-folders become folders of
    the catalogue. A glob in quotes, a table of items or a STAC document is one mosaic. SIGHUP reads
    the configuration, or looks through the folders, again.
    """
    from ..serving import serve

    load = _loader(sources)
    config = load()
    place = Place(
        host=host,
        port=port,
        workers=workers or min(cores(), _MOST_WORKERS),
        threads=threads or _threads(config),
        prefix=_prefix(prefix),
    )
    serve(load, place)


def _loader(sources: tuple[str, ...]) -> Callable[[], Config]:
    """What gives the configuration of the sources, again and again."""
    configs = [source for source in sources if is_config(source)]
    if configs and len(sources) > 1:
        raise click.UsageError(f"{configs[0]} is a configuration: it is served alone")
    for path, mark, name in (source.partition("#") for source in sources):
        if mark and is_config(path):
            raise click.UsageError(f"{path}#{name} is one service: {path} is served as a whole")
    return partial(Config.load, sources[0]) if configs else partial(_config_of_rasters, sources)


def _config_of_rasters(paths: tuple[str, ...]) -> Config:
    services = {name: {"source": raster} for name, raster in named(paths).items()}
    return Config.checked({"services": services})


def _threads(config: Config) -> int:
    """Several times more than large exports, so that small requests go on beside them."""
    return min(64, max(16, 4 * (config.limits.exports or 2 * cores())))


def _prefix(prefix: str) -> str:
    try:
        return checked_prefix(prefix)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--prefix") from error
