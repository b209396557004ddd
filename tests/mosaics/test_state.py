from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exportimage_wsgi import Catalog
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics import describing, state
from tests.mosaics.scenes import row_of_scenes, scene

ELSEWHERE = 510_000, 5_500_000, 511_000, 5_501_000


@pytest.fixture(autouse=True)
def looks_at_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)


def test_a_new_file_joins_the_mosaic_and_only_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog.of({"a": row_of_scenes(tmp_path)})
    assert len(catalog.service("a").source.table) == 3  # type: ignore[union-attr]
    opened: list[Any] = []
    open_source = describing.open_source
    monkeypatch.setattr(
        describing, "open_source", lambda path, **o: opened.append(path) or open_source(path, **o)
    )

    new = scene(tmp_path / "zz.tif", 9, ELSEWHERE)

    assert len(catalog.service("a").source.table) == 4  # type: ignore[union-attr]
    assert opened == [new]


def test_a_file_that_vanishes_leaves(tmp_path: Path) -> None:
    catalog = Catalog.of({"a": row_of_scenes(tmp_path)})
    before = catalog.service("a").info.version

    (tmp_path / "scene0_20200101.tif").unlink()

    service = catalog.service("a")
    assert len(service.source.table) == 2  # type: ignore[union-attr]
    assert service.info.version != before


def test_a_mosaic_stays_while_a_new_file_is_still_being_written(tmp_path: Path) -> None:
    catalog = Catalog.of({"a": row_of_scenes(tmp_path)})
    before = catalog.service("a")

    (tmp_path / "new.tif").write_bytes(b"II*\0")

    assert catalog.service("a") is before
    with pytest.raises(SourceError, match="new"):
        Catalog.of({"a": tmp_path}).service("a")


def test_nothing_changes_while_nothing_does(tmp_path: Path) -> None:
    catalog = Catalog.of({"a": row_of_scenes(tmp_path)})

    assert catalog.service("a") is catalog.service("a")
