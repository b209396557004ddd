"""Sources that stay open from one picture to the next, as long as their rasters are the same."""

from __future__ import annotations

import threading
from collections import OrderedDict

from . import is_current, open_source
from .source import Source

_MOST_OPEN = 4096

_open: OrderedDict[tuple[str, float | None, bool], Source] = OrderedDict()
_lock = threading.Lock()


def open_kept(raster: str, *, unscale: bool = False, nodata: float | None = None) -> Source:
    """As `open_source`, but what was opened before is kept while it is current."""
    source = kept_open(raster, unscale=unscale, nodata=nodata)
    if source is None or not is_current(source):
        source = open_source(raster, unscale=unscale, nodata=nodata)
        with _lock:
            _open[raster, nodata, unscale] = source
            if len(_open) > _MOST_OPEN:
                _open.popitem(last=False)
    return source


def kept_open(raster: str, *, unscale: bool = False, nodata: float | None = None) -> Source | None:
    """What is kept, whether it is current or not."""
    key = raster, nodata, unscale
    with _lock:
        source = _open.get(key)
        if source is not None:
            _open.move_to_end(key)
        return source
