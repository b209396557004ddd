"""Names of services, and the prefix: what an address can hold."""

from __future__ import annotations

_FORBIDDEN = "?#%\\"


def name_fault(name: str) -> str | None:
    """The rule that a service's name, or a path in a URL, breaks; `None` if it breaks none."""
    parts = name.split("/")
    if not all(part and part == part.strip() for part in parts):
        return "its parts, between the slashes, may not be empty nor begin or end with a blank"
    if any(part in (".", "..") or part.casefold() == "imageserver" for part in parts):
        return "no part of it may be '.', '..' or 'ImageServer'"
    if not name.isprintable() or any(sign in name for sign in _FORBIDDEN):
        return f"it may not hold {' '.join(_FORBIDDEN)} nor control characters"
    return None


def twin_fault(twin: str) -> str:
    """The rule that a name breaks whose twin is there already."""
    return f"differs from {twin} in letter case only, which addresses ignore"


def checked_prefix(prefix: str) -> str:
    """The prefix with one slash at its beginning and none at its end; `""` for none.

    Raises:
        ValueError: no URL can begin so.
    """
    inside = prefix.strip("/")
    fault = name_fault(inside) if inside else None
    if fault:
        raise ValueError(fault)
    return f"/{inside}" if inside else ""


def checked_name(name: str) -> str:
    fault = name_fault(name)
    if fault:
        raise ValueError(fault)
    return name
