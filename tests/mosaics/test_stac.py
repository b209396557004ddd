from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import shapely

from exportimage_wsgi import ImageService
from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.mosaics import as_raster, describing
from exportimage_wsgi.mosaics.finding import find
from exportimage_wsgi.mosaics.opening import open_mosaic
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.pixels import PixelType
from tests.mosaics.scenes import scene

BAND = {"name": "red", "data_type": "uint16", "nodata": 0}


def item(name: str, **changes: Any) -> dict[str, Any]:
    """A STAC item of 1 km in UTM zone 33, whose raster doesn't exist."""
    outline = shapely.box(15, 49.64, 15.014, 49.65)
    found: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "geometry": shapely.geometry.mapping(outline),
        "bbox": list(outline.bounds),
        "links": [],
        "properties": {
            "datetime": "2020-06-01T10:00:00Z",
            "eo:cloud_cover": 12.5,
            "platform": "sentinel-2a",
            "instruments": ["msi"],
            "proj:code": "EPSG:32633",
            "proj:shape": [100, 100],
            "proj:transform": [10, 0, 500_000, 0, -10, 5_500_000],
        },
        "assets": {
            "thumbnail": {"href": "thumb.jpg", "roles": ["thumbnail"]},
            "visual": {"href": f"{name}.tif", "roles": ["data"], "bands": [BAND]},
        },
    }
    return found | changes


def write(path: Path, document: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def collection(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(items)}


def catalog(*links: tuple[str, str]) -> dict[str, Any]:
    listed = [{"rel": rel, "href": href} for rel, href in links]
    return {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "c",
        "description": "",
        "links": listed,
    }


@pytest.fixture
def nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a raster was opened")

    monkeypatch.setattr(describing, "open_source", refuse)
    monkeypatch.setattr(as_raster, "open_kept", refuse)


def test_items_are_never_opened(tmp_path: Path, nothing_is_opened: None) -> None:
    path = write(tmp_path / "items.json", collection(item("a"), item("b")))

    dataset = open_mosaic(path, MosaicSettings())

    table, info = dataset.table, dataset.info
    assert table.value("source", 0) == str(tmp_path / "a.tif")
    assert (info.pixel_type, info.band_names, info.nodata) == (PixelType.U16, ("red",), (0.0,))
    assert info.grid.crs.definition == "EPSG:32633"
    assert table.numbers("low_ps").tolist() == [10, 10]


def test_properties_become_attributes(tmp_path: Path) -> None:
    table = open_mosaic(write(tmp_path / "a.json", item("a")), MosaicSettings()).table

    assert table.value("datetime", 0) == dt.datetime(2020, 6, 1, 10, tzinfo=dt.UTC)
    assert table.value("eo_cloud_cover", 0) == 12.5
    assert (table.value("platform", 0), table.value("instruments", 0)) == ("sentinel-2a", "msi")


def test_the_geometry_is_the_footprint(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", item("a"))

    table = open_mosaic(path, MosaicSettings(crs=4326)).table

    assert table.bounds[0].tolist() == [15, 49.64, 15.014, 49.65]


def test_an_item_across_the_antimeridian_is_one_piece(tmp_path: Path) -> None:
    parts = shapely.MultiPolygon(
        [shapely.box(179, -17, 180, -16), shapely.box(-180, -17, -178, -16)]
    )
    crossing = item("a", geometry=shapely.geometry.mapping(parts), bbox=[179, -17, -178, -16])
    path = write(tmp_path / "a.json", crossing)

    table = open_mosaic(path, MosaicSettings(crs=4326)).table

    assert table.bounds[0].tolist() == [-181, -17, -178, -16]


def test_a_catalogue_is_followed_to_its_items_each_once(tmp_path: Path) -> None:
    write(tmp_path / "catalog.json", catalog(("child", "below/catalog.json"), ("item", "./a.json")))
    loop = [("child", "../catalog.json"), ("item", "b/b.json"), ("item", "../a.json")]
    write(tmp_path / "below/catalog.json", catalog(*loop, ("parent", "../catalog.json")))
    write(tmp_path / "a.json", item("a"))
    write(tmp_path / "below/b/b.json", item("b"))

    dataset = open_mosaic(tmp_path / "catalog.json", MosaicSettings())

    assert dataset.table.rows.column("source").to_pylist() == [
        str(tmp_path / "a.tif"),
        str(tmp_path / "below/b/b.tif"),
    ]
    assert len(dataset.files) == 4


def test_a_changed_document_is_another_mosaic(tmp_path: Path) -> None:
    path = write(tmp_path / "items.json", collection(item("a")))
    before = ImageService.open(path)

    write(path, collection(item("a"), item("b")))

    assert not before.is_current
    assert ImageService.open(path).info.version != before.info.version


def test_the_asset_is_chosen_by_name(tmp_path: Path) -> None:
    assets = {name: {"href": f"{name}.tif", "roles": ["data"]} for name in ("B1", "B2")}
    path = write(tmp_path / "a.json", item("a", assets=assets))
    settings = MosaicSettings(asset="B2", pixel_type=PixelType.U8, bands=1)

    assert open_mosaic(path, settings).table.value("source", 0).endswith("B2.tif")
    with pytest.raises(SourceError, match="has no asset B3; it has B1, B2"):
        open_mosaic(path, MosaicSettings(asset="B3"))


def test_an_unknown_pixel_type_is_learnt_from_one_item(tmp_path: Path) -> None:
    box = 500_000, 5_499_000, 501_000, 5_500_000
    scene(tmp_path / "a.tif", 1, box, dtype="int16", bands=2)
    assets = {"data": {"href": "a.tif"}}
    path = write(tmp_path / "items.json", collection(item("a", assets=assets), item("b")))
    unknown = item("b", assets={"data": {"href": "missing.tif"}})
    write(path, collection(item("a", assets=assets), unknown))

    info = open_mosaic(path, MosaicSettings()).info

    assert (info.pixel_type, info.band_count) == (PixelType.S16, 2)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "is no JSON object"),
        ({"type": "Polygon"}, "is no STAC item"),
        ({"type": "Feature", "id": "a"}, "holds what is no STAC item"),
        (collection(), "has no raster"),
        (catalog(("item", "gone.json")), "gone.json is missing"),
        (item("a", assets={}), "several assets or none"),
        (item("a", assets={"x": {"href": ""}}), "its asset has no href"),
    ],
)
def test_documents_with_faults_are_refused(document: Any, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", document)

    with pytest.raises(SourceError, match=reason):
        open_mosaic(path, MosaicSettings())


# --- on the web ------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The URL that a folder is served at."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_catalogue_on_the_web_has_its_rasters_there(tmp_path: Path, web: str) -> None:
    write(tmp_path / "catalog.json", catalog(("item", "items/a.json"), ("item", "/b.json")))
    write(tmp_path / "items/a.json", item("a"))
    write(tmp_path / "b.json", item("b"))

    table = open_mosaic(f"{web}/catalog.json", MosaicSettings()).table

    assert table.rows.column("source").to_pylist() == [f"{web}/items/a.tif", f"{web}/b.tif"]


@pytest.mark.parametrize("href", ["file:///etc/a.tif", "/vsizip/x.zip/a.tif", "/etc/passwd"])
def test_a_catalogue_on_the_web_names_no_file_of_this_machine(
    href: str, tmp_path: Path, web: str
) -> None:
    write(tmp_path / "a.json", item("a", assets={"data": {"href": href}}))

    try:
        found = find(f"{web}/a.json").found
    except SourceError as error:
        assert "which is not on the web" in str(error)
    else:
        assert found[0].raster.startswith(web)


def test_a_catalogue_that_is_not_there_is_a_fault(web: str) -> None:
    with pytest.raises(SourceError, match=r"gone\.json cannot be fetched: its server answers 404"):
        open_mosaic(f"{web}/gone.json", MosaicSettings())
