"""`info`: what a raster or a service says of itself."""

from __future__ import annotations

import json

import click

from ..config import Config
from .meant import is_config, service_meant


@click.command("info", short_help="Print what a raster or a service says of itself.")
@click.argument("raster", metavar="RASTER_OR_CONFIG[#SERVICE]")
def command(raster: str) -> None:
    """Print what a raster, or a service of a configuration, says of itself, as JSON.

    Of a mosaic the number of its items, `itemCount`, is told with it. Of a configuration with
    several services their names are printed.
    """
    from ..esri.replies import finite
    from ..mosaics.dataset import MosaicDataset
    from ..operations.describe import describe_service

    path, _, name = raster.partition("#")
    if is_config(path) and not name:
        names = tuple(Config.load(path).services)
        if len(names) > 1:
            click.echo("\n".join(f"{path}#{each}" for each in sorted(names, key=str.casefold)))
            return
    config, service, _ = service_meant(raster)
    described = describe_service(service, config.compat.version)
    if isinstance(service.source, MosaicDataset):
        described["itemCount"] = len(service.source.table)
    click.echo(json.dumps(finite(described), indent=2, ensure_ascii=False))
