"""Tables that say at which pixel sizes items are drawn, and where their nadirs are."""

from __future__ import annotations

import numpy as np
import pytest

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from tests.operations.scenes import constant_scenes

SCENES = {"a": (1, (0, 0, 10, 10)), "b": (2, (5, 0, 15, 10))}


def opened(folder, table):
    paths = constant_scenes(folder, SCENES)
    (folder / "more.csv").write_text(table)
    return open_mosaic(paths, MosaicSettings(table=str(folder / "more.csv"))).table


def test_a_joined_table_says_pixel_sizes_and_nadirs(tmp_path):
    table = opened(tmp_path, "name,MinPS,maxps,NadirX,NadirY\na,0,2.5,7,8\nb,2.5,,,\n")

    assert table.numbers("min_ps").tolist() == [0, 2.5]
    assert table.numbers("max_ps").tolist() == [2.5, 0]
    assert table.numbers("nadir_x")[0] == 7 and np.isnan(table.numbers("nadir_y")[1])
    assert [field.name for field in table.fields].count("MinPS") == 1


def test_pixel_sizes_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(SourceError, match="MinPS must be numbers"):
        opened(tmp_path, "name,MinPS\na,small\nb,large\n")


def test_other_fields_of_every_item_cannot_be_said(tmp_path):
    with pytest.raises(SourceError, match="CenterX is the name of a field"):
        opened(tmp_path, "name,CenterX\na,1\nb,2\n")
