from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pyproj
import pytest
import shapely

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics import describing
from exportimage_wsgi.mosaics.finding import find
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.mosaics.table import ItemTable
from tests.mosaics.scenes import row_of_scenes

DEFAULT = MosaicSettings()


def opened(path: Path, **settings: Any) -> ItemTable:
    return open_mosaic(path, MosaicSettings(**settings)).table


def write_csv(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a raster was opened")

    monkeypatch.setattr(describing, "open_source", refuse)


def test_a_csv_names_rasters_beside_it_and_their_attributes(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")
    rows = [["path", "name", "cloud:cover", "seen", "tile"]]
    rows += [["scenes/scene0_20200101.tif", 'the "first"\nof all', "1.5", "2020-01-02", "033"]]
    rows += [["scenes/scene1_20200102.tif", "", "", "2020-01-03T12:00:00Z", "034"]]
    table = opened(write_csv(tmp_path / "items.csv", rows))

    assert table.value("name", 0) == 'the "first"\nof all'
    assert table.value("name", 1) == "scene1_20200102"
    assert table.rows.column("cloud_cover").to_pylist() == [1.5, None]
    assert table.value("seen", 1) == dt.datetime(2020, 1, 3, 12, tzinfo=dt.UTC)
    assert table.rows.column("tile").to_pylist() == ["033", "034"]


def test_a_geoparquet_says_footprints_and_seamlines(tmp_path: Path) -> None:
    row_of_scenes(tmp_path, 1)
    outline = shapely.box(500_100, 5_500_100, 500_900, 5_500_900)
    line = shapely.box(500_200, 5_500_200, 500_800, 5_500_800)
    crs = json.loads(pyproj.CRS.from_epsg(32633).to_json())
    geo = {"version": "1.1.0", "primary_column": "geometry"}
    geo |= {"columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "crs": crs}}}
    rows = pa.table(
        {
            "location": ["scene0_20200101.tif"],
            "geometry": [shapely.to_wkb(outline)],
            "seamline": [shapely.to_wkb(line)],
        }
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    parquet.write_table(rows, tmp_path / "items.parquet")

    table = opened(tmp_path / "items.parquet")

    assert shapely.equals(table.footprints(table.everywhere)[0], outline)
    assert shapely.equals(table.seamlines(table.everywhere)[0], line)
    assert table.numbers("low_ps").tolist() == [10]


def test_a_joined_table_adds_attributes_by_name(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")
    more = write_csv(
        tmp_path / "more.csv", [["Name", "sun"], ["scene1_20200102", "45"], ["gone", "1"]]
    )

    table = opened(tmp_path / "scenes", table=str(more))

    assert table.rows.column("sun").to_pylist() == [None, 45, None]


def test_columns_that_differ_in_signs_beyond_ascii_stay_apart(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")
    more = write_csv(tmp_path / "more.csv", [["name", "面積", "名称"], ["scene1_20200102", 7, "x"]])

    table = opened(tmp_path / "scenes", table=str(more))

    assert table.rows.column("__").to_pylist() == [None, 7, None]
    assert table.rows.column("___").to_pylist() == [None, "x", None]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["sun"], ["1"]], "has no column name"),
        ([["name", "objectid"], ["a", "1"]], "objectid is the name of a field"),
        ([["name", "x"], ["a", "1"], ["a", "2"]], "two rows are called a"),
        ([["name", "x"], ["a"]], "row 2 has 1 value, not 2"),
        ([["name", "name"], ["a", "b"]], "each once"),
        ([], "is empty"),
    ],
)
def test_a_joined_table_with_a_fault_is_refused(
    rows: list[list[Any]], reason: str, tmp_path: Path
) -> None:
    row_of_scenes(tmp_path / "scenes")
    more = write_csv(tmp_path / "more.csv", rows)

    with pytest.raises(SourceError, match=reason):
        opened(tmp_path / "scenes", table=str(more))


def test_seamlines_come_from_a_file_of_features(tmp_path: Path) -> None:
    row_of_scenes(tmp_path / "scenes")
    line = shapely.box(14.999, 49.645, 15.001, 49.65)
    feature = {"type": "Feature", "geometry": shapely.geometry.mapping(line)}
    feature["properties"] = {"name": "scene1_20200102"}
    file = tmp_path / "lines.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    table = opened(tmp_path / "scenes", seamlines=str(file))

    first, second, _ = table.seamlines(table.everywhere)
    assert first is None
    move = pyproj.Transformer.from_crs(4326, 32633, always_xy=True)
    expected = shapely.transform(line, lambda xy: list(zip(*move.transform(*xy.T), strict=True)))
    assert shapely.area(shapely.symmetric_difference(second, expected)) < 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"properties": [1]}, "whose properties are no object"),
        ({"geometry": "x"}, "a geometry that is not understood"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, "other geometries than polygons"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1e400, 0], [1, 1], [0, 0]]]}},
         "other geometries than polygons"),
    ],
)  # fmt: skip
def test_seamlines_that_are_none_are_refused(
    change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    row_of_scenes(tmp_path / "scenes")
    shape = shapely.geometry.mapping(shapely.box(14, 49, 15, 50))
    feature = {"type": "Feature", "geometry": shape, "properties": {"name": "a"}} | change
    file = tmp_path / "lines.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    with pytest.raises(SourceError, match=f"lines.json.*{reason}"):
        opened(tmp_path / "scenes", seamlines=str(file))


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("shape", [b"x"], "its geo metadata is not understood"),
        ("geometry", [b"x"], "is neither WKB nor WKT"),
    ],
)
def test_a_geoparquet_without_its_geometries_is_refused(
    column: str, values: list[bytes], reason: str, tmp_path: Path
) -> None:
    row_of_scenes(tmp_path / "scenes")
    geo = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    rows = pa.table({"name": ["a"], column: values})
    rows = rows.replace_schema_metadata({b"geo": json.dumps(geo).encode()})
    parquet.write_table(rows, tmp_path / "lines.parquet")

    with pytest.raises(SourceError, match=f"lines.parquet.*{reason}"):
        opened(tmp_path / "scenes", seamlines=str(tmp_path / "lines.parquet"))


@pytest.mark.parametrize(
    "more",
    [
        {"proj:epsg": [float("inf")], "proj:transform": [[1.0, 0, 0, 0, -1.0, 0]]},
        {"id": ["a"], "assets": [5]},
    ],
)
def test_columns_with_the_names_of_stac_may_hold_anything(
    more: dict[str, Any], tmp_path: Path
) -> None:
    raster = next(row_of_scenes(tmp_path / "scenes").glob("*.tif"))
    parquet.write_table(pa.table({"href": [str(raster)], **more}), tmp_path / "items.parquet")

    assert len(opened(tmp_path / "items.parquet")) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PAR1 and nothing", "is no Parquet, or was cut off"),
        (b"a,b\n1,2\n", "has no column of paths"),
        (b'path\n"a', "is no CSV"),
        (b"path\n\xff\n", "is no CSV in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    ending = "parquet" if content.startswith(b"PAR1") else "csv"
    (tmp_path / f"items.{ending}").write_bytes(content)

    with pytest.raises(SourceError, match=f"items.{ending}.*{reason}"):
        opened(tmp_path / f"items.{ending}")


def test_rows_with_fields_of_projection_are_never_opened(
    tmp_path: Path, nothing_is_opened: None
) -> None:
    rows = pa.table(
        {
            "href": [f"s3://bucket/{i}.tif" for i in range(3)],
            "proj:epsg": [32633, 32633, 32634],
            "proj:shape": [[100, 200]] * 3,
            "proj:transform": [[10.0, 0.0, 500_000.0, 0.0, -10.0, 5_500_000.0]] * 3,
        }
    )
    parquet.write_table(rows, tmp_path / "items.parquet")

    table = opened(tmp_path / "items.parquet", pixel_type="U16", bands=3)

    assert table.bounds[0].tolist() == [500_000, 5_499_000, 502_000, 5_500_000]
    assert table.crs.definition == "EPSG:32633"
    assert table.rows.column("pixel_type").to_pylist() == [None] * 3
    assert [field.name for field in table.fields][7:] == []


def test_a_large_csv_becomes_items(tmp_path: Path) -> None:
    rows = [["href", "tile"], *([f"{i}.tif", f"t{i % 100}"] for i in range(100_000))]

    found = find(write_csv(tmp_path / "items.csv", rows)).found

    assert len(found) == 100_000
    assert found[-1].attributes == {"tile": "t99"}
    assert found[-1].raster == str(tmp_path / "99999.tif")
