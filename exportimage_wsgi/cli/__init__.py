"""The command `exportimage-wsgi`: serve rasters, export from them, look at them, check a file."""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from ..errors import ExportImageError
from ..serving import end_as_interrupted
from . import check, export, index, info, serve


class Commands(click.Group):
    """Commands whose faults are a message on standard error, and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ExportImageError as error:
            raise click.ClickException(str(error) or error.message) from error
        except KeyboardInterrupt:
            click.echo("\nAborted!", err=True)
            end_as_interrupted()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="exportimage-wsgi")
def main() -> None:
    """Serve rasters as Esri-compatible Image Services, and export images from them."""


for each in (check, export, index, info, serve):
    main.add_command(each.command)
