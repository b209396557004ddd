"""Tiles laid out band by band; NumPy is the witness."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.imagery.sources.spreading import Spreading
from exportimage_wsgi.imagery.sources.thinned import Part
from exportimage_wsgi.imagery.sources.tile_floats import summed_floats

ALL = [(0, 0), (1, 1), (2, 2)]


def spread(tile, down, across, bands, out):
    spreading = Spreading(bands, out)
    spreading.add(tile, down, across)
    spreading.end()


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("bands", [ALL, [(0, 2), (1, 1), (2, 0)], [(1, 0)]])
def test_a_part_of_a_tile_goes_to_its_place(columns, step, dtype, bands):
    tile = np.random.default_rng(1).integers(0, 250, (32, 128, 3)).astype(dtype)
    out = np.zeros((3, 40, 64), dtype)
    down = Part(slice(5, 12), slice(20, 27, 1))
    across = Part(slice(9, 9 + columns), slice(4, 4 + (columns - 1) * step + 1, step))

    spread(tile, down, across, bands, out)

    expected = np.zeros_like(out)
    for band, sample in bands:
        expected[band, 5:12, 9 : 9 + columns] = tile[20:27, across.there, sample]
    np.testing.assert_array_equal(out, expected)


def test_what_cannot_be_written_to_is_read_all_the_same():
    tile = np.arange(4 * 20 * 3, dtype=np.uint8).reshape(4, 20, 3)
    tile.flags.writeable = False
    whole = Part(slice(0, 4), slice(0, 4, 1)), Part(slice(0, 20), slice(0, 20, 1))
    out = np.zeros((3, 4, 20), np.uint8)

    spread(tile, *whole, ALL, out)

    np.testing.assert_array_equal(out, tile.transpose(2, 0, 1))


def test_many_tiles_go_to_their_places():
    tiles = np.random.default_rng(3).integers(0, 256, (50, 8, 24, 3)).astype(np.uint8)
    out = np.zeros((3, 8, 50 * 24), np.uint8)
    spreading, rows = Spreading(ALL, out), Part(slice(0, 8), slice(0, 8, 1))

    for number, tile in enumerate(tiles):
        columns = Part(slice(24 * number, 24 * (number + 1)), slice(0, 24, 1))
        spreading.add(tile.copy(), rows, columns)
    spreading.end()

    np.testing.assert_array_equal(out, np.concatenate(tiles, axis=1).transpose(2, 0, 1))


@pytest.mark.parametrize("columns", [1, 15, 16, 33, 512])
@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("samples", [1, 2])
def test_floats_are_summed_up_along_their_rows(columns, size, samples):
    shape = 3, columns * samples * size
    stored = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)

    found = summed_floats(stored, samples, size)

    totals = np.cumsum(stored.reshape(3, -1, samples), axis=1, dtype=np.uint8).reshape(shape)
    planes = totals.reshape(3, size, -1)[:, ::-1]
    np.testing.assert_array_equal(found, planes.transpose(0, 2, 1).reshape(shape))
