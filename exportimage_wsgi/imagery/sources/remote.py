"""Rasters behind HTTP: whether they are still the same, asked of their server now and then."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

_SECONDS_BETWEEN_LOOKS = 30.0
_PATIENCE = 5.0
_MOST_KNOWN = 1024
_TOLD = ("ETag", "Last-Modified", "Content-Length")
# What a server says that knows no HEAD, or gives the raster to a GET alone.
_REFUSALS = (400, 401, 403, 405, 501)

Facts = tuple[str, ...]

_lock = threading.Lock()
_known: dict[str, tuple[float, Facts]] = {}


def remote_facts(url: str) -> Facts:
    """What changes when the file behind an `http` or `https` URL does: its ETag, date and length.

    What was found holds for half a minute. Of other addresses, of those with a password, and of
    servers that don't answer HEAD, nothing is known, and the file counts as unchanged.

    Raises:
        FileNotFoundError: the server says that there is no such file.
        OSError: the server cannot be reached.
    """
    url = url.removeprefix("/vsicurl/")
    if not url.startswith(("http://", "https://")) or "@" in urlsplit(url).netloc:
        return ()
    now = time.monotonic()
    looked, facts = _known.get(url, (-_SECONDS_BETWEEN_LOOKS, ()))
    if now - looked < _SECONDS_BETWEEN_LOOKS:
        return facts
    facts = _asked(url)
    with _lock:
        while len(_known) >= _MOST_KNOWN:
            _known.pop(next(iter(_known)))
        _known[url] = now, facts
    return facts


def _asked(url: str) -> Facts:
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
            return tuple(reply.headers.get(name, "") for name in _TOLD)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _REFUSALS:
            return ()
        if error.code in (404, 410):
            raise FileNotFoundError(url) from None
        raise OSError(0, f"its server answers {error.code}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        raise OSError(0, "its server does not answer") from error
