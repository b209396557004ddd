"""Words as XML can carry them."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def in_xml(words: str) -> str:
    """The words as text of an element; a character that XML doesn't know becomes a blank."""
    return escape(_NOT_IN_XML.sub(" ", words))
