"""`index`: the indexes of mosaics, made or made again."""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import Config
from ..errors import ConfigError
from ..rasters import is_raster, stem
from ..words import counted
from .meant import in_full, is_config, names_meant

if TYPE_CHECKING:
    from ..catalog import Offer


@click.command("index", short_help="Make the indexes of mosaics, which keep their tables of items.")
@click.argument("config", metavar="CONFIG.toml[#SERVICE]")
@click.pass_context
def command(context: click.Context, config: str) -> None:
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
    from ..catalog import Catalog

    if _is_raster_or_mosaic(text):
        raise ConfigError(_index_of(text))
    path, _, name = text.partition("#")
    catalog = Catalog.of(Config.load(path))
    offers = [(each, catalog.offer(each)) for each in names_meant(catalog, path, name)]
    found = [(each, offer) for each, offer in offers if offer.settings.mosaic.index]
    if not found:
        raise ConfigError((f"{text}: no mosaic names an index (mosaic.index)",))
    return found


def _is_raster_or_mosaic(text: str) -> bool:
    from ..mosaics.opening import is_mosaic

    return not is_config(text.partition("#")[0]) and (is_raster(Path(text)) or is_mosaic(text))


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
    from ..mosaics.as_raster import Options
    from ..mosaics.indexing import make_index

    settings, path = offer.settings, offer.settings.mosaic.index
    options = Options(
        unscale=settings.unscale, nodata=settings.nodata, band_names=settings.band_names
    )
    try:
        with in_full(offer.raster), Bar(name) as bar:
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
        click.echo(f'{path} is not written, as mosaic.on_failure is "fail"', err=True)
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
