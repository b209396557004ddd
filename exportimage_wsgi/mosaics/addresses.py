"""Addresses in tables and STAC documents: relative to the document, and never leading astray."""

from __future__ import annotations

import os
from urllib.parse import unquote, urljoin, urlsplit

from ..errors import SourceError, shown
from ..imagery.sources.versions import display_name, is_address


def resolved(href: str, document: str) -> str:
    """The address that a document means; a path as an absolute one.

    Raises:
        SourceError: a document behind a URL names a file of this machine.
    """
    if href.startswith("file://"):
        href = unquote(urlsplit(href).path)
    if not is_address(document):
        if is_address(href):
            return href
        return os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(document)), href))
    if os.path.isabs(href) and href.startswith("/vsi") and not href.startswith("/vsicurl/"):
        raise SourceError(f"{display_name(document)} names {shown(href)}, which is not on the web")
    if is_address(href):
        return href
    # What begins with a slash is a path of the same server.
    found = urljoin(document, href)
    if not is_address(found):
        raise SourceError(f"{display_name(document)} names {shown(href)}, which is not on the web")
    return found
