"""Pictures of at most 256 colours: which colours, and which index is no data.

A strip is first told in numbers: of one band the values themselves, of three the colour
`red << 16 | green << 8 | blue`; in both `none` of the kind for a pixel that isn't shown. When
all strips are known, so are the colours.

One band keeps index = value, since clients read them. So where all 256 values occur and there
is no data too, one value has to give way: the rarest one, shown as the one most like it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..pixels import Palette, Pixels

GREYS: Palette = tuple((level, level, level, 255) for level in range(256))
"""The palette of a band that has none: index = value."""

NO_INDEX = 256
"""Number of a pixel of one band that isn't shown."""

NO_COLOUR = 1 << 24
"""Number of a pixel of three bands that isn't shown."""

_MOST = 256
_OPAQUE = 128
_SAMPLE = 1 << 14

Numbers = NDArray[Any]
"""`(y, x)`, U16 of one band and U32 of three."""

Indices = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A picture of indices."""

    palette: Palette
    """Colours of all indices that occur."""

    transparent: int | None
    """The index of no data, if there is any."""

    strips: tuple[Indices, ...]
    """`(y, x)` each."""


def numbers(pixels: Pixels) -> Numbers:
    """The strip in numbers; a pixel is shown if it is at least half opaque."""
    hidden = pixels.alpha() < _OPAQUE
    if len(pixels.values) == 1:
        return np.where(hidden, np.uint16(NO_INDEX), pixels.values[0])
    red, green, blue = pixels.values.astype(np.uint32)
    colour: Numbers = red << 16 | green << 8 | blue
    colour[hidden] = NO_COLOUR
    return colour


def indexed(strips: Sequence[Numbers], palette: Palette) -> Drawing:
    """One band, its indices kept. An index that the palette doesn't have is no data."""
    each = [np.bincount(strip.ravel(), minlength=NO_INDEX + 1) for strip in strips]
    counts = np.sum(each, axis=0)
    table = np.arange(NO_INDEX + 1)
    if not np.any(counts[len(palette) :]):
        return Drawing(palette, None, _looked_up(table, strips))
    free = free_index(palette, counts[: len(palette)])
    if free < len(palette) and counts[free] and palette[free][3]:
        table[free] = most_alike(palette, free)
    table[len(palette) :] = free
    return Drawing(with_transparent(palette, free), free, _looked_up(table, strips))


def free_index(palette: Palette, counts: NDArray[np.int64]) -> int:
    """The index for no data: a new one, else one that isn't seen, else the rarest."""
    if len(palette) < _MOST:
        return len(palette)

    def harm(index: int) -> tuple[int, ...]:
        count, alpha = int(counts[index]), palette[index][3]
        return (count if alpha else 0), count, alpha, index

    return min(range(_MOST), key=harm)


def most_alike(palette: Palette, index: int) -> int:
    """The other index whose colour is nearest."""
    colours = np.array(palette, np.int64)
    distance = ((colours - colours[index]) ** 2).sum(axis=1)
    distance[index] = distance.max() + 1
    return int(distance.argmin())


def with_transparent(palette: Palette, index: int) -> Palette:
    """The palette with an entry that isn't seen, put at its end or in place of another."""
    colour = palette[index][:3] if index < len(palette) else (0, 0, 0)
    return (*palette[:index], (*colour, 0), *palette[index + 1 :])


def coloured(strips: Sequence[Numbers]) -> Drawing:
    """Three bands: their own colours if these are few enough, else 256 that stand for them."""
    some_hidden = any((strip == NO_COLOUR).any() for strip in strips)
    most = _MOST - some_hidden
    colours = distinct(strips, most)
    if colours is None:
        return _quantized(strips, most, some_hidden)
    palette = _opaque(colours)
    if some_hidden:
        # Its number is the largest, so that its index is the last.
        palette, colours = (*palette, (0, 0, 0, 0)), np.append(colours, np.uint32(NO_COLOUR))
    drawn = tuple(np.searchsorted(colours, strip).astype(np.uint8) for strip in strips)
    return Drawing(palette, len(palette) - 1 if some_hidden else None, drawn)


def distinct(strips: Sequence[Numbers], most: int) -> NDArray[np.uint32] | None:
    """The colours that occur, sorted; `None` if they are more than `most`."""
    slots = np.full(4 * _MOST, NO_COLOUR, np.uint32)
    count = 0
    for strip in strips:
        count = _collect(strip.ravel(), slots, count, most)
        if count > most:
            return None
    found: NDArray[np.uint32] = np.sort(slots[slots != NO_COLOUR])
    return found


@compiled
def _collect(colours: Any, slots: Any, count: int, most: int) -> int:  # pragma: no cover - compiled
    """Put the colours into a hash table until there are too many; their number."""
    last = np.uint32(NO_COLOUR)
    for colour in colours:
        if colour == last or colour == NO_COLOUR:  # noqa: SIM109 - compiled
            continue
        last = colour
        slot = np.int64(colour) * 2654435761 >> 15 & slots.size - 1
        while slots[slot] != NO_COLOUR and slots[slot] != colour:
            slot = slot + 1 & slots.size - 1
        if slots[slot] == NO_COLOUR:
            slots[slot] = colour
            count += 1
            if count > most:
                return count
    return count


def _quantized(strips: Sequence[Numbers], most: int, some_hidden: bool) -> Drawing:
    """Colours by median cut of evenly spread pixels; each pixel takes the nearest of them."""
    colours = _median_cut(_sample(strips), most)
    drawn = []
    for strip in strips:
        indices = np.empty(strip.shape, np.uint8)
        _find_nearest(strip.ravel(), colours, indices.ravel())
        drawn.append(indices)
    palette = _opaque(colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2])
    if some_hidden:
        return Drawing((*palette, (0, 0, 0, 0)), len(palette), tuple(drawn))
    return Drawing(palette, None, tuple(drawn))


def _median_cut(sample: Numbers, most: int) -> NDArray[np.int64]:
    """`(colour, 3)`: red, green, blue of at most so many colours, sorted by green."""
    from PIL import Image

    cut = Image.fromarray(_rgb(sample[None])).quantize(most, Image.Quantize.MEDIANCUT)
    colours = np.array(cut.getpalette(), np.int64).reshape(-1, 3)[:most]
    return colours[np.lexsort(colours[:, [0, 2, 1]].T)]


@compiled
def _find_nearest(numbers: Any, colours: Any, out: Any) -> None:  # pragma: no cover - compiled
    """The index of the nearest colour for each pixel, found outward from its own green.

    A pixel that isn't shown gets the index after the last.
    """
    count = len(colours)
    greens = colours[:, 1].copy()
    starts = np.searchsorted(greens, np.arange(256))
    for i in range(numbers.size):
        if i and numbers[i] == numbers[i - 1]:
            out[i] = out[i - 1]
            continue
        if numbers[i] == NO_COLOUR:
            out[i] = count
            continue
        number = np.int64(numbers[i])
        red, green, blue = number >> 16, number >> 8 & 255, number & 255
        up, best, found = starts[green], 1 << 30, 0
        down = up - 1
        while down >= 0 or up < count:
            below = green - greens[down] if down >= 0 else 1 << 15
            above = greens[up] - green if up < count else 1 << 15
            step = min(below, above)
            if step * step >= best:
                break
            index = down if below < above else up
            across = (red - colours[index, 0]) ** 2 + (blue - colours[index, 2]) ** 2
            if step * step + across < best:
                best, found = step * step + across, index
            if below < above:
                down -= 1
            else:
                up += 1
        out[i] = found


def _sample(strips: Sequence[Numbers]) -> Numbers:
    """Every n-th pixel that is shown, so that they are not too many."""
    shown = [strip[strip != NO_COLOUR] for strip in strips]
    step = -(-sum(part.size for part in shown) // _SAMPLE)
    return np.concatenate(shown)[::step]


def _rgb(colour: Numbers) -> NDArray[np.uint8]:
    """`(y, x, 3)`; what isn't shown is black."""
    parts = [colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF]
    return np.stack(parts, axis=-1).astype(np.uint8)


def _opaque(colours: NDArray[Any]) -> Palette:
    return tuple((int(c >> 16), int(c >> 8 & 0xFF), int(c & 0xFF), 255) for c in colours)


def _looked_up(table: NDArray[Any], strips: Sequence[Numbers]) -> tuple[Indices, ...]:
    narrow = table.astype(np.uint8)
    return tuple(narrow[strip] for strip in strips)
