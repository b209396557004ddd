"""Each pixel, or each so manyth, of a stretch of an axis, and where in blocks these pixels lie."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """What of the pixels lies in one block."""

    here: slice
    """Of the pixels."""

    there: slice
    """Of the block."""


@dataclass(frozen=True, slots=True)
class Thinned:
    """Pixels along an axis: of each `step` the one in the middle."""

    start: int
    """First pixel of the axis that the first stands for."""

    step: int

    count: int

    @property
    def first(self) -> int:
        """Pixel of the axis that is the first of them."""
        return self.start + self.step // 2

    @property
    def last(self) -> int:
        return self.first + (self.count - 1) * self.step

    def blocks(self, size: int) -> list[int]:
        """Numbers of the blocks of a size in which there are any."""
        if self.step <= size:
            return list(range(self.first // size, self.last // size + 1))
        return sorted({at // size for at in range(self.first, self.last + 1, self.step)})

    def within(self, start: int, size: int) -> Part:
        """Those in a block; there must be one."""
        low = max(-(-(start - self.first) // self.step), 0)
        high = min(-(-(start + size - self.first) // self.step), self.count)
        at = self.first + low * self.step - start
        return Part(slice(low, high), slice(at, at + (high - low - 1) * self.step + 1, self.step))
