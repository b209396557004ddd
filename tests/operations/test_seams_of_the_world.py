"""Mosaics at the seam of the world: outlines of scenes there cut and fade as anywhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from exportimage_wsgi import ExportRequest, export_image
from exportimage_wsgi.imagery.view import read
from exportimage_wsgi.service import ImageService
from tests.operations.asking import ask
from tests.operations.scenes import mosaic
from tests.rasters import write

SCENES = {"a": (160, 178), "b": (174, 187), "c": (-178, -160)}
SEAMS = {"a": (160, 176), "b": (176, 184), "c": (-176, -160)}
VALUES = {"a": 10, "b": 20, "c": 30}
SEAMLINE = {"mosaicMethod": "esriMosaicSeamline"}


@pytest.fixture(params=[4326, 3857])
def seamed(tmp_path: Path, request: Any) -> ImageService:
    """Three scenes across the antimeridian, which end at their seams."""
    paths = [
        write(
            tmp_path / f"{name}.tif",
            np.full((1, 20, east - west), VALUES[name], "uint8"),
            (west, -10, east, 10),
            "EPSG:4326",
        )
        for name, (west, east) in SCENES.items()
    ]
    lines = "\n".join(
        f'{name},"POLYGON(({w} -10,{e} -10,{e} 10,{w} 10,{w} -10))"'
        for name, (w, e) in SEAMS.items()
    )
    (tmp_path / "lines.csv").write_text(f"name,wkt\n{lines}\n")
    settings = {"crs": request.param, "blend_width": 4, "pattern": None}
    return mosaic(paths, seamlines=str(tmp_path / "lines.csv"), **settings)


def drawn(service: ImageService, box: Any, crs: Any, rule: Any, size: Any = (60, 10)) -> Any:
    """`(y, x)`: values, NaN where there is no data."""
    request = ExportRequest(
        bbox=box, bbox_sr=crs, image_sr=crs, size=size, format="tiff", pixel_type="F64",
        interpolation="nearest", adjust_aspect_ratio=False, mosaic_rule=rule,
    )  # fmt: skip
    view = export_image(service, request).plan.view
    pixels = read(view, view.grid.whole)
    return np.where(pixels.valid[0] > 0, pixels.values[0], np.nan)


@pytest.mark.parametrize("turn", [-1, 0, 1])
@pytest.mark.parametrize("crs", [4326, 3857, 3832])
def test_scenes_end_at_their_seamlines_on_every_turn(
    seamed: ImageService, crs: int, turn: int
) -> None:
    degree = 1.0 if crs == 4326 else 20037508.342789244 / 180
    middle = (30.0 if crs == 3832 else 180.0) + 360 * turn
    box = tuple(degree * side for side in (middle - 15, -5, middle + 15, 5))

    row = drawn(seamed, box, crs, SEAMLINE)[5]

    assert row.tolist() == [10] * 22 + [20] * 16 + [30] * 22


def test_a_blend_fades_across_a_seamline_behind_the_antimeridian(seamed: ImageService) -> None:
    rule = SEAMLINE | {"mosaicOperation": "MT_BLEND"}

    row = drawn(seamed, (180.2, -1, 187.8, 1), 4326, rule, (76, 20))[10]

    assert row[0] < 20.1 and row[-1] > 29.9
    assert (np.diff(row) > 1e-3).sum() > 30 and np.diff(row).min() > -1e-9


@pytest.mark.parametrize(("crs", "reach"), [("ESRI:54030", 16.8e6), ("ESRI:54032", 19.8e6)])
@pytest.mark.parametrize("method", ["Seamline", "None"])
def test_nothing_is_lost_at_the_seam_of_a_map(
    seamed: ImageService, crs: str, reach: float, method: str
) -> None:
    """Robinson's and the equidistant map tear scenes apart, of which all is drawn then."""
    box, size = (-reach, -1e6, reach, 1e6), (160, 16)
    x = reach * ((np.arange(160) + 0.5) / 80 - 1)
    y = 1e6 * (1 - (np.arange(16) + 0.5) / 8)
    longitudes, latitudes = Transformer.from_crs(crs, 4326, always_xy=True).transform(
        *np.meshgrid(x, y)
    )
    inside = ((longitudes + 199.9) % 360 < 39.8) & (np.abs(latitudes) < 9.9)

    found = drawn(seamed, box, crs, {"mosaicMethod": f"esriMosaic{method}"}, size)

    assert inside.sum() > 100 and not np.isnan(found[inside]).any()


def test_a_scene_around_the_world_has_no_edge_at_its_seam(tmp_path: Path) -> None:
    world = write(
        tmp_path / "w.tif", np.full((1, 18, 36), 10, "uint8"), (-180, -90, 180, 90), "EPSG:4326"
    )
    part = write(
        tmp_path / "p.tif", np.full((1, 9, 9), 30, "uint8"), (135, -45, 225, 45), "EPSG:4326"
    )
    service = mosaic([world, part], pattern=None)
    rule = {"mosaicMethod": "esriMosaicNone", "mosaicOperation": "MT_BLEND"}

    row = drawn(service, (140, -20, 220, 20), 4326, rule, (80, 40))[20]

    assert row == pytest.approx(row[::-1])
    assert row.max() == pytest.approx(row[40]) and np.diff(row[:40]).min() > -1e-6


EVERYWHERE = {
    "world": (3, (-180, -90, 180, 90), "EPSG:4326"),
    "turned": (4, (0, -90, 360, 90), "EPSG:4326"),
    "arctic": (5, (-2e6, -2e6, 3e6, 2e6), "EPSG:3995"),
    "north": (9, (-45, 70, -15, 76), "EPSG:4326"),
}
"""Value, box and reference of scenes that aren't simply what lies within their outlines."""


@pytest.mark.parametrize(
    ("name", "own", "picture", "box"),
    [
        ("world", 4326, 2193, (0, 4e6, 3e6, 7e6)),
        ("world", 32632, 4326, (-180, 60, 180, 90)),
        ("world", 5514, 4326, (0, -90, 360, 90)),
        ("turned", 4326, 3035, (1e6, 1e6, 7e6, 6e6)),
        ("turned", "ESRI:54030", "ESRI:54030", (-17e6, -8.6e6, 17e6, 8.6e6)),
        ("arctic", 3995, 4326, (-30, 80, 0, 81)),
        ("arctic", 3995, "ESRI:54032", (-14e6, -14e6, 14e6, 14e6)),
        ("arctic", 3857, 4326, (-30, 80, 0, 81)),
        ("arctic", 54003, 54003, (-20e6, 7e6, 20e6, 14.6e6)),
        ("north", 3857, 3995, (-4e6, -4e6, 4e6, 4e6)),
    ],
)
def test_a_mosaic_of_a_scene_shows_all_of_it(
    tmp_path: Path, name: str, own: Any, picture: Any, box: Any
) -> None:
    value, place, crs = EVERYWHERE[name]
    path = write(tmp_path / f"{name}.tif", np.full((1, 60, 120), value, "uint8"), place, crs)
    number = int(str(own).removeprefix("ESRI:"))

    found = drawn(mosaic([path], crs=number, pattern=None), box, picture, None, (60, 40))

    alone = drawn(ImageService.open(path), box, picture, None, (60, 40))
    assert (alone == value).sum() > 5
    assert np.array_equal(found, alone, equal_nan=True)


def one_scene(folder: Path, name: str) -> ImageService:
    value, place, crs = EVERYWHERE[name]
    data = np.full((1, 60, 120), value, "uint8")
    return mosaic([write(folder / f"{name}.tif", data, place, crs)], pattern=None)


@pytest.mark.parametrize("turn", [-360, 0, 360])
@pytest.mark.parametrize("name", ["turned", "north"])
def test_a_point_meets_scenes_on_every_turn(tmp_path: Path, name: str, turn: int) -> None:
    service = one_scene(tmp_path, name)

    found = ask(service, "identify", geometry=f"{turn - 25},73")

    assert found["value"] == str(EVERYWHERE[name][0])
    assert found["catalogItemVisibilities"] == [1]
    (sample,) = ask(service, "getSamples", geometry=f"{turn - 25},73")["samples"]
    assert sample["rasterId"] == 1


@pytest.mark.parametrize("name", ["world", "turned"])
def test_a_place_of_a_reference_of_one_continent_meets_the_world(tmp_path: Path, name: str) -> None:
    place = {"xmin": 35e5, "ymin": 52e5, "xmax": 36e5, "ymax": 53e5}
    geometry = json.dumps(place | {"spatialReference": {"wkid": 3035}})

    found = ask(
        one_scene(tmp_path, name), "query", geometry=geometry, geometryType="esriGeometryEnvelope",
        returnCountOnly="true",
    )  # fmt: skip

    assert found == {"count": 1}


@pytest.mark.parametrize("sides", [(0, 360), (170, 190), (-200, 160)])
def test_a_full_extent_goes_on_past_the_antimeridian_though_a_pole_has_no_place(
    tmp_path: Path, sides: tuple[float, float]
) -> None:
    west, east = sides
    data = np.full((1, 30, 40), 7, "uint8")
    path = write(tmp_path / "a.tif", data, (west, -90, east, -60), "EPSG:4326")
    request = ExportRequest(image_sr=3857, adjust_aspect_ratio=False)

    asked = export_image(ImageService.open(path), request).extent
    own = mosaic([path], crs=3857, pattern=None).extent

    degree = 20037508.342789244 / 180
    assert (asked.xmin, asked.xmax) == pytest.approx((degree * west, degree * east))
    assert (own.xmin, own.xmax) == pytest.approx((degree * west, degree * east), rel=0.05)
