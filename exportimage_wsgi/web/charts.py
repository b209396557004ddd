"""Histograms as pictures: counts become the outline of an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .facts import short

_MOST_BARS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A histogram as an outline in a box of `width` by 100."""

    path: str
    """Of SVG."""

    width: int
    """Bars."""

    least: str

    most: str

    summary: str
    """The same in words."""


Charts = tuple[Chart | None, ...]
"""One a band."""


def charts_of(answer: Mapping[str, Any]) -> Charts:
    """The pictures of an answer that has histograms."""
    found = answer.get("histograms", ())
    return tuple(chart(each["counts"], each["min"], each["max"]) for each in found)


def chart(counts: Sequence[int], low: float, high: float) -> Chart | None:
    """The picture of a histogram whose bins lie between two edges; `None` of an empty one."""
    bars = _bars(counts)
    highest = max(bars, default=0)
    if highest <= 0:
        return None
    return Chart(
        path=_outline([100 - 100 * bar / highest for bar in bars]),
        width=len(bars),
        least=short(low),
        most=short(high),
        summary=_summary(counts, low, high),
    )


def _bars(counts: Sequence[int]) -> list[int]:
    """The same with neighbours added together, where there are more than can be told apart."""
    step = -(-len(counts) // _MOST_BARS) if counts else 1
    return [sum(counts[i : i + step]) for i in range(0, len(counts), step)]


def _outline(tops: Sequence[float]) -> str:
    """A staircase over the bars, closed along the bottom."""
    stairs = "".join(f"V{top:.4g}h1" for top in tops)
    return f"M0 100{stairs}V100z"


def _summary(counts: Sequence[int], low: float, high: float) -> str:
    width = (high - low) / len(counts)
    peak = max(range(len(counts)), key=counts.__getitem__)
    middle = low + (peak + 0.5) * width
    return f"from {short(low)} to {short(high)}, most often near {short(middle)}"
