"""Mosaic rules as 9.3 had them, in XML: `mosaicProperties` and `viewpointProperties`.

Of the elements of mosaicProperties, MosaicMethod, TileOrderField and TileOrderBase are documented;
LockRasterID(s), Ascending, MosaicOperator, Where and FIDs are our reading, after their successors
in mosaicRule. No example of viewpointProperties has survived: a pair X and Y, of which the names
are guessed, gives the point that is looked from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element

from ..errors import shown
from .rules import MosaicRule, Viewpoint, mosaic_rule_of
from .texts import integer, items, number, read_xml

_IN_XML = {
    "mosaicmethod": "mosaicmethod",
    "tileorderfield": "sortfield",
    "tileorderbase": "sortvalue",
    "ascending": "ascending",
    "mosaicoperator": "mosaicoperation",
    "mosaicoperation": "mosaicoperation",
    "where": "where",
    "whereclause": "where",
    "lockrasterid": "lockrasterids",
    "lockrasterids": "lockrasterids",
    "fids": "fids",
}
_LISTS = ("lockrasterids", "fids")
_POINTS = (("x", "y"), ("viewpointx", "viewpointy"), ("offsetx", "offsety"))


def mosaic_properties(text: str) -> MosaicRule:
    """The rule of an XML fragment, with a root or without; unknown elements are passed over.

    Raises:
        ValueError: it isn't XML, or an element breaks its rule.
    """
    said: dict[str, Any] = {}
    for element in _elements(text, "mosaicproperties"):
        name = _IN_XML.get(_local(element))
        value = (element.text or "").strip()
        if name is None or not value:
            continue
        if name in _LISTS:
            said.setdefault(name, []).extend(integer(part) for part in items(value, 100_000))
        elif said.setdefault(name, value) != value:
            raise ValueError(f"{element.tag} is given twice")
    return replace(mosaic_rule_of(said), parameter="mosaicProperties", received=shown(text))


def viewpoint_properties(text: str) -> Viewpoint | None:
    """The first pair of coordinates in an XML fragment; `None` if it holds none.

    Raises:
        ValueError: it isn't XML, or a coordinate isn't a number.
    """
    found = {_local(e): (e.text or "").strip() for e in _elements(text, "viewpointproperties")}
    for x, y in _POINTS:
        if found.get(x) and found.get(y):
            return Viewpoint(x=number(found[x]), y=number(found[y]))
    return None


def _elements(text: str, root: str) -> Iterator[Element]:
    """All elements of the fragment but the one that only wraps it.

    Raises:
        ValueError: it isn't XML, or has text that stands in no element.
    """
    fragment = read_xml(text)
    loose = (fragment.text, *(element.tail for element in fragment))
    if any(each and not each.isspace() for each in loose):
        raise ValueError("must be elements of XML")
    for element in list(fragment.iter())[1:]:
        if _local(element) != root:
            yield element


def _local(element: Element) -> str:
    """The name in lower case, without a namespace."""
    return str(element.tag).rpartition("}")[2].lower()
