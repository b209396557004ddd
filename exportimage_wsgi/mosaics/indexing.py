"""Making an index: only what is new or has changed is read; what was found is kept on the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SourceError
from .as_raster import Options, info_of
from .building import build
from .dataset import MosaicDataset
from .describing import Failure, described, key_of, version_if_there
from .finding import find
from .index import Index, Kept, load, load_descriptions, manner_digest, metadata, save, shape_of
from .items import Description, MosaicItem
from .opening import check_fields, check_some, manner_of
from .settings import MosaicSettings
from .statistics import mosaic_statistics
from .table import ItemTable
from .together import common_crs, together
from .workplace import Parts, known_parts, workplace


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What was done."""

    items: int
    """In the index."""

    read: int
    """Rasters that were opened."""

    gone: int
    """Items of the index before that aren't any more."""

    failures: tuple[Failure, ...]
    """What cannot be read; left out of the index, or the reason that it isn't written."""

    is_written: bool


def make_index(
    what: Any,
    settings: MosaicSettings,
    options: Options,
    started: Callable[[int], object] = lambda count: None,
    told_done: Callable[[], object] = lambda: None,
) -> Indexed:
    """Make the index of a mosaic, or make it again.

    Args:
        what: see `open_mosaic`.
        settings: with the path of the index.
        options: of the service.
        started: is called with the number of rasters.
        told_done: is called after each of them.

    Raises:
        SourceError: there is no item, a table is not understood, the settings contradict the
            items, or another process makes this index.
        OSError: the index cannot be written.
    """
    assert settings.index is not None
    path, manner = settings.index, manner_digest(settings, options)
    finding = find(what, settings.asset)
    if any(not isinstance(each.raster, str) for each in finding.found):
        raise SourceError("an index cannot keep sources that are open already")
    with workplace(path) as folder:
        before = _before(path)
        known = {**_known_before(path, manner), **known_parts(folder, manner)}
        started(len(finding.found))
        with Parts(folder, manner) as parts:

            def done(result: MosaicItem | Failure) -> None:
                if isinstance(result, MosaicItem):
                    parts.keep(result, known)
                told_done()

            items, failures = described(finding.found, manner_of(settings, options), known, done)
        if failures and settings.on_failure == "fail":
            return _not_written(items, failures, parts.count)
        check_some(items, failures)
        index, chosen, lost = _index(what, items, settings, options, before)
        failures += lost
        if lost and settings.on_failure == "fail":
            return _not_written(items, failures, parts.count)
        save(path, index, [_to_keep(item) for item in chosen], manner)
        shutil.rmtree(folder, ignore_errors=True)
    now = set(index.table.rows.column("source").to_pylist())
    return Indexed(
        items=len(index.table),
        read=parts.count,
        gone=len(set(before.ids) - now),
        failures=tuple(failures),
        is_written=True,
    )


def _not_written(items: Sequence[MosaicItem], failures: list[Failure], read: int) -> Indexed:
    return Indexed(items=len(items), read=read, gone=0, failures=tuple(failures), is_written=False)


def _to_keep(item: MosaicItem) -> Kept:
    if item.found.known is not None or not item.version:
        return None
    return key_of(item.found, item.version)[1], item.description


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What happened to the rasters of a mosaic since its index was made."""

    new: int

    changed: int

    gone: int

    def __str__(self) -> str:
        return f"{self.new} new, {self.changed} changed, {self.gone} gone"

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def changes(dataset: MosaicDataset) -> Changes:
    """Compare an index with the rasters that there are; looks at their times, opens none.

    Raises:
        SourceError: they cannot be found any more.
    """
    finding = find(dataset.address, dataset.settings.asset)
    rows = dataset.table.rows
    pairs = (rows.column(name).to_pylist() for name in ("source", "version"))
    known = dict(zip(*pairs, strict=True))
    now = {each.raster: version_if_there(each.raster) for each in finding.found}
    return Changes(
        new=len(now.keys() - known.keys()),
        changed=sum(known[raster] != now[raster] for raster in now.keys() & known.keys()),
        gone=len(known.keys() - now.keys()),
    )


# --- ids -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """The ids that items have in the index that is there already."""

    ids: dict[str, int]

    next_id: int


def _before(path: str) -> _Before:
    """Nothing, where there is no index, or one that cannot be read: it is made anew."""
    try:
        if os.path.exists(path):
            kept = load(path)
            sources = kept.table.rows.column("source").to_pylist()
            ids = kept.table.numbers("objectid").tolist()
            return _Before(ids=dict(zip(sources, ids, strict=True)), next_id=kept.next_id)
    except SourceError:
        pass
    return _Before(ids={}, next_id=1)


def _index(
    what: Any,
    items: Sequence[MosaicItem],
    settings: MosaicSettings,
    options: Options,
    before: _Before,
) -> tuple[Index, list[MosaicItem], list[Failure]]:
    """The index, the items by its rows, and those that have no place in it."""
    ids, next_id = _ids(items, before)
    order = np.argsort(ids)
    items, ids = [items[i] for i in order], ids[order]
    table, lost = build(items, common_crs(items, settings), settings, ids)
    check_fields(table, settings)
    by_id = dict(zip(ids.tolist(), items, strict=True))
    chosen = [by_id[object_id] for object_id in table.numbers("objectid").tolist()]
    made = together(chosen, settings)
    index = Index(
        table=table,
        together=made,
        statistics=None,
        next_id=next_id,
        shape=shape_of(what, settings, options),
    )
    if all(item.found.known is None for item in chosen):
        statistics = mosaic_statistics(_dataset(table, index, settings, options))
        index = replace(index, statistics=statistics)
    return index, chosen, lost


def _ids(items: Sequence[MosaicItem], before: _Before) -> tuple[Any, int]:
    """Known items keep theirs; new ones get the next, in their order."""
    ids, next_id = np.zeros(len(items), np.int64), before.next_id
    for i, item in enumerate(items):
        known = before.ids.get(item.found.raster)
        if known is None:
            known, next_id = next_id, next_id + 1
        ids[i] = known
    return ids, next_id


def _dataset(
    table: ItemTable, index: Index, settings: MosaicSettings, options: Options
) -> MosaicDataset:
    return MosaicDataset(
        table=table,
        info=info_of(table, index.together, settings, options),
        settings=settings,
        unscale=options.unscale,
        nodata=options.nodata,
    )


def _known_before(path: str, manner: str) -> dict[tuple[str, str], Description]:
    try:
        if os.path.exists(path) and metadata(path).get("manner") == manner:
            return load_descriptions(path)
    except SourceError:
        pass
    return {}
