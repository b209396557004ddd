"""What is decided about an export before a pixel is read."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from affine import Affine

from exportimage_wsgi.encode.kmz import Kmz
from exportimage_wsgi.errors import ParameterError, SizeLimitError
from exportimage_wsgi.geo.crs import crs_from_wkid
from exportimage_wsgi.geo.grid import Grid
from exportimage_wsgi.operations.placing import plan_grid
from exportimage_wsgi.operations.planning import plan_export, plan_kmz
from exportimage_wsgi.operations.request import ExportRequest
from exportimage_wsgi.pixels import Interpolation, PixelType
from exportimage_wsgi.service import ImageService

Make = Callable[..., ImageService]
BOX = (-119.0, 32.0, -118.0, 33.0)
TIFF = ExportRequest(bbox=BOX, format="tiff")
PNG = ExportRequest(bbox=BOX, format="png")


# --- where ---------------------------------------------------------------------------------


def test_without_a_word_the_whole_service_is_drawn_in_400_pixels(make_service: Make) -> None:
    grid = plan_grid(make_service(), ExportRequest())

    assert grid.shape_yx == (400, 400)
    assert grid.extent.bounds == pytest.approx((-120, 30, -110, 40))


def test_without_a_word_no_more_is_drawn_than_may_be(make_service: Make) -> None:
    service = make_service(settings={"max_image_size": (300, 100)})

    assert plan_grid(service, ExportRequest()).shape_yx == (100, 100)


def test_the_short_side_grows_about_the_middle(make_service: Make) -> None:
    grid = plan_grid(make_service(), ExportRequest(bbox=BOX, size=(800, 400)))

    assert grid.extent.bounds == pytest.approx((-119.5, 32, -117.5, 33))


def test_a_box_may_keep_its_shape(make_service: Make) -> None:
    request = ExportRequest(bbox=BOX, size=(200, 600), adjust_aspect_ratio=False)

    assert plan_grid(make_service(), request).extent.bounds == pytest.approx(BOX)


def test_the_picture_is_in_the_services_reference_not_in_that_of_the_box(
    make_service: Make,
) -> None:
    box = (-13247019.4, 3763310.6, -13135699.9, 3895303.9)
    grid = plan_grid(make_service(), ExportRequest(bbox=box, bbox_sr=3857))

    assert grid.crs.wkid == 4326


def test_a_reference_that_the_format_cannot_tell_is_refused_by_its_name(make_service: Make) -> None:
    asked = ExportRequest(bbox=(0, 0, 9, 9), image_sr=54049, format="tiff")

    with pytest.raises(ParameterError, match="imageSR=ESRI:54049: GeoTIFF has no keys"):
        plan_export(make_service(), asked)


@pytest.mark.parametrize("name", ["bbox_sr", "image_sr"])
def test_a_reference_of_another_planet_is_refused_by_its_name(
    make_service: Make, name: str
) -> None:
    mars = {name: 104905}

    with pytest.raises(ParameterError, match=r"SR=ESRI:104905: no transformation is known"):
        plan_grid(make_service(), ExportRequest(bbox=BOX, **mars))


@pytest.mark.parametrize("size", [(15001, 10), (10, 4101)])
def test_a_picture_beyond_the_limit_is_refused_with_the_limit(
    make_service: Make, size: tuple[int, int]
) -> None:
    with pytest.raises(SizeLimitError, match="15000,4100") as caught:
        plan_grid(make_service(), ExportRequest(bbox=BOX, size=size))

    assert caught.value.details[0] == "The requested image exceeds the size limit."


def test_more_bytes_than_the_limit_are_refused_before_anything_is_made(make_service: Make) -> None:
    service = make_service(settings={"max_image_bytes": 400 * 400 * 3 * 8})
    asked = replace(TIFF, pixel_type="F64")

    assert plan_export(service, asked).view.bands == 3
    with pytest.raises(SizeLimitError, match="4 bands of F64 would take 5120000 bytes"):
        plan_export(service, replace(asked, band_ids=(0, 0, 0, 0)))


def test_the_limit_itself_is_allowed(make_service: Make) -> None:
    grid = plan_grid(make_service(), ExportRequest(bbox=BOX, size=(15000, 4100)))

    assert grid.shape_yx == (4100, 15000)


@pytest.mark.parametrize(
    ("box", "fits"),
    [((-120, 30, -110, 40), True), ((-120.1, 30, -110, 40), False), ((-100, 30, -90, 40), False)],
)
def test_a_box_beyond_the_service_is_an_error_if_that_is_asked_for(
    make_service: Make, box: tuple[float, ...], fits: bool
) -> None:
    request = ExportRequest(bbox=box, validate_extent=True, size=(300, 100))
    if fits:
        assert plan_grid(make_service(), request).shape_yx == (100, 300)
        return

    with pytest.raises(ParameterError, match="beyond the extent"):
        plan_grid(make_service(), request)


@pytest.mark.parametrize(
    "request_",
    [
        ExportRequest(bbox=(-13024380, 4028802, -12913061, 4163881), bbox_sr=4326, image_sr=3857),
        ExportRequest(bbox=(-180, -90, 180, 90), bbox_sr=4326, image_sr=3857),
        ExportRequest(bbox=(1e16, 0, 2e16, 1)),
        ExportRequest(bbox=(-180, -90, 180, 90), image_sr=3031),
        ExportRequest(bbox=(100, 30, 100 + 1e-13, 30 + 1e-13)),
        ExportRequest(bbox=(5e5, 5e6, 5e5 + 1e-8, 5e6 + 1e-8), bbox_sr=32611, image_sr=32611),
    ],
    ids=[
        "metres as degrees",
        "poles in Mercator",
        "beyond everything",
        "far pole",
        "a hair",
        "a hair in metres",
    ],
)
def test_a_box_without_a_place_is_refused(make_service: Make, request_: ExportRequest) -> None:
    with pytest.raises(ParameterError) as caught:
        plan_grid(make_service(), request_)

    assert caught.value.name == "bbox"


@pytest.mark.parametrize(
    ("wkid", "most"), [(3857, 20037508.35), (3031, 3.4e6), (3413, 3.4e6), (54030, 17005833.4)]
)
def test_the_whole_world_is_drawn_as_far_as_a_reference_is_meant_for(
    make_service: Make, wkid: int, most: float
) -> None:
    world = Grid(
        crs=crs_from_wkid(4326), affine=Affine(3.6, 0, -180, 0, -1.8, 90), shape_yx=(100, 100)
    )
    bounds = plan_grid(make_service(grid=world), ExportRequest(image_sr=wkid)).extent.bounds

    assert bounds == pytest.approx((-most, -most, most, most), rel=0.05)


# --- what ----------------------------------------------------------------------------------


def test_values_have_all_bands_and_pictures_the_first_three(make_service: Make) -> None:
    service = make_service("uint8", 4)

    assert plan_export(service, TIFF).view.layer.bands == (0, 1, 2, 3)
    assert plan_export(service, PNG).view.layer.bands == (0, 1, 2)
    assert plan_export(make_service("uint8", 2), PNG).view.layer.bands == (0,)


def test_bands_keep_the_order_asked_for(make_service: Make) -> None:
    service = make_service("uint8", 4)
    asked = (3, 1, 1, 0)

    assert plan_export(service, replace(TIFF, band_ids=asked)).view.layer.bands == asked
    assert plan_export(service, replace(PNG, band_ids=asked)).view.layer.bands == (3, 1, 1)


def test_a_band_that_is_not_there_is_refused(make_service: Make) -> None:
    with pytest.raises(ParameterError, match=r"bandIds=0,3: .*the last one is 2"):
        plan_export(make_service(), replace(TIFF, band_ids=(0, 3)))


@pytest.mark.parametrize(
    ("values", "bands", "expected"),
    [((7,), None, (7, 7, 7)), ((1, 2, 3), None, (1, 2, 3)), ((1, 2, 3), (2, 0), (3, 1)),
     ((8, 9), (2, 0), (8, 9))],
)  # fmt: skip
def test_no_data_is_one_value_or_one_for_each_band(
    make_service: Make, values: tuple[float, ...], bands: Any, expected: tuple[float, ...]
) -> None:
    view = plan_export(make_service(), replace(TIFF, no_data=values, band_ids=bands)).view

    assert view.layer.nodata_rule is not None
    assert view.layer.nodata_rule.for_bands(len(expected)) == expected
    assert view.fill == expected


def test_no_data_of_another_number_of_values_is_refused(make_service: Make) -> None:
    with pytest.raises(ParameterError, match="noData=1,2: one value, or one for each"):
        plan_export(make_service(), replace(TIFF, no_data=(1, 2)))


def test_a_part_of_a_cube_is_refused_and_no_part_is_not(make_service: Make) -> None:
    parts = [{"dimensionName": "StdTime", "values": [5]}]
    asked, nothing = ({"multidimensionalDefinition": each} for each in (parts, []))

    plan_export(make_service(), replace(TIFF, mosaic_rule=nothing))
    with pytest.raises(ParameterError, match="service has no dimensions"):
        plan_export(make_service(), replace(TIFF, mosaic_rule=asked))


def test_no_data_that_the_type_cannot_hold_marks_nothing(make_service: Make) -> None:
    view = plan_export(make_service(), replace(TIFF, no_data=-9999)).view

    assert view.fill is None


def test_a_declared_value_that_the_type_cannot_hold_marks_nothing_either(
    make_service: Make,
) -> None:
    service = make_service("float32", 1, nodata=(-9999.0,), masked=True)

    assert plan_export(service, TIFF).view.fill == (-9999.0,)
    assert plan_export(service, replace(TIFF, pixel_type="U8")).view.fill is None
    assert plan_export(service, replace(TIFF, no_data=-1)).view.fill == (-1.0,)


def test_the_least_float_as_texts_round_it_marks_no_data(make_service: Make) -> None:
    service = make_service("float32", 1, nodata=(-9999.0,), masked=True)
    least = float(np.finfo(np.float32).min)

    assert plan_export(service, replace(TIFF, no_data=-3.4028235e38)).view.fill == (least,)
    assert plan_export(service, replace(TIFF, no_data=-3.5e38)).view.fill == (-9999.0,)


def test_floats_without_a_value_of_their_own_are_marked_by_nan(make_service: Make) -> None:
    inside = plan_export(make_service("float32", 1), TIFF).view
    outside = plan_export(make_service("float32", 1), replace(TIFF, bbox=(0, 0, 1, 1))).view

    assert inside.opaque and inside.fill is None
    assert outside.fill is not None and math.isnan(outside.fill[0])


def test_8_bits_are_never_stretched(make_service: Make) -> None:
    appearance = plan_export(make_service(), PNG).view.appearance

    assert appearance is not None and appearance.stretch is None


def test_more_bits_are_stretched_by_the_statistics_of_the_service(make_service: Make) -> None:
    appearance = plan_export(make_service("uint16"), PNG).view.appearance

    assert appearance is not None and appearance.stretch == ((50.0, 150.0),) * 3


def test_few_bits_are_stretched_over_their_range(make_service: Make) -> None:
    service = make_service(bands=1, pixel_type=PixelType.U2)
    appearance = plan_export(service, PNG).view.appearance

    assert appearance is not None and appearance.stretch == ((0, 3),)


def test_the_type_of_a_rule_is_that_of_its_result(make_service: Make) -> None:
    rule = {"rasterFunction": "None", "outputPixelType": "S16"}
    asked = replace(TIFF, rendering_rule=rule)

    assert plan_export(make_service(), asked).view.pixel_type is PixelType.S16
    with pytest.raises(ParameterError, match="contradicts the outputPixelType S16"):
        plan_export(make_service(), replace(asked, pixel_type="F32"))


def test_a_rule_that_selects_nothing_leaves_no_pixel(make_service: Make) -> None:
    plan = plan_export(make_service(), replace(PNG, mosaic_rule={"where": "1=2"}))

    assert plan.view.blank and not plan.view.opaque
    assert not plan_export(make_service(), replace(PNG, mosaic_rule={"where": "1=1"})).view.blank


def test_what_a_service_prefers_is_done_where_nothing_is_said(make_service: Make) -> None:
    service = make_service(settings={"resampling": Interpolation.CUBIC, "default_format": "jpgpng"})
    plan = plan_export(service, ExportRequest(bbox=BOX))

    assert plan.view.layer.interpolation is Interpolation.CUBIC
    assert plan.encoder.media_type == "image/jpeg"


def test_jpgpng_is_certain_of_jpeg_only_inside_of_the_data(make_service: Make) -> None:
    asked = ExportRequest(bbox=BOX, format="jpgpng")

    assert plan_export(make_service(), asked).translucent is None
    beyond = plan_export(make_service(), replace(asked, bbox=(-121, 30, -120, 31)))
    assert beyond.translucent is not None and beyond.translucent.media_type == "image/png"


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"format": "lerc", "lerc_version": 1}, "lercVersion"),
        ({"format": "tiff", "compression": "jpeg", "pixel_type": "F32"}, "compression"),
        ({"format": "lerc", "pixel_type": "C64"}, "format"),
    ],
)
def test_what_a_format_cannot_carry_is_told_of_the_parameter_that_asked(
    make_service: Make, changes: dict[str, Any], parameter: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        plan_export(make_service(), replace(TIFF, **changes))

    assert caught.value.name == parameter


def test_a_kmz_is_drawn_in_degrees_and_not_widened(make_service: Make) -> None:
    box = (-13247019.4, 3763310.6, -13135699.9, 3895303.9)
    asked = ExportRequest(bbox=box, bbox_sr=3857, image_sr=3857, size=(300, 100), format="jpg")
    plan = plan_kmz(make_service(), asked)

    assert isinstance(plan.encoder, Kmz)
    assert plan.view.grid.crs.wkid == 4326
    assert plan.view.grid.extent.bounds == pytest.approx((-119, 32, -118, 33), abs=1e-4)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, -90, 360, 90), (-180, -90, 180, 90)),
        ((-300, -120, 300, 80), (-180, -90, 180, 80)),
        ((170, -10, 190, 10), (170, -10, 190, 10)),
    ],
)
def test_a_kmz_goes_around_the_globe_once(
    make_service: Make, box: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    grid = plan_kmz(make_service(), ExportRequest(bbox=box)).view.grid

    assert grid.extent.bounds == pytest.approx(expected)


def test_what_no_viewer_of_kmz_shows_is_refused(make_service: Make) -> None:
    with pytest.raises(ParameterError, match="a KMZ holds a picture") as caught:
        plan_kmz(make_service(), ExportRequest(format="tiff"))

    assert (caught.value.name, caught.value.received) == ("format", "tiff")


def test_a_kmz_beyond_the_poles_is_refused(make_service: Make) -> None:
    with pytest.raises(ParameterError, match="between the poles"):
        plan_kmz(make_service(), ExportRequest(bbox=(0, 91, 10, 99)))


# --- tokens --------------------------------------------------------------------------------


CHANGES: list[dict[str, Any]] = [
    {"bbox": (-119, 32, -118, 33.5)}, {"size": (400, 401)}, {"image_sr": 3857}, {"format": "png32"},
    {"format": "tiff"}, {"no_data": 5}, {"no_data": 5, "no_data_interpretation": "all"},
    {"interpolation": "nearest"}, {"band_ids": (2, 1, 0)}, {"adjust_aspect_ratio": False,
    "size": (400, 200)}, {"mosaic_rule": {"where": "1=2"}}, {"format": "jpg"},
    {"format": "jpg", "compression_quality": 3}, {"format": "tiff", "compression": "lzw"},
    {"format": "tiff", "pixel_type": "F32"}, {"format": "lerc"},
    {"format": "lerc", "compression_tolerance": 2.0},
]  # fmt: skip


def test_every_change_that_changes_the_bytes_changes_the_token(make_service: Make) -> None:
    service = make_service()
    requests = [PNG, *(replace(PNG, **changes) for changes in CHANGES)]
    tokens = {plan_export(service, request).token for request in requests}

    assert len(tokens) == len(requests)


def test_equal_requests_have_equal_tokens_and_so_does_what_has_no_effect(
    make_service: Make,
) -> None:
    service = make_service()
    same = replace(
        PNG,
        size=(400, 400),
        bbox_sr=4326,
        pixel_type="U8",
        mosaic_rule={"where": "1=1"},
        time=(5, 5),
        slice_id=2,
        compression_tolerance=0.5,
    )

    assert plan_export(service, same).token == plan_export(service, PNG).token


def test_another_version_of_the_raster_is_another_token(make_service: Make) -> None:
    tokens = {plan_export(make_service(version=v), PNG).token for v in ("1", "2")}

    assert len(tokens) == 2


def test_grids_and_encoders_of_a_plan_travel(make_service: Make) -> None:
    plan = plan_export(make_service(), PNG)

    for value in (plan.view.grid, plan.encoder, plan.view.appearance):
        assert pickle.loads(pickle.dumps(value)) == value and isinstance(hash(value), int)
