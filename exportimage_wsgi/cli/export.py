"""`export`: a picture of a raster or a service, written to a file."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

import click

from ..running import Runner, pools_ended
from ..serving import exit_on_sigterm
from ..tuning import tune_process
from .meant import in_full, service_meant

_UNLIMITED = (2**31 - 1, 2**31 - 1)
_FORMATS = {
    ".bip": "bip",
    ".bmp": "bmp",
    ".bsq": "bsq",
    ".gif": "gif",
    ".jpeg": "jpg",
    ".jpg": "jpg",
    ".lerc": "lerc",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
}


class Export(click.Command):
    """Its options are the parameters of exportImage, which are looked up when it is called."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*_export_options(), *super().get_params(ctx)]


@lru_cache(maxsize=1)
def _export_options() -> tuple[click.Option, ...]:
    from ..operations.parameters import EXPORT_PARAMETERS

    return tuple(
        click.Option(
            [f"--{parameter.argument.replace('_', '-')}", parameter.name.lower()],
            metavar="|".join(parameter.choices) or parameter.hint or "TEXT",
            help=parameter.help,
        )
        for parameter in EXPORT_PARAMETERS
    )


@click.command(
    "export", cls=Export, short_help="Write an image of a raster or of a service to a file."
)
@click.argument("raster", metavar="RASTER_OR_CONFIG[#SERVICE]")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def command(raster: str, out: Path, **arguments: str | None) -> None:
    """Write an image of a raster, or of a service of a configuration, to OUT, or where that is - to
    standard output.

    The options are the parameters of exportImage, and mean the same. Without --format the ending
    of OUT says which it is. A raster that is given by its path knows no largest size.
    """
    from ..cluster import driver
    from ..operations.export_image import export_image
    from ..operations.parameters import parse_export

    tune_process()
    out = Path("/dev/stdout") if out == Path("-") else out
    said = {name: value.strip() for name, value in arguments.items() if value and value.strip()}
    is_kmz = out.suffix.lower() == ".kmz"
    if not is_kmz and "format" not in said:
        said["format"] = _format_of(out)
    config, service, path = service_meant(raster, max_image_size=_UNLIMITED, max_image_bytes=2**62)
    runner = Runner(driver=driver(config.compute.scheduler, config.compute.threads))
    try:
        with in_full(path), exit_on_sigterm(), pools_ended():
            exported = export_image(service, parse_export(said), kmz=is_kmz, runner=runner)
            exported.save(out, progress=sys.stderr.isatty())
    except OSError as error:
        fault = f"{out} cannot be written: {error.strerror or error}"
        raise click.ClickException(fault) from error
    box = ",".join(f"{side:.12g}" for side in exported.extent.bounds)
    click.echo(
        f"{out}: {exported.width} x {exported.height} pixels, {exported.media_type}, "
        f"{box} in {exported.extent.crs}",
        err=not out.is_file(),
    )


def _format_of(out: Path) -> str:
    try:
        return _FORMATS[out.suffix.lower()]
    except KeyError:
        raise click.UsageError(
            f"{out} does not tell the format: give --format, "
            f"or an ending of {', '.join(_FORMATS)}, .kmz"
        ) from None
