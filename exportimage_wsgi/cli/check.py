"""`check`: all faults of a configuration and of its rasters."""

from __future__ import annotations

import click

from ..words import counted


@click.command("check", short_help="Find all faults of a configuration.")
@click.argument("config", metavar="CONFIG.toml")
@click.pass_context
def command(context: click.Context, config: str) -> None:
    """Find all faults of a configuration at once: of the file, and of the rasters in it.

    The workers of a cluster are asked, too, within half a minute. Warnings tell what would make a
    raster faster, and what is unlike elsewhere. The exit status is 1 if there are faults.
    """
    from ..checking import checked

    report = checked(config)
    for fault in report.faults:
        click.echo(f"fault: {fault}", err=True)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    if report.faults:
        context.exit(1)
    click.echo(f"{config}: {counted(report.services, 'service')}, no faults")
