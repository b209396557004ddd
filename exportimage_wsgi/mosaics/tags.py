"""Attributes that stand in the metadata of files."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SourceError
from ..imagery.sources.gdal import GdalSource
from ..imagery.sources.handles import pool
from ..imagery.sources.source import Source
from .columns import column_name
from .items import Attribute


def tags_of(source: Source, names: tuple[str, ...]) -> dict[str, Attribute]:
    """Column → value of the tags of those names; `None` where the file doesn't have one.

    Tags of GDAL's default domain; of an array or a variable its attributes, and those of its file.
    `DOMAIN:NAME` names one of another domain, as `EXIF:EXIF_DateTime`.

    Raises:
        SourceError: the file cannot be read, or a tag is neither text nor a number.
    """
    if not names:
        return {}
    if isinstance(source, GdalSource):
        return _of_gdal(source, names)
    said = _attributes(source)
    return {column_name(name): _value(said.get(name)) for name in names}


def _attributes(source: Source) -> Mapping[str, object]:
    from ..imagery.sources.slices import SliceSource

    if isinstance(source, SliceSource):
        return source.attributes()
    found: Mapping[str, object] = getattr(getattr(source, "array", None), "attrs", {})
    return found


def _of_gdal(source: GdalSource, names: tuple[str, ...]) -> dict[str, Attribute]:
    with pool.handle(source.path, source.info.version, None) as dataset:
        domains = {name.rpartition(":")[0] for name in names}
        tags = {domain: dataset.tags(ns=domain or None) for domain in domains}
    found = {}
    for name in names:
        domain, _, key = name.rpartition(":")
        found[column_name(name)] = _value(tags[domain].get(key))
    return found


def _value(value: object) -> Attribute:
    if value is None or isinstance(value, (str, int, float)):
        return value
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "size", 0) == 1:
        return _value(item())
    raise SourceError(f"a tag of type {type(value).__name__} cannot be an attribute")
