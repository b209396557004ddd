"""Words that several rooms use: for counts, for names alike, and for why a disk fails."""

from __future__ import annotations

import errno
from collections.abc import Iterable

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "access to its folder is denied",
    errno.EPERM: "access to its folder is denied",
    errno.ENOENT: "its folder is missing",
    errno.ENOTDIR: "its folder is not a folder",
    errno.EEXIST: "its folder is not a folder",
}


def counted(count: int, noun: str, several: str = "") -> str:
    """The count and its noun: `1 service`, `2 services`.

    Args:
        count: how many there are.
        noun: what one of them is called.
        several: what they are called if that isn't the noun and an s.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {several or f'{noun}s'}"


def twins(names: Iterable[str]) -> dict[str, str]:
    """Of names that differ from an earlier one in letter case only: that one."""
    first: dict[str, str] = {}
    found = {name: first.setdefault(name.casefold(), name) for name in names}
    return {name: earlier for name, earlier in found.items() if name != earlier}


def reason(error: OSError) -> str:
    """Why the disk fails, as a client may be told: it names no path."""
    return _REASONS.get(error.errno or 0, "the disk reports an error")
