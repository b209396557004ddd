"""Words for counts, so that one thing is told as one."""

from __future__ import annotations


def counted(count: int, noun: str, several: str = "") -> str:
    """The count and its noun: `1 service`, `2 services`.

    Args:
        count: how many there are.
        noun: what one of them is called.
        several: what they are called if that isn't the noun and an s.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {several or f'{noun}s'}"
