"""Attributes from the names of files, by a pattern, in time that grows with the name alone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from .columns import column_name, names_fault

_LONGEST_PATTERN = 1000


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """The pattern, which is searched in the path of a file below its folder.

    Of Python's regular expressions it knows all but look-arounds and references back to groups,
    which could take forever (https://github.com/google/re2/wiki/Syntax).

    Raises:
        ValueError: it is no such expression, or has no named group that can be an attribute.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"must have at most {_LONGEST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    compiler: Any = re2.compile
    try:
        found = compiler(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"is no regular expression: {text}") from None
    if not found.groupindex:
        raise ValueError("must have named groups, (?P<name>…), which become attributes")
    fault = names_fault(tuple(found.groupindex))
    if fault:
        raise ValueError(fault)
    return found


def attributes(pattern: Any, place: str) -> dict[str, str | None]:
    """Column → text that the group matched; `None` where the pattern or the group doesn't."""
    match = pattern.search(place)
    said = match.groupdict() if match else {}
    groups: dict[str, int] = pattern.groupindex
    names = sorted(groups, key=lambda name: groups[name])
    return {column_name(name): said.get(name) for name in names}
