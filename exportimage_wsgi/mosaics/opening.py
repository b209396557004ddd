"""Opening a mosaic: from the index that keeps its table, or by looking at all of its rasters."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from ..errors import SourceError, shown
from ..esri.rules import MosaicMethod
from ..imagery.sources.source import SourceInfo
from ..pixels import MosaicOperation
from ..words import counted
from .as_raster import Options, info_of
from .building import build
from .dataset import MosaicDataset
from .describing import Failure, Manner, described
from .finding import find, is_mosaic
from .index import load, shape_of
from .items import MosaicItem
from .patterns import compiled
from .settings import MosaicSettings
from .state import is_mosaic_current, state_of
from .table import Field, ItemTable
from .together import common_crs, together

__all__ = ["is_mosaic", "is_mosaic_current", "open_mosaic"]

LOGGER = __name__
"""Warns of what is missing or left out of a mosaic while it is opened."""
_log = logging.getLogger(LOGGER)
MANY = 300
"""Rasters; of more an index is advised."""
_MIXING = (MosaicOperation.MEAN, MosaicOperation.BLEND, MosaicOperation.SUM)
_SHOWN = 3


def open_mosaic(
    what: Any,
    settings: MosaicSettings,
    *,
    unscale: bool = False,
    nodata: float | None = None,
    band_names: tuple[str, ...] | None = None,
) -> MosaicDataset:
    """The mosaic of a folder, glob, list of paths and sources, table of items or STAC catalogue.

    Without an index each raster is opened once, which reads those whose outline isn't their box.

    Raises:
        SourceError: there is no item, one cannot be read (unless `on_failure` is `skip`), or the
            settings contradict the items.
        ValueError: `band_names` are not as many as the bands.
    """
    options = Options(unscale=unscale, nodata=nodata, band_names=band_names)
    if settings.index is not None:
        if os.path.exists(settings.index):
            return _from_index(what, settings, options)
        name = os.path.basename(settings.index)
        _log.warning("%s is missing: make it by `exportimage-wsgi index`", name)
    return _in_memory(what, settings, options)


def _from_index(what: Any, settings: MosaicSettings, options: Options) -> MosaicDataset:
    assert settings.index is not None
    state = state_of(what, settings, ())
    kept = load(settings.index, shape_of(what, settings, options))
    kept.table.prepare()
    check_fields(kept.table, settings)
    info = info_of(kept.table, kept.together, settings, options, kept.statistics)
    return MosaicDataset(
        table=kept.table,
        info=_checked(info, settings),
        settings=settings,
        unscale=options.unscale,
        nodata=options.nodata,
        address=what,
        state=state,
    )


def _checked(info: SourceInfo, settings: MosaicSettings) -> SourceInfo:
    """Raises: SourceError: classes cannot be added up, which the operation would do."""
    if info.palette is not None and settings.operation in _MIXING:
        raise SourceError(
            f"mosaic.operation: {settings.operation.value} cannot mix the classes of a palette"
        )
    return info


def _in_memory(what: Any, settings: MosaicSettings, options: Options) -> MosaicDataset:
    """The mosaic as its files are now, each of which is looked at."""
    began = time.monotonic()
    finding = find(what, settings.asset)
    state = state_of(what, settings, finding.files)
    items, failures = described(finding.found, manner_of(settings, options))
    _check(failures, settings)
    check_some(items, failures)
    table, lost = table_of(items, settings)
    _check(lost, settings)
    made = together(items_of(items, table), settings)
    _tell(table, time.monotonic() - began)
    return MosaicDataset(
        table=table,
        info=_checked(info_of(table, made, settings, options), settings),
        settings=settings,
        unscale=options.unscale,
        nodata=options.nodata,
        address=what,
        state=state,
        files=finding.files,
        skipped=tuple(str(failure) for failure in (*failures, *lost)),
    )


def manner_of(settings: MosaicSettings, options: Options) -> Manner:
    """How each raster is looked at."""
    return Manner(
        unscale=options.unscale,
        nodata=options.nodata,
        outlines=settings.footprints == "outline",
        tags=settings.tags,
    )


def table_of(
    items: Sequence[MosaicItem], settings: MosaicSettings
) -> tuple[ItemTable, list[Failure]]:
    """The table of items in their order, and those that have no place in it.

    Raises:
        SourceError: none is left, or the settings speak of attributes that aren't there.
    """
    table, failures = build(items, common_crs(items, settings), settings)
    check_fields(table, settings)
    return table, failures


def items_of(items: Sequence[MosaicItem], table: ItemTable) -> list[MosaicItem]:
    """Those of the items, whose ids are counted from 1, that stand in the table."""
    return [items[object_id - 1] for object_id in table.numbers("objectid")]


def _check(failures: Sequence[Failure], settings: MosaicSettings) -> None:
    """Raises: SourceError: there are some, and they aren't to be left out."""
    if not failures:
        return
    if settings.on_failure == "fail":
        raise SourceError(_first(failures))
    told = f"{counted(len(failures), 'raster')} left out of a mosaic"
    _log.warning("%s: %s", told, _first(failures))


def check_some(items: Sequence[MosaicItem], failures: Sequence[Failure]) -> None:
    """Raises: SourceError: there is no item, since none of the rasters can be read."""
    if not items:
        raise SourceError(f"no raster of the mosaic can be read: {_first(failures)}")


def _first(failures: Sequence[Failure]) -> str:
    named = "; ".join(str(each) for each in failures[:_SHOWN])
    more = len(failures) - _SHOWN
    return f"{named} (and {more} more)" if more > 0 else named


def check_fields(table: ItemTable, settings: MosaicSettings) -> None:
    """Raises: SourceError: `time` or `sort_field` names what isn't a fitting attribute."""
    for key, names in (("time", settings.time), ("sort_field", (settings.sort_field,))):
        for name in filter(None, names):
            try:
                field = table.field(name)
            except ValueError as error:
                raise SourceError(f"mosaic.{key}: {error}{_groups(settings)}") from error
            if key == "time" and field.type != "esriFieldTypeDate":
                raise SourceError(f"mosaic.time: {_no_dates(table, field)}")
    if settings.method is MosaicMethod.SEAMLINE and not table.has_seamlines:
        raise SourceError("mosaic.method: seamline needs seamlines, which no item has")


def _groups(settings: MosaicSettings) -> str:
    """What the pattern could have named, for whoever misspelt it."""
    if settings.pattern is None:
        return ""
    named = ", ".join(compiled(settings.pattern).groupindex)
    return f"; mosaic.pattern={shown(settings.pattern)} names {named}"


def _no_dates(table: ItemTable, field: Field) -> str:
    """Why a field cannot tell when an item is from."""
    said = table.rows.column(field.column).drop_null()
    if not len(said):
        return f"no item has a value of {field.name}"
    return (
        f"{field.name} holds no dates, but values such as {shown(said[0].as_py())}; dates are "
        "2020-01-31 or 20200131, and milliseconds since 1970 where mosaic.types says so"
    )


def _tell(table: ItemTable, seconds: float) -> None:
    if table.rasters:  # Open already.
        return
    count = len(table)
    advice = "; `exportimage-wsgi index` would keep them in a file" if count > MANY else ""
    _log.info("looked at %s of a mosaic in %.1f s%s", counted(count, "raster"), seconds, advice)
