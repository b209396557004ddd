"""Mosaics as pictures: which scene lies on top, and what overlaps become."""

from __future__ import annotations

import json
import pickle
import subprocess

import numpy as np
import pytest
import rasterio
from PIL import Image

from exportimage_wsgi import ExportRequest, export_image
from exportimage_wsgi.errors import ItemError, ParameterError
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.imagery.view import read
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.operations.planning import plan_export
from exportimage_wsgi.pixels import MosaicOperation
from exportimage_wsgi.service import ImageService
from tests.operations.scenes import constant_scenes, mosaic, three
from tests.rasters import waves, write

FOUR = {
    "south-west_2004": (10, (0, 0, 60, 60)),
    "south-east_2001": (20, (40, 0, 100, 60)),
    "north-west_2003": (40, (0, 40, 60, 100)),
    "north-east_2002": (80, (40, 40, 100, 100)),
}
VALUES = dict(enumerate((value for value, _ in FOUR.values()), 1))
ORDERS = {
    "None": ({}, (1, 2, 3, 4)),
    "None, turned round": ({"mosaicMethod": "esriMosaicNone", "ascending": False}, (4, 3, 2, 1)),
    "Northwest": ({"mosaicMethod": "esriMosaicNorthwest"}, (3, 1, 4, 2)),
    "Attribute": ({"mosaicMethod": "esriMosaicAttribute", "sortField": "Year"}, (2, 4, 3, 1)),
    "Attribute near 2003": (
        {"mosaicMethod": "esriMosaicAttribute", "sortField": "year", "sortValue": 2003.2},
        (3, 1, 4, 2),
    ),
    "Attribute, text": (
        {"mosaicMethod": "ByAttribute", "sortField": "Name", "sortValue": "South-East_2001"},
        (2, 4, 3, 1),
    ),
    # The view's centre is 50,50: all are equally far, so ids decide.
    "Center": ({"mosaicMethod": "esriMosaicCenter"}, (1, 2, 3, 4)),
    "Nadir": ({"mosaicMethod": "esriMosaicNadir"}, (1, 2, 3, 4)),
    "Viewpoint": (
        {"mosaicMethod": "esriMosaicViewpoint", "viewpoint": {"x": 90, "y": 70}},
        (4, 2, 3, 1),
    ),
    "LockRaster": ({"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [4, 1]}, (4, 1)),
    "where": ({"where": "Year BETWEEN 2002 AND 2003"}, (3, 4)),
    "fids": ({"fids": [4, 2, 99]}, (2, 4)),
}
OPERATIONS = {
    "FIRST": lambda found: found[0],
    "LAST": lambda found: found[-1],
    "MIN": min,
    "MAX": max,
    "MEAN": lambda found: float(np.floor(np.mean(found) + 0.5)),
    "SUM": lambda found: min(sum(found), 255),
}


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return mosaic(constant_scenes(tmp_path_factory.mktemp("four"), FOUR))


def drawn(service, rule=None, box=(0, 0, 100, 100), size=(100, 100), **said):
    """`(y, x)`: the one band, and which pixels are valid."""
    request = ExportRequest(
        bbox=box, size=size, format="tiff", interpolation="nearest", mosaic_rule=rule, **said
    )
    export = export_image(service, request)
    return export.cube.values[0], export.cube.valid.values


def expected(order, resolve, nothing=0):
    """The picture by hand: what each pixel's scenes, the topmost first, become."""
    north, east = (np.arange(100)[::-1] + 0.5)[:, None], np.arange(100) + 0.5
    out = np.full((100, 100), float(nothing))
    for y, x in np.ndindex(out.shape):
        boxes = {i: box for i, (_, box) in enumerate(FOUR.values(), 1)}
        found = [
            VALUES[i]
            for i in order
            if boxes[i][0] < east[x] < boxes[i][2] and boxes[i][1] < north[y, 0] < boxes[i][3]
        ]
        if found:
            out[y, x] = resolve(found)
    return out


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ORDERS)
def test_every_quadrant_has_the_value_of_the_rule(four, name, operation):
    rule, order = ORDERS[name]
    values, valid = drawn(four, rule | {"mosaicOperation": f"MT_{operation}"})
    wanted = expected(order, OPERATIONS[operation], nothing=np.nan)

    assert np.array_equal(valid, ~np.isnan(wanted))
    assert np.array_equal(values[valid], wanted[valid])


def test_a_sum_is_cut_off_by_the_type_asked_for_only(four):
    values, _ = drawn(four, {"mosaicOperation": "MT_SUM"}, pixel_type="U16")

    assert values[50, 50] == 10 + 20 + 40 + 80
    assert drawn(four, {"mosaicOperation": "MT_SUM"}, pixel_type="F32")[0].dtype == np.float32


def test_a_mean_is_exact_in_floats(four):
    values, _ = drawn(four, {"mosaicOperation": "MT_MEAN"}, pixel_type="F32")

    assert values[50, 50] == 37.5


def test_a_blend_fades_across_the_overlap(four):
    # Twenty pixels of overlap: no step between neighbours is larger than a seam of ten would be.
    values, valid = drawn(four, {"mosaicOperation": "MT_BLEND"}, pixel_type="F32")
    row = values[90]

    assert valid.all() and (row[:40] == 10).all() and (row[60:] == 20).all()
    assert (np.diff(row) >= 0).all() and np.diff(row).max() < 1.5
    assert row[49:51].mean() == pytest.approx(15)


def test_a_blend_fades_at_every_scale(four):
    values, _ = drawn(four, {"mosaicOperation": "MT_BLEND"}, size=(20, 20), pixel_type="F32")
    row = values[18]

    assert np.diff(row).max() < 6 and row[0] == 10 and row[-1] == 20


def test_what_one_scene_lacks_is_filled_by_the_next(tmp_path):
    data = np.full((1, 60, 60), 10, "uint8")
    data[0, 20:40, 20:40] = 0
    top = write(tmp_path / "a_2001.tif", data, (0, 0, 60, 60), "EPSG:3857", nodata=0)
    below = constant_scenes(tmp_path, {"b_2002": (20, (0, 0, 60, 60))}, nodata=0)
    values, valid = drawn(mosaic([top, *below]), box=(0, 0, 60, 60), size=(60, 60))

    assert valid.all() and (values == np.where(data[0] == 0, 20, 10)).all()


def test_what_no_scene_has_is_no_data(tmp_path):
    paths = constant_scenes(
        tmp_path, {"a_2001": (7, (0, 0, 10, 10)), "b_2002": (9, (30, 0, 40, 10))}
    )
    values, valid = drawn(mosaic(paths), box=(0, 0, 40, 10), size=(40, 10))

    assert valid[0].tolist() == [True] * 10 + [False] * 20 + [True] * 10
    assert set(values[valid].tolist()) == {7, 9}


def test_scenes_are_opened_only_until_all_is_covered(four, monkeypatch):
    opened = []
    from exportimage_wsgi.imagery import mosaic as room

    genuine = room.opened
    monkeypatch.setattr(
        room, "opened", lambda item, *rest: opened.append(item.object_id) or genuine(item, *rest)
    )
    drawn(four, box=(41, 41, 59, 59), size=(18, 18))

    assert set(opened) == {1}


def test_planning_opens_no_scene(four, monkeypatch):
    monkeypatch.setattr("exportimage_wsgi.imagery.sources.opened.open_source", None)
    monkeypatch.setattr("exportimage_wsgi.imagery.sources.opened._open", {})
    plan = plan_export(four, ExportRequest(bbox=(0, 0, 30, 30), size=(30, 30), format="tiff"))

    assert [item.object_id for item in plan.view.layer.items] == [1]


RULES = [
    {}, {"mosaicOperation": "MT_BLEND"}, {"mosaicOperation": "MT_MEAN"},
    {"mosaicMethod": "esriMosaicNorthwest", "mosaicOperation": "MT_LAST"},
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=json.dumps)
def test_how_a_picture_is_cut_is_not_seen(four, rule):
    request = ExportRequest(
        bbox=(-5, -5, 105, 105), size=(220, 190), image_sr=32631, bbox_sr=3857, format="tiff",
        pixel_type="F32", interpolation="bilinear", mosaic_rule=rule,
    )  # fmt: skip
    view = plan_export(four, request).view
    whole = read(view, view.grid.whole)
    rows, columns = view.grid.shape_yx

    for top, left in ((0, 0), (37, 53), (100, 111), (180, 200)):
        window = Window(rows=(top, min(top + 61, rows)), columns=(left, min(left + 47, columns)))
        part = read(view, window)
        inside = np.s_[:, slice(*window.rows), slice(*window.columns)]
        assert np.array_equal(part.values, whole.values[inside])
        assert np.array_equal(part.valid, whole.valid[inside])


def test_plans_travel_and_are_known_again(four):
    request = ExportRequest(bbox=(0, 0, 100, 100), mosaic_rule={"mosaicOperation": "MT_BLEND"})
    plan, again = plan_export(four, request), plan_export(four, request)

    assert pickle.loads(pickle.dumps(plan)) == plan == again
    assert plan.token == again.token


def test_a_rule_that_says_nothing_is_the_services_own(tmp_path):
    service = three(
        tmp_path, method="attribute", sort_field="Year", sort_value=2006, operation="first"
    )
    box = (120, 70, 130, 80)

    assert (drawn(service, box=box)[0] == 20).all()
    assert (drawn(service, {"ascending": False}, box=box)[0] == 10).all()
    assert (drawn(service, {"sortField": "Year", "sortValue": 2011}, box=box)[0] == 30).all()
    assert (drawn(service, {"mosaicMethod": "esriMosaicNone"}, box=box)[0] == 10).all()


def test_the_viewpoint_of_9_3_counts_where_the_method_is_viewpoint(four):
    said = {"viewpoint_properties": "<X>10</X><Y>90</Y>"}
    seen = {"mosaic_properties": "<MosaicMethod>Viewpoint</MosaicMethod>"}

    assert drawn(four, **said, **seen)[0][50, 50] == 40
    assert drawn(four, **said)[0][50, 50] == 10


BAD = {
    "sortField": {"mosaicMethod": "esriMosaicAttribute", "sortField": "Colour"},
    "needs a sortField": {"mosaicMethod": "esriMosaicAttribute"},
    "needs a viewpoint": {"mosaicMethod": "esriMosaicViewpoint"},
    "no item 9": {"mosaicMethod": "esriMosaicLockRaster", "lockRasterIds": [1, 9]},
    "no field Cloud": {"where": "Cloud < 10"},
    "seamlines": {"mosaicMethod": "esriMosaicSeamline"},
    "sortValue": {
        "mosaicMethod": "esriMosaicAttribute", "sortField": "Year", "sortValue": "soon",
    },
}  # fmt: skip


@pytest.mark.parametrize("rule", BAD.values(), ids=BAD)
def test_what_the_mosaic_does_not_have_is_refused(four, rule):
    with pytest.raises(ParameterError) as refused:
        plan_export(four, ExportRequest(mosaic_rule=rule))

    assert refused.value.name == "mosaicRule"


def test_a_rule_that_is_refused_is_repeated_as_it_came(four):
    text = '{"mosaicMethod": "esriMosaicAttribute", "sortField": "Colour"}'

    for rule in (text, json.loads(text)):
        with pytest.raises(ParameterError) as refused:
            plan_export(four, ExportRequest(mosaic_rule=rule))
        assert json.loads(str(refused.value.received).replace("'", '"')) == json.loads(text)


def test_the_parameter_of_9_3_is_named_where_it_is_at_fault(four):
    properties = "<MosaicMethod>ByAttribute</MosaicMethod><TileOrderField>Colour</TileOrderField>"

    with pytest.raises(ParameterError, match=r"^mosaicProperties=.*there is no field Colour"):
        plan_export(four, ExportRequest(mosaic_properties=properties))


def test_no_more_scenes_are_drawn_than_allowed_and_that_is_told(tmp_path):
    service = mosaic(constant_scenes(tmp_path, FOUR), max_images=2)
    export = export_image(service, ExportRequest(bbox=(0, 0, 100, 100), size=(50, 50)))

    assert [item.object_id for item in export.plan.view.layer.items] == [1, 2]
    assert len(export.notes) == 1 and "maxMosaicImageCount" in export.notes[0]
    assert export_image(service, ExportRequest(bbox=(0, 0, 30, 30))).notes == ()


def test_a_scene_that_is_gone_fails_the_picture_with_its_id(tmp_path):
    paths = constant_scenes(tmp_path, FOUR)
    service = mosaic(paths)
    (tmp_path / "south-east_2001.tif").unlink()

    with pytest.raises(ItemError, match=r"item 2: south-east_2001.tif is missing"):
        drawn(service)
    assert (drawn(service, box=(0, 0, 30, 30), size=(30, 30))[0] == 10).all()


def test_a_scene_that_is_gone_is_left_out_where_the_service_says_so(tmp_path):
    service = mosaic(constant_scenes(tmp_path, FOUR), on_failure="skip")
    (tmp_path / "south-east_2001.tif").unlink()
    export = export_image(service, ExportRequest(bbox=(0, 0, 100, 100), size=(100, 100)))

    assert export.notes == ("item 2 is left out: south-east_2001.tif is missing",)
    assert not export.cube.valid.values[80, 80] and export.cube.valid.values[80, 20]


def test_a_scene_that_turns_out_damaged_is_left_out_of_the_whole_file(tmp_path):
    paths = constant_scenes(tmp_path, FOUR, compress="deflate")
    service = mosaic(paths, on_failure="skip")
    broken = tmp_path / "north-west_2003.tif"
    size = broken.stat().st_size
    broken.write_bytes(broken.read_bytes()[: size - 20] + bytes(20))
    request = ExportRequest(bbox=(0, 0, 100, 100), size=(100, 100), format="tiff")
    export_image(service, request).save(tmp_path / "out.tif")

    with rasterio.open(tmp_path / "out.tif") as dataset:
        valid = dataset.dataset_mask()
    assert not valid[10, 10] and valid[10, 90] and valid[90, 10]
    assert "item 3 is left out" in export_image(service, request).notes[0]


def test_a_scene_is_left_out_though_another_picture_has_found_it_damaged(tmp_path):
    service = mosaic(constant_scenes(tmp_path, FOUR, compress="deflate"), on_failure="skip")
    broken = tmp_path / "north-west_2003.tif"
    broken.write_bytes(broken.read_bytes()[:-20] + bytes(20))
    request = ExportRequest(bbox=(0, 0, 100, 100), size=(100, 100), format="tiff")
    one, other = export_image(service, request), export_image(service, request)
    one.save(tmp_path / "one.tif")
    other.save(tmp_path / "other.tif")

    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "other.tif").read_bytes()


def test_a_damaged_scene_fails_the_picture_by_default(tmp_path):
    paths = constant_scenes(tmp_path, FOUR, compress="deflate")
    service = mosaic(paths)
    broken = tmp_path / "north-west_2003.tif"
    broken.write_bytes(broken.read_bytes()[:-20] + bytes(20))

    with pytest.raises(ItemError, match="item 3: "):
        drawn(service)


def test_scenes_of_other_references_lie_where_gdalwarp_puts_them(tmp_path):
    corner = np.ones((1, 200, 200), bool)
    corner[0, :60, :60] = False
    scenes = [
        ("a_2001.tif", (500000, 5500000, 520000, 5520000), "EPSG:32633"),
        ("b_2002.tif", (1690000, 6370000, 1725000, 6405000), "EPSG:3857"),
        ("c_2003.tif", (14.95, 49.6, 15.35, 49.85), "EPSG:4326"),
    ]
    paths = []
    for number, (name, box, crs) in enumerate(scenes):
        data = np.where(corner, waves((200, 200)) + 20 * number, -1).astype("float32")
        paths.append(write(tmp_path / name, data, box, crs, nodata=-1))
    service = ImageService.open(paths, mosaic=MosaicSettings(crs=32633))
    box, size = (495000, 5490000, 530000, 5530000), (350, 400)
    values, valid = drawn(service, box=box, size=size, pixel_type="F32")
    outcome = tmp_path / "gdal.tif"
    subprocess.run(
        ["gdalwarp", "-q", "-et", "0", "-r", "near", "-t_srs", "EPSG:32633",
         "-te", *map(str, box), "-ts", *map(str, size), *reversed(paths), str(outcome)],
        check=True, capture_output=True,
    )  # fmt: skip
    with rasterio.open(outcome) as dataset:
        wanted = dataset.read(1)
    there = wanted != -1

    assert 0.3 < there.mean() < 0.95
    assert (there != valid).mean() < 2e-4
    both = there & valid
    assert (np.abs(values - wanted)[both] < 1e-3).mean() > 0.9995


def test_bands_that_a_scene_lacks_are_no_data_and_one_band_is_all(tmp_path):
    write(tmp_path / "a.tif", np.full((3, 10, 10), 5, "uint8"), (0, 0, 10, 10), "EPSG:3857")
    write(tmp_path / "b.tif", np.full((3, 10, 10), 6, "uint8"), (10, 0, 20, 10), "EPSG:3857")
    write(tmp_path / "c.tif", np.full((1, 10, 10), 7, "uint8"), (20, 0, 30, 10), "EPSG:3857")
    write(tmp_path / "d.tif", np.full((2, 10, 10), 8, "uint8"), (30, 0, 40, 10), "EPSG:3857")
    service = ImageService.open(str(tmp_path))
    request = ExportRequest(bbox=(0, 0, 40, 10), size=(40, 10), format="tiff")
    view = plan_export(service, request).view
    pixels = read(view, view.grid.whole)

    assert service.info.band_count == 3
    assert pixels.values[:, 0, [5, 15, 25]].tolist() == [[5, 6, 7]] * 3
    assert pixels.valid[:, 0, 35].tolist() == [255, 255, 0]


@pytest.mark.parametrize(
    ("asked", "values", "found"),
    [
        ((0, 1, 2), (5, 9, 9), [0, 0, 0]),
        ((0, 1, 2), (9, 9, 5), [255, 255, 0]),
        ((2, 1, 0), (9, 9, 5), [0, 0, 0]),
        ((2, 1, 0), (5, 9, 9), [0, 255, 255]),
    ],
)
def test_no_data_values_are_told_to_a_scene_by_the_bands_that_it_has(
    tmp_path, asked, values, found
):
    write(tmp_path / "a.tif", np.full((2, 10, 10), 5, "uint8"), (0, 0, 10, 10), "EPSG:3857")
    service = ImageService.open(str(tmp_path), mosaic=MosaicSettings(bands=3))
    request = ExportRequest(
        bbox=(0, 0, 10, 10), size=(10, 10), band_ids=asked, no_data=values,
        no_data_interpretation="any", format="tiff",
    )  # fmt: skip
    view = plan_export(service, request).view

    assert read(view, view.grid.whole).valid[:, 0, 5].tolist() == found


def test_a_scene_that_is_replaced_after_the_plan_fails_the_picture(tmp_path):
    for value, name in enumerate("ab"):
        data = np.full((1, 10, 10), value, "uint8")
        write(tmp_path / f"{name}.tif", data, (10 * value, 0, 10 * value + 10, 10), "EPSG:3857")
    service = ImageService.open(str(tmp_path))
    view = plan_export(service, ExportRequest(size=(20, 10), format="tiff")).view
    write(tmp_path / "b.tif", np.full((1, 90, 90), 7, "uint8"), (10, 0, 20, 10), "EPSG:3857")

    with pytest.raises(ItemError, match="replaced while it was served"):
        read(view, view.grid.whole)


def test_a_scene_that_has_none_of_the_bands_covers_nothing(tmp_path):
    write(tmp_path / "a.tif", np.full((2, 10, 10), 5, "uint8"), (0, 0, 10, 10), "EPSG:3857")
    write(tmp_path / "b.tif", np.full((3, 10, 10), 6, "uint8"), (0, 0, 5, 10), "EPSG:3857")
    service = ImageService.open(str(tmp_path), mosaic=MosaicSettings(bands=3))
    request = ExportRequest(bbox=(0, 0, 10, 10), size=(10, 10), band_ids=(2, 2), format="tiff")
    view = plan_export(service, request).view
    pixels = read(view, view.grid.whole)

    assert pixels.values[:, 0, 2].tolist() == [6, 6]
    assert (pixels.valid.min(axis=0)[0] == [255] * 5 + [0] * 5).all()


def test_the_antimeridian_is_no_edge(tmp_path):
    west = write(
        tmp_path / "a.tif", np.full((1, 10, 20), 1, "uint8"), (170, 0, 190, 10), "EPSG:4326"
    )
    east = write(
        tmp_path / "b.tif", np.full((1, 10, 20), 2, "uint8"), (-170, 0, -150, 10), "EPSG:4326"
    )
    service = ImageService.open([west, east])

    for box in ((170, 0, 210, 10), (-190, 0, -150, 10)):
        values, valid = drawn(service, box=box, size=(40, 10))
        assert valid.all() and values[0].tolist() == [1] * 20 + [2] * 20


@pytest.fixture
def seamed(tmp_path):
    """Two scenes on the same box, with a seam down the middle."""
    box = (0, 0, 100, 100)
    paths = constant_scenes(tmp_path, {"a_2001": (10, box), "b_2002": (20, box)})
    halves = {"a_2001": (0, 50), "b_2002": (50, 100)}
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[w, 0], [e, 0], [e, 100], [w, 100], [w, 0]]],
            },
        }
        for name, (w, e) in halves.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    lines = {"type": "FeatureCollection", "crs": crs, "features": features}
    (tmp_path / "lines.geojson").write_text(json.dumps(lines))
    return mosaic(paths, seamlines=str(tmp_path / "lines.geojson"), blend_width=10)


SEAMLINE = {"mosaicMethod": "esriMosaicSeamline"}


def test_scenes_end_at_their_seamlines(seamed):
    values, valid = drawn(seamed, SEAMLINE)

    assert valid.all()
    assert (values[:, :50] == 10).all() and (values[:, 50:] == 20).all()


def test_a_blend_fades_across_a_seamline(seamed):
    row = drawn(seamed, SEAMLINE | {"mosaicOperation": "MT_BLEND"}, pixel_type="F32")[0][50]

    assert (row[:45] == 10).all() and (row[55:] == 20).all()
    assert row[45:55] == pytest.approx(10.5 + np.arange(10), abs=1e-3)


def test_a_box_finer_than_numbers_is_refused(four):
    request = ExportRequest(bbox=(0, 0, 1e-310, 1e-310))

    with pytest.raises(ParameterError, match="too small for the precision"):
        plan_export(four, request)


def test_a_picture_of_no_scene_is_blank(four):
    values, valid = drawn(four, box=(1000, 1000, 1100, 1100))

    assert not valid.any() and not values.any()


@pytest.mark.parametrize("operation", [*MosaicOperation])
def test_pictures_of_every_operation_have_an_outside_reader(four, operation, tmp_path):
    request = ExportRequest(
        bbox=(-10, -10, 110, 110), size=(60, 60), format="png32",
        mosaic_rule={"mosaicOperation": f"MT_{operation.name}"},
    )  # fmt: skip
    path = export_image(four, request).save(tmp_path / "picture.png")
    with Image.open(path) as picture:
        alpha = np.asarray(picture)[:, :, 3]

    assert alpha[30, 30] == 255 and alpha[0, 0] == 0
