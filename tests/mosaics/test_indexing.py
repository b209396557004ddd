from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pyproj
import pytest
import shapely
from click.testing import CliRunner, Result

from exportimage_wsgi import Catalog
from exportimage_wsgi.cli import main
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics import describing
from exportimage_wsgi.mosaics.as_raster import Options
from exportimage_wsgi.mosaics.indexing import Indexed, make_index
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.statistics import mosaic_statistics
from tests.mosaics.scenes import row_of_scenes, scene

ELSEWHERE = 510_000, 5_500_000, 511_000, 5_501_000


def settings(folder: Path, **more: Any) -> MosaicSettings:
    more = {"pattern": r"scene(?P<number>\d)_(?P<date>\d{8})"} | more
    return MosaicSettings(index=str(folder / "index.parquet"), **more)


def make(folder: Path, **more: Any) -> Indexed:
    return make_index(folder / "scenes", settings(folder, **more), Options())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    row_of_scenes(tmp_path / "scenes")
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rasters that are opened from here on; nothing is remembered from before."""
    monkeypatch.setattr(describing, "_known", type(describing._known)())
    names: list[str] = []
    open_source = describing.open_source

    def noted(path: str, **options: Any) -> Any:
        names.append(Path(path).name)
        return open_source(path, **options)

    monkeypatch.setattr(describing, "open_source", noted)
    return names


def test_an_index_gives_the_mosaic_that_the_files_give(folder: Path) -> None:
    in_memory = open_mosaic(folder / "scenes", settings(folder))

    assert make(folder).items == 3

    indexed = open_mosaic(folder / "scenes", settings(folder))
    assert indexed.table.rows.equals(in_memory.table.rows)
    assert indexed.info.grid == in_memory.info.grid
    assert indexed.info.statistics == mosaic_statistics(in_memory)


@pytest.mark.skipif(os.name == "nt", reason="Windows tells by an error")
def test_an_index_is_flushed_as_a_file_that_can_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    modes = []
    monkeypatch.setattr(os, "fsync", lambda file: modes.append(fcntl.fcntl(file, fcntl.F_GETFL)))

    make(folder)

    assert [mode & os.O_ACCMODE for mode in modes] == [os.O_RDWR]


def test_only_new_and_changed_files_are_read_again(folder: Path, opened: list[str]) -> None:
    make(folder)
    opened.clear()
    scene(folder / "scenes" / "a_new.tif", 9, ELSEWHERE)
    changed = folder / "scenes" / "scene1_20200102.tif"
    os.utime(changed, ns=(1, 1))

    assert make(folder).read == 2

    assert sorted(opened) == ["a_new.tif", "scene1_20200102.tif"]


def test_ids_of_known_items_stay_and_are_never_used_again(folder: Path) -> None:
    make(folder)
    (folder / "scenes" / "scene2_20200103.tif").unlink()
    assert make(folder).gone == 1
    scene(folder / "scenes" / "a_new.tif", 9, ELSEWHERE)

    make(folder)

    table = open_mosaic(folder / "scenes", settings(folder)).table
    names = table.rows.column("name").to_pylist()
    ids = dict(zip(names, table.numbers("objectid").tolist(), strict=True))
    assert ids == {"scene0_20200101": 1, "scene1_20200102": 2, "a_new": 4}


def test_what_was_broken_off_goes_on_where_it_was(folder: Path, opened: list[str]) -> None:
    done: list[int] = []

    def kill() -> None:
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_index(folder / "scenes", settings(folder), Options(), told_done=kill)
    opened.clear()
    describing._known.clear()

    make(folder)

    assert opened == ["scene2_20200103.tif"]
    assert not (folder / "index.parquet.parts").exists()


def test_a_folder_moves_with_its_index(folder: Path) -> None:
    make(folder)
    sources = parquet.read_table(folder / "index.parquet").column("source").to_pylist()
    moved = folder.rename(folder.with_name("moved"))

    table = open_mosaic(moved / "scenes", settings(moved)).table

    assert sources[0] == "scenes/scene0_20200101.tif"
    assert table.value("source", 0) == str(moved / sources[0])


def test_an_index_beside_the_folder_knows_its_items_again(folder: Path, opened: list[str]) -> None:
    (folder / "conf").mkdir()
    within = MosaicSettings(index=str(folder / "conf" / "index.parquet"))
    make_index(folder / "scenes", within, Options())
    opened.clear()

    again = make_index(folder / "scenes", within, Options())

    assert (again.gone, opened) == (0, [])
    table = open_mosaic(folder / "scenes", within).table
    assert table.numbers("objectid").tolist() == list(range(1, len(table) + 1))
    assert table.value("source", 0).startswith(str(folder / "scenes"))


def test_the_file_is_geoparquet(folder: Path) -> None:
    make(folder)

    file = parquet.ParquetFile(folder / "index.parquet")
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert pyproj.CRS.from_json_dict(column["crs"]).to_epsg() == 32633
    rows = file.read()
    outlines = shapely.from_wkb(rows.column("geometry").to_pylist())
    boxes = [list(each.values()) for each in rows.column("bbox").to_pylist()]
    assert np.array_equal(shapely.bounds(outlines), boxes)
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert column["bbox"] == shapely.total_bounds(outlines).tolist()


def test_a_damaged_file_keeps_an_index_from_being_written(folder: Path) -> None:
    (folder / "scenes" / "damaged.tif").write_bytes(b"II*\0")

    done = make(folder)

    assert not done.is_written
    assert not (folder / "index.parquet").exists()
    assert [Path(failure.raster).name for failure in done.failures] == ["damaged.tif"]
    assert make(folder, on_failure="skip").items == 3


@pytest.mark.parametrize("change", [{"pattern": r"(?P<other>\d)"}, {"crs": 3857}, {"tags": ["A"]}])
def test_an_index_of_other_settings_is_refused(change: dict[str, Any], folder: Path) -> None:
    make(folder)

    with pytest.raises(SourceError, match="made with other settings"):
        open_mosaic(folder / "scenes", settings(folder, **change))


def test_an_index_that_was_cut_off_is_refused_and_made_again(folder: Path) -> None:
    make(folder)
    path = folder / "index.parquet"
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(SourceError, match="was cut off"):
        open_mosaic(folder / "scenes", settings(folder))
    assert make(folder).items == 3


def test_an_index_of_another_version_is_refused_and_made_again(folder: Path) -> None:
    make(folder)
    path = folder / "index.parquet"
    rows = parquet.read_table(path).replace_schema_metadata({"exportimage_wsgi": '{"format": 0}'})
    parquet.write_table(rows, path)

    with pytest.raises(SourceError, match="no index of this version"):
        open_mosaic(folder / "scenes", settings(folder))
    assert make(folder).items == 3


def test_two_processes_do_not_make_one_index_at_once(folder: Path) -> None:
    code = f"""
import sys, time
from exportimage_wsgi.mosaics import workplace
with workplace.workplace({str(folder / "index.parquet")!r}):
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "locked\n"
        with pytest.raises(SourceError, match=r"another process is making index\.parquet"):
            make(folder)
        other.communicate("")

    assert make(folder).items == 3


def test_a_served_index_that_is_made_again_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from exportimage_wsgi.catalog import Offer
    from exportimage_wsgi.mosaics import state
    from exportimage_wsgi.settings import ServiceSettings

    monkeypatch.setattr(state, "_SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(state, "_SHARE", 1e9)
    make(folder)
    offer = Offer(raster=folder / "scenes", settings=ServiceSettings(mosaic=settings(folder)))
    catalog = Catalog({"a": offer})
    assert len(catalog.service("a").source.table) == 3  # type: ignore[union-attr]
    scene(folder / "scenes" / "a_new.tif", 9, ELSEWHERE)
    assert len(catalog.service("a").source.table) == 3  # type: ignore[union-attr]

    make(folder)

    assert len(catalog.service("a").source.table) == 4  # type: ignore[union-attr]


# --- the command -----------------------------------------------------------------------------


def index(config: object) -> Result:
    return CliRunner().invoke(main, ["index", str(config)])


def write_config(folder: Path, more: str = "") -> Path:
    config = folder / "services.toml"
    config.write_text(
        '[services.a]\nsource = "scenes"\n[services.a.mosaic]\nindex = "a.parquet"\n' + more
    )
    return config


def test_the_command_makes_indexes_and_says_so(folder: Path) -> None:
    done = index(write_config(folder))

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/a.parquet: 3 items, 3 read, 0 gone\n"


def test_the_command_names_what_cannot_be_read(folder: Path) -> None:
    (folder / "scenes" / "damaged.tif").write_bytes(b"II*\0")

    done = index(write_config(folder))

    assert done.exit_code == 1
    assert f"fault: {folder}/scenes/damaged.tif: " in done.stderr
    skipping = index(write_config(folder, 'on_failure = "skip"\n'))
    assert skipping.exit_code == 0
    assert f"warning: {folder}/scenes/damaged.tif: " in skipping.stderr


def test_the_command_refuses_what_names_no_index(folder: Path) -> None:
    config = folder / "services.toml"
    config.write_text('[services.a]\nsource = "scenes"\n')

    assert "no mosaic names an index" in index(config).stderr
    assert "there is no service b" in index(f"{config}#b").stderr


@pytest.mark.parametrize(
    ("given", "kind"), [("scenes", "a folder"), ("scenes/*.tif", "no configuration")]
)
def test_the_command_tells_what_it_takes_in_place_of_rasters(
    given: str, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = index(given)
    first, *example = done.stderr.splitlines()

    assert done.exit_code == 1
    assert first.startswith(f"Error: {given} is {kind}; index takes a TOML file")
    (folder / "shown.toml").write_text("\n".join(example))
    assert index("shown.toml").stdout.startswith(f"{folder}/scenes.parquet: 3 items")


def test_statistics_are_those_of_the_items(folder: Path) -> None:
    make(folder)

    (found,) = open_mosaic(folder / "scenes", settings(folder)).info.statistics or ()

    values = np.repeat([1, 2, 3], 10_000)
    assert (found.minimum, found.maximum) == (1, 3)
    assert found.mean == pytest.approx(values.mean())
    assert found.deviation == pytest.approx(values.std())


# --- the check -------------------------------------------------------------------------------


def check(config: Path) -> str:
    """What it says on standard error."""
    return CliRunner().invoke(main, ["check", str(config)]).stderr


def test_the_check_tells_that_an_index_is_missing(folder: Path) -> None:
    assert f"{folder}/a.parquet is missing: make it" in check(write_config(folder))


def test_the_check_is_content_with_an_index_that_is_current(folder: Path) -> None:
    config = write_config(folder)
    index(config)

    assert check(config) == ""


def test_the_check_tells_that_an_index_is_older_than_its_files(folder: Path) -> None:
    config = write_config(folder)
    index(config)
    (folder / "scenes" / "scene0_20200101.tif").unlink()
    os.utime(folder / "scenes" / "scene1_20200102.tif", ns=(1, 1))
    scene(folder / "scenes" / "b_new.tif", 9, ELSEWHERE)
    scene(folder / "scenes" / "a_new.tif", 9, ELSEWHERE)

    assert "older than its rasters (2 new, 1 changed, 1 gone)" in check(config)


def test_the_check_tells_what_is_left_out(folder: Path) -> None:
    (folder / "scenes" / "damaged.tif").write_bytes(b"II*\0")
    config = write_config(folder, 'on_failure = "skip"\n')

    assert "left out: damaged.tif" in check(config)


def test_the_check_says_once_what_is_missing_or_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "scenes" / "damaged.tif").write_bytes(b"II*\0")
    config = write_config(folder, 'on_failure = "skip"\n')

    said = check(config).splitlines()

    assert [line.count("a.parquet") for line in said] == [0, 1]
    assert [line.count("damaged.tif") for line in said] == [1, 0]
    assert caplog.messages == []


def test_why_no_raster_can_be_read_is_told(folder: Path) -> None:
    for file in (folder / "scenes").iterdir():
        file.write_bytes(b"II*\0")
    config = write_config(folder, 'on_failure = "skip"\n')

    assert "no raster of the mosaic can be read: scene0_20200101.tif" in check(config)
    assert "no raster of the mosaic can be read: scene0_20200101.tif" in index(config).stderr
