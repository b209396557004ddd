"""STAC documents: an item, a collection of items, a static catalogue with all that it links to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import shapely
from shapely.lib import ShapelyError

from ..errors import SourceError
from ..imagery.sources.versions import display_name
from .addresses import resolved
from .documents import read_json
from .items import Found
from .stac_items import ItemReader
from .tables import WGS84

_MOST_DOCUMENTS = 100_000
_DEEPEST = 32
_THREADS = 8


def items_of_stac(path: str, asset: str | None) -> tuple[tuple[Found, ...], tuple[str, ...]]:
    """The items of a document, in its order, and the documents that were read for them.

    A catalogue is followed by its links to children and items, each once.

    Raises:
        SourceError: a document cannot be read or isn't STAC, or a catalogue has more than
            100,000 documents or is more than 32 deep; or pystac isn't installed.
    """
    try:
        import pystac
    except ImportError as error:
        raise SourceError(
            f"{display_name(path)} needs pystac: pip install 'exportimage-wsgi[stac]'"
        ) from error
    walk = _Walk(pystac, asset)
    return tuple(walk.items(path)), tuple(walk.read)


class _Walk:
    """A way through linked documents, breadth first."""

    def __init__(self, pystac: Any, asset: str | None) -> None:
        self._pystac, self._asset = pystac, asset
        self.read: dict[str, None] = {}

    def items(self, start: str) -> Iterator[Found]:
        level = [start]
        self.read[start] = None
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="stac") as threads:
            for _ in range(_DEEPEST):
                further: deque[str] = deque()
                for address, document in zip(level, threads.map(read_json, level), strict=True):
                    yield from self._items_of(address, document)
                    further += self._links(address, document)
                level = list(further)
                if not level:
                    return
        raise SourceError(f"{display_name(start)} is a catalogue that is more than {_DEEPEST} deep")

    def _items_of(self, address: str, document: dict[str, Any]) -> Iterator[Found]:
        kind = document.get("type")
        if kind == "Feature":
            yield self._item(address, document)
        elif kind == "FeatureCollection":
            features = document.get("features")
            for feature in features if isinstance(features, list) else ():
                yield self._item(address, feature)
        elif kind not in ("Catalog", "Collection"):
            raise SourceError(
                f"{display_name(address)} is no STAC item, collection of items or catalogue"
            )

    def _item(self, address: str, feature: Any) -> Found:
        name = display_name(address)
        try:
            item = self._pystac.Item.from_dict(feature, href=address, preserve_dict=False)
            geometry = None if item.geometry is None else shapely.geometry.shape(item.geometry)
            found = item.to_dict(include_self_link=False, transform_hrefs=False)
        except (
            self._pystac.STACError,
            self._pystac.STACTypeError,
            ShapelyError,
            *_FAULTS,
        ) as error:
            raise SourceError(f"{name} holds what is no STAC item: {error}") from error
        return ItemReader(asset=self._asset, document=address).item(
            name=str(found["id"]),
            geometry=geometry,
            bbox=found.get("bbox"),
            crs=WGS84,
            properties=found["properties"],
            assets=found["assets"],
        )

    def _links(self, address: str, document: dict[str, Any]) -> Iterator[str]:
        """Children and items that weren't met before."""
        if document.get("type") not in ("Catalog", "Collection"):
            return
        links = document.get("links")
        for link in links if isinstance(links, list) else ():
            if not isinstance(link, dict) or link.get("rel") not in ("child", "item"):
                continue
            target = resolved(str(link.get("href")), address)
            if target in self.read:
                continue
            if len(self.read) >= _MOST_DOCUMENTS:
                name = display_name(address)
                raise SourceError(f"{name}: there are more than {_MOST_DOCUMENTS} documents")
            self.read[target] = None
            yield target


_FAULTS = (ValueError, TypeError, KeyError, AttributeError, IndexError)
