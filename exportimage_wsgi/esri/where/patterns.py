"""LIKE: patterns as signs, and whether a text matches one."""

from __future__ import annotations

ANY_TEXT, ANY_CHARACTER = "%%", "__"
"""Signs of a pattern; a single `%` or `_` in it stands for itself."""


def signs_of(text: str, escape: str) -> tuple[str, ...] | None:
    """The signs of a pattern; `None` if what follows the escape may not."""
    signs: list[str] = []
    parts = iter(text)
    for part in parts:
        if part == escape:
            part = next(parts, "")
            if part not in ("%", "_", escape):
                return None
            signs.append(part)
        elif part != "%":
            signs.append(ANY_CHARACTER if part == "_" else part)
        elif signs[-1:] != [ANY_TEXT]:
            signs.append(ANY_TEXT)
    return tuple(signs)


def is_like(text: str, pattern: tuple[str, ...]) -> bool:
    """Does the text match?

    Only the last `%` is ever tried again, so the steps are at most text times pattern.
    """
    position = start = 0
    star: int | None = None
    at = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == ANY_TEXT:
            star, start, at = at, position, at + 1
        elif at < len(pattern) and pattern[at] in (ANY_CHARACTER, text[position]):
            position, at = position + 1, at + 1
        elif star is not None:
            start, at = start + 1, star + 1
            position = start
        else:
            return False
    return all(rest == ANY_TEXT for rest in pattern[at:])
