"""The command `exportimage-wsgi`: serve rasters, export from them, look at them, check a file."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .config import Config
from .config.names import checked_prefix
from .errors import ConfigError, ExportImageError, SourceError
from .rasters import is_raster, named, stem, told_in_full
from .running import Runner, cores, pools_ended
from .serving import Place, exit_on_sigterm
from .words import counted

if TYPE_CHECKING:
    from .catalog import Catalog, Offer
    from .service import ImageService

_MOST_WORKERS = 8
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


class Commands(click.Group):
    """Commands whose faults are a message on standard error, and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ExportImageError as error:
            raise click.ClickException(str(error) or error.message) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="exportimage-wsgi")
def main() -> None:
    """Serve rasters as Esri-compatible Image Services, and export images from them."""


# --- serve -----------------------------------------------------------------------------------


@main.command(short_help="Serve a configuration, or rasters and folders of them.")
@click.argument("sources", metavar="CONFIG.toml | RASTER_OR_FOLDER...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Processes; at first one a core, up to 8.")
@click.option("--threads", type=click.IntRange(1), help="Requests at a time in each process.")
@click.option("--prefix", default="", help="Path at which the application begins, as /arcgis.")
def serve(
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
    from .serving import serve

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
    configs = [source for source in sources if _is_config(source)]
    if configs and len(sources) > 1:
        raise click.UsageError(f"{configs[0]} is a configuration: it is served alone")
    for path, mark, name in (source.partition("#") for source in sources):
        if mark and _is_config(path):
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


# --- export ----------------------------------------------------------------------------------


class Export(click.Command):
    """Its options are the parameters of exportImage, which are looked up when it is called."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*_export_options(), *super().get_params(ctx)]


@lru_cache(maxsize=1)
def _export_options() -> tuple[click.Option, ...]:
    from .operations.parameters import EXPORT_PARAMETERS

    return tuple(
        click.Option(
            [f"--{parameter.argument.replace('_', '-')}", parameter.name.lower()],
            metavar="|".join(parameter.choices) or parameter.hint or "TEXT",
            help=parameter.help,
        )
        for parameter in EXPORT_PARAMETERS
    )


@main.command(cls=Export, short_help="Write an image of a raster or of a service to a file.")
@click.argument("raster", metavar="RASTER_OR_CONFIG[#SERVICE]")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
def export(raster: str, out: Path, **arguments: str | None) -> None:
    """Write an image of a raster, or of a service of a configuration, to OUT.

    The options are the parameters of exportImage, and mean the same. Without --format the ending
    of OUT says which it is. A raster that is given by its path knows no largest size.
    """
    from .cluster import driver
    from .operations.export_image import export_image
    from .operations.parameters import parse_export

    said = {name: value.strip() for name, value in arguments.items() if value and value.strip()}
    is_kmz = out.suffix.lower() == ".kmz"
    if not is_kmz and "format" not in said:
        said["format"] = _format_of(out)
    config, service, path = _found(raster, max_image_size=_UNLIMITED, max_image_bytes=2**62)
    runner = Runner(driver=driver(config.compute.scheduler, config.compute.threads))
    try:
        with _told_in_full(path), exit_on_sigterm(), pools_ended():
            exported = export_image(service, parse_export(said), kmz=is_kmz, runner=runner)
            exported.save(out, progress=sys.stderr.isatty())
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror or error}") from error
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


def _found(text: str, **of_raster: Any) -> tuple[Config, ImageService, Any]:
    """The service meant by `RASTER`, `CONFIG.toml` or `CONFIG.toml#SERVICE`, and its raster.

    Args:
        text: of the command line.
        of_raster: settings of a raster that no configuration speaks of.

    Raises:
        ConfigError: a fault of the configuration, or it leaves open which service is meant.
        SourceError: the raster cannot be opened.
    """
    from .catalog import Catalog
    from .service import ImageService

    path, _, name = text.partition("#")
    if not _is_config(path):
        with _told_in_full(text):
            return Config(), ImageService.open(text, **of_raster), text
    config = Config.load(path)
    catalog = Catalog.of(config)
    meant = _meant(catalog, path, name)
    if len(meant) > 1:
        raise ConfigError(("a service must be chosen; there are", *_listed(path, meant)))
    raster = catalog.raster(meant[0])
    with _told_in_full(raster):
        return config, catalog.service(meant[0]), raster


def _meant(catalog: Catalog, path: str, name: str) -> tuple[str, ...]:
    """The service of a configuration that is called so, in any letter case; all if none is named.

    Raises:
        ConfigError: there is none.
    """
    names = catalog.names()
    if not names:
        raise ConfigError((f"{path} names no service",))
    meant = tuple(each for each in names if name.casefold() in ("", each.casefold()))
    if not meant:
        raise ConfigError((f"there is no service {name}; there are", *_listed(path, names)))
    return meant


def _listed(path: str, names: tuple[str, ...]) -> list[str]:
    return [f"  {path}#{each}" for each in names]


@contextmanager
def _told_in_full(raster: Any) -> Iterator[None]:
    """Errors of a raster with its full path, which only its operator may see."""
    try:
        yield
    except SourceError as error:
        raise SourceError(told_in_full(str(error), raster)) from error


def _is_config(path: str) -> bool:
    return path.lower().endswith(".toml")


# --- index -----------------------------------------------------------------------------------


@main.command(short_help="Make the indexes of mosaics, which keep their tables of items.")
@click.argument("config", metavar="CONFIG.toml[#SERVICE]")
@click.pass_context
def index(context: click.Context, config: str) -> None:
    """Make the index of each mosaic of a configuration that names one (`mosaic.index`).

    An index that is there is made again: only new and changed rasters are read, items keep their
    OBJECTID. What was broken off goes on where it was. Rasters that cannot be read are named at
    the end; the exit status is 1 if they keep an index from being written (`mosaic.on_failure`).
    """
    are_written = [_make_index(name, offer) for name, offer in _with_index(config)]
    if not all(are_written):
        context.exit(1)


def _with_index(text: str) -> list[tuple[str, Offer]]:
    """Name and offer of the services meant that name an index.

    Raises:
        ConfigError: a fault of the configuration, there is none, or no mosaic has an index.
    """
    from .catalog import Catalog

    if _is_raster_or_mosaic(text):
        raise ConfigError(_index_of(text))
    path, _, name = text.partition("#")
    catalog = Catalog.of(Config.load(path))
    offers = [(each, catalog.offer(each)) for each in _meant(catalog, path, name)]
    found = [(each, offer) for each, offer in offers if offer.settings.mosaic.index]
    if not found:
        raise ConfigError((f"{text}: no mosaic names an index (mosaic.index)",))
    return found


def _is_raster_or_mosaic(text: str) -> bool:
    from .mosaics.opening import is_mosaic

    return not _is_config(text.partition("#")[0]) and (is_raster(Path(text)) or is_mosaic(text))


def _index_of(source: str) -> tuple[str, ...]:
    """What to write down for the index of a source, which says nothing of one by itself."""
    is_folder = Path(source).is_dir()
    name = stem(os.path.abspath(source) if is_folder else source)
    what = "a folder" if is_folder else "no configuration"
    quoted = partial(json.dumps, ensure_ascii=False)
    return (
        f"{source} is {what}; index takes a TOML file in which a mosaic names its index, such as",
        f"  [services.{quoted(name)}]",
        f"  source = {quoted(source)}",
        f"  [services.{quoted(name)}.mosaic]",
        f"  index = {quoted(f'{name}.parquet')}",
    )


def _make_index(name: str, offer: Offer) -> bool:
    """Make one index and say so; was it written?"""
    from .mosaics.as_raster import Options
    from .mosaics.indexing import make_index

    settings, path = offer.settings, offer.settings.mosaic.index
    options = Options(
        unscale=settings.unscale, nodata=settings.nodata, band_names=settings.band_names
    )
    try:
        with _told_in_full(offer.raster), Bar(name) as bar:
            done = make_index(offer.raster, settings.mosaic, options, bar.start, bar.step)
    except OSError as error:
        fault = f"{path} cannot be written: {error.strerror or error}"
        raise click.ClickException(fault) from error
    for failure in done.failures:
        word = "warning" if done.is_written else "fault"
        click.echo(f"{word}: {failure.raster}: {failure.reason}", err=True)
    if done.is_written:
        click.echo(f"{path}: {counted(done.items, 'item')}, {done.read} read, {done.gone} gone")
    else:
        click.echo(f"{path} is not written, as mosaic.on_failure says", err=True)
    return done.is_written


class Bar:
    """A progress bar with rate and remaining time on a terminal; nothing elsewhere."""

    def __init__(self, label: str) -> None:
        self._label, self._began, self._done = label, 0.0, 0
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def start(self, count: int) -> None:
        """So many things are to be done."""
        if sys.stderr.isatty():
            self._began = time.monotonic()
            self._bar = click.progressbar(
                length=count,
                label=self._label,
                show_pos=True,
                item_show_func=lambda rate: rate,
                file=sys.stderr,
                update_min_steps=max(1, count // 1000),
            )

    def step(self) -> None:
        """One of them is done."""
        if self._bar is not None:
            self._done += 1
            seconds = max(time.monotonic() - self._began, 1e-3)
            self._bar.update(1, f"{self._done / seconds:.0f}/s")


# --- info and check --------------------------------------------------------------------------


@main.command(short_help="Print what a raster or a service says of itself.")
@click.argument("raster", metavar="RASTER_OR_CONFIG[#SERVICE]")
def info(raster: str) -> None:
    """Print what a raster, or a service of a configuration, says of itself, as JSON.

    Of a mosaic the number of its items, `itemCount`, is told with it. Of a configuration with
    several services their names are printed.
    """
    from .mosaics.dataset import MosaicDataset
    from .operations.describe import describe_service

    path, _, name = raster.partition("#")
    if _is_config(path) and not name:
        names = tuple(Config.load(path).services)
        if len(names) > 1:
            click.echo("\n".join(f"{path}#{each}" for each in sorted(names, key=str.casefold)))
            return
    config, service, _ = _found(raster)
    described = describe_service(service, config.compat.version)
    if isinstance(service.source, MosaicDataset):
        described["itemCount"] = len(service.source.table)
    click.echo(json.dumps(described, indent=2, ensure_ascii=False))


@main.command(short_help="Find all faults of a configuration.")
@click.argument("config", metavar="CONFIG.toml")
@click.pass_context
def check(context: click.Context, config: str) -> None:
    """Find all faults of a configuration at once: of the file, and of the rasters in it.

    Warnings tell what would make a raster faster. The exit status is 1 if there are faults.
    """
    from .checking import checked

    report = checked(config)
    for fault in report.faults:
        click.echo(f"fault: {fault}", err=True)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    if report.faults:
        context.exit(1)
    click.echo(f"{config}: {counted(report.services, 'service')}, no faults")
