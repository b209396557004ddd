"""Exports: the same pixels by every road, made when they are read, whole or not at all."""

from __future__ import annotations

import io
import pickle
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile

from exportimage_wsgi import ExportRequest, ImageService, export_image
from exportimage_wsgi.errors import (
    CancelledError,
    OverloadedError,
    ParameterError,
    SizeLimitError,
    SourceError,
)
from exportimage_wsgi.geo.grid import Window
from exportimage_wsgi.operations.pieces import make_piece
from exportimage_wsgi.pixels import Pixels
from exportimage_wsgi.running import Admission, Here, Runner, Threads
from tests.rasters import waves, write

BOX = (-119.3, 32.1, -117.9, 33.7)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> ImageService:
    """A smooth scene of three bands in UTM whose corner is no data."""
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    data = waves((600, 700), 3, "uint8")
    data[:, :80, :90] = 0
    return ImageService.open(write(path, data, (4e5, 3.5e6, 5.4e5, 3.62e6), "EPSG:32611", nodata=0))


def request(**changes: Any) -> ExportRequest:
    said = {"image_sr": 3857, "size": (1500, 1300), "format": "tiff"} | changes
    return ExportRequest(**said)


def values(data: bytes) -> Any:
    with MemoryFile(data) as file, file.open() as dataset:
        return dataset.read()


@pytest.mark.parametrize("file_format", ["tiff", "bsq", "lerc"])
def test_the_real_part_of_complex_data_fits_in_any_file(file_format: str, tmp_path: Path) -> None:
    data = (np.arange(4200).reshape(1, 60, 70) * (1 - 2j)).astype("complex64")
    service = ImageService.open(write(tmp_path / "a.tif", data, (0, 0, 7, 6), "EPSG:4326"))
    asked = ExportRequest(size=(70, 60), format=file_format, pixel_type="F32")

    assert b"".join(export_image(service, asked).stream())
    np.testing.assert_array_equal(export_image(service, asked).cube, data.real)


@pytest.mark.parametrize("nodata", [-9999.0, float("nan"), 1.0])
def test_a_picture_is_a_cube_as_well(nodata: float, tmp_path: Path) -> None:
    heights = waves((60, 70), 1, "float32") * 10
    heights[:, :8] = nodata
    path = write(tmp_path / "a.tif", heights, (0, 0, 7, 6), "EPSG:4326", nodata=nodata)
    export = export_image(ImageService.open(path), ExportRequest(size=(70, 60), format="png32"))
    picture = np.asarray(Image.open(io.BytesIO(b"".join(export.stream()))).convert("RGBA"))

    assert np.array_equal(export.cube.values[0][export.cube.valid], picture[..., 0][8:].ravel())
    assert np.array_equal(export.cube.valid, picture[..., 3] > 0)
    assert export.cube.rio.nodata is None


def test_nothing_is_read_before_it_is_streamed(make_service: Callable[..., ImageService]) -> None:
    service = make_service()
    source = replace(service.source, arrays=())  # type: ignore[type-var]  # reading would fail
    export = export_image(replace(service, source=source), request(image_sr=None))

    assert (export.width, export.height, export.media_type) == (1500, 1300, "image/tiff")
    assert export.extent.crs.wkid == 4326
    assert export.cube.shape == (3, 1300, 1500)


def test_its_own_words_are_one_line(scene: ImageService) -> None:
    assert repr(export_image(scene, request(pixel_type="F32"))) == (
        "<Export scene: 1500 x 1300 pixels, 3 x F32, EPSG:3857>"
    )


def test_the_cube_and_the_file_hold_the_same_pixels(scene: ImageService) -> None:
    export = export_image(scene, request())
    streamed = values(b"".join(export.stream()))

    assert (export.cube.values == streamed).all()
    assert export.cube.dims == ("band", "y", "x")
    assert export.cube.rio.crs.to_epsg() == 3857
    assert export.cube.rio.nodata == 0
    assert export.cube.rio.bounds() == pytest.approx(export.extent.bounds)
    assert (streamed.max(axis=0) > 0).any() and (streamed == 0).all(axis=0).any()


@pytest.mark.parametrize("name", ["png", "jpg", "tiff", "bsq", "jpgpng", "lerc", "gif"])
def test_every_driver_makes_the_same_bytes(scene: ImageService, name: str) -> None:
    drivers = [Here(), Threads(workers=1), Threads(workers=3)]
    files = {
        b"".join(export_image(scene, request(format=name), runner=Runner(driver=d)).stream())
        for d in drivers
    }

    assert len(files) == 1


@pytest.mark.parametrize(
    ("box", "kind"), [((-117.7, 31.9, -117.2, 32.3), "JPEG"), ((-119, 30, -110, 35), "PNG")]
)
def test_jpgpng_is_jpeg_where_every_pixel_is_data(
    scene: ImageService, box: tuple[float, ...], kind: str
) -> None:
    asked = ExportRequest(bbox=box, bbox_sr=4326, size=(300, 200), format="jpgpng")
    export = export_image(scene, asked)
    picture = Image.open(io.BytesIO(b"".join(export.stream())))

    assert picture.format == kind
    assert export.extension == {"JPEG": ".jpg", "PNG": ".png"}[kind]
    assert export.media_type == picture.get_format_mimetype()


def test_the_progress_of_jpgpng_is_told_while_it_is_made(scene: ImageService) -> None:
    told: list[tuple[int, int]] = []
    box = {"bbox": (-117.7, 31.9, -117.2, 32.3), "bbox_sr": 4326, "size": (2000, 1500)}
    export = export_image(scene, request(**box, format="jpgpng"))

    stream = export.stream(lambda done, total: told.append((done, total)))

    assert export.extension == ".jpg"
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)] != []
    stream.close()


def test_a_file_appears_whole_and_its_progress_is_told(scene: ImageService, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    target = export_image(scene, request(size=(2000, 3000))).save(
        tmp_path / "out.tif", progress=lambda done, total: told.append((done, total))
    )

    total = told[0][1]
    assert total > 1 and told == [(done, total) for done in range(1, total + 1)]
    assert values(target.read_bytes()).shape == (3, 3000, 2000)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]


@pytest.mark.parametrize(
    ("name", "file", "fits"),
    [
        ("tiff", "a.tiff", True), ("tiff", "a.TIF", True), ("tiff", "a.png", False),
        ("png", "a.tif", False), ("jpgpng", "a.jpeg", True), ("jpgpng", "a.png", True),
        ("jpgpng", "a.gif", False), ("png", "a", True), ("png", "a.image", True),
    ],
)  # fmt: skip
def test_a_file_is_not_called_what_it_is_not(
    scene: ImageService, tmp_path: Path, name: str, file: str, fits: bool
) -> None:
    export = export_image(scene, request(size=(20, 20), format=name))
    if fits:
        assert export.save(tmp_path / file).stat().st_size > 0
        return

    with pytest.raises(ParameterError, match=f"the name {file} says otherwise"):
        export.save(tmp_path / file)
    assert list(tmp_path.iterdir()) == []


def test_progress_may_be_a_bar(
    scene: ImageService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_image(scene, request()).save(tmp_path / "out.tif", progress=True)

    assert (tmp_path / "out.tif").stat().st_size > 1500 * 1300 * 3
    assert "Traceback" not in capsys.readouterr().err


class _Fails:
    """A source that fails below a row, and counts its reads."""

    def __init__(self, inner: Any, row: int) -> None:
        self.inner, self.row, self.info, self.reads = inner, row, inner.info, 0

    def read(self, level: int, window: Window, bands: tuple[int, ...]) -> Pixels:
        self.reads += 1
        if window.rows[1] > self.row:
            raise SourceError("a block cannot be read")
        return self.inner.read(level, window, bands)  # type: ignore[no-any-return]


@pytest.mark.parametrize("driver", [Here(), Threads(workers=2)], ids=["here", "threads"])
def test_a_block_that_fails_fails_the_export_and_leaves_nothing(
    make_service: Callable[..., ImageService], tmp_path: Path, driver: Any
) -> None:
    service = make_service()
    service = replace(service, source=_Fails(service.source, 60))
    export = export_image(service, request(size=(1000, 4000)), runner=Runner(driver=driver))

    with pytest.raises(SourceError, match="a block cannot be read"):
        export.save(tmp_path / "out.tif")

    assert list(tmp_path.iterdir()) == []


def test_what_fails_at_once_fails_before_the_first_byte(
    make_service: Callable[..., ImageService],
) -> None:
    service = make_service()
    service = replace(service, source=_Fails(service.source, 0))

    for name in ("tiff", "png", "bsq", "jpg"):
        with pytest.raises(SourceError):
            next(export_image(service, request(format=name)).stream())


def test_closing_a_stream_stops_its_work(make_service: Callable[..., ImageService]) -> None:
    service = make_service()
    source = _Fails(service.source, 10**6)
    export = export_image(replace(service, source=source), request(size=(4000, 4000)))
    stream = export.stream()
    next(stream)
    stream.close()
    before = source.reads

    assert before < 20
    with pytest.raises(StopIteration):
        next(stream)
    assert source.reads <= before + 3


def test_a_deadline_ends_an_export(make_service: Callable[..., ImageService]) -> None:
    export = export_image(make_service(), request(size=(4000, 4000)), runner=Runner(deadline=0.0))

    with pytest.raises(CancelledError, match="deadline"):
        b"".join(export.stream())


def test_who_finds_no_place_is_turned_away(make_service: Callable[..., ImageService]) -> None:
    runner = Runner(admission=Admission(1, patience=0.01))
    first = export_image(make_service(), request(size=(3000, 4000)), runner=runner).stream()
    next(first)

    with pytest.raises(OverloadedError):
        b"".join(export_image(make_service(), request(size=(3000, 3999)), runner=runner).stream())

    first.close()
    assert b"".join(
        export_image(make_service(), request(size=(3000, 3998)), runner=runner).stream()
    )


def test_who_finds_no_memory_is_turned_away(make_service: Callable[..., ImageService]) -> None:
    runner = Runner(admission=Admission(9, patience=0.01, memory=25_000_000))
    asked = request(size=(1500, 1501), format="gif")
    first = export_image(make_service(), asked, runner=runner).stream()
    next(first)

    with pytest.raises(OverloadedError):
        b"".join(export_image(make_service(), asked, runner=runner).stream())

    small = request(size=(300, 200), format="gif")
    assert b"".join(export_image(make_service(), small, runner=runner).stream())
    first.close()
    assert b"".join(export_image(make_service(), asked, runner=runner).stream())


def test_what_never_finds_memory_is_refused(make_service: Callable[..., ImageService]) -> None:
    runner = Runner(admission=Admission(9, memory=1 << 20))

    with pytest.raises(SizeLimitError, match=r"size=2000,1500: lerc needs \d+ MiB of memory"):
        export_image(make_service(), request(size=(2000, 1500), format="lerc"), runner=runner)
    assert export_image(make_service(), request(size=(2000, 1500), format="png"), runner=runner)


def test_small_exports_start_no_thread(make_service: Callable[..., ImageService]) -> None:
    before = threading.active_count()
    b"".join(export_image(make_service(), request(size=(400, 400), format="png")).stream())

    assert threading.active_count() == before


def test_no_data_of_the_request_is_transparent_and_filled(
    make_service: Callable[..., ImageService],
) -> None:
    asked = ExportRequest(size=(100, 100), no_data=5, interpolation="nearest", format="png32")
    service = make_service(bands=1)
    picture = np.asarray(Image.open(io.BytesIO(b"".join(export_image(service, asked).stream()))))
    data = values(b"".join(export_image(service, replace(asked, format="tiff")).stream()))

    assert (picture[..., 3] == 0).sum() == 100 and (picture[:, 5, 3] == 0).all()
    assert (data[0, :, 5] == 5).all()


def test_a_kmz_is_made_by_the_same_road(scene: ImageService) -> None:
    export = export_image(scene, request(size=(300, 200), format=None), kmz=True)

    assert export.media_type == "application/vnd.google-earth.kmz"
    assert b"".join(export.stream())[:4] == b"PK\x03\x04"


@pytest.mark.parametrize(
    ("asked", "kind", "mode"),
    [
        (None, "PNG", "RGBA"),
        ("jpgpng", "PNG", "RGBA"),
        ("png8", "PNG", "P"),
        ("jpg", "JPEG", "RGB"),
        ("gif", "GIF", "P"),
    ],
)
def test_the_picture_in_a_kmz_is_of_the_format_that_is_asked_for(
    scene: ImageService, asked: str | None, kind: str, mode: str
) -> None:
    export = export_image(scene, request(size=(30, 20), format=asked), kmz=True)

    with zipfile.ZipFile(io.BytesIO(b"".join(export.stream()))) as archive:
        document, picture = archive.namelist()
        image = Image.open(io.BytesIO(archive.read(picture)))

    assert document == "doc.kml"
    assert (image.format, image.mode, image.size) == (kind, mode, (30, 20))


@pytest.mark.parametrize("name", ["png", "tiff", "jpg"])
def test_a_plan_travels_and_is_worked_on_elsewhere(scene: ImageService, name: str) -> None:
    plan = export_image(scene, request(format=name)).plan
    there = pickle.loads(pickle.dumps(plan))

    assert there == plan and hash(there) == hash(plan)
    files = (
        each.encoder.assemble([make_piece(each.view, each.encoder, 0)]) for each in (there, plan)
    )
    assert len({b"".join(file) for file in files}) == 1


def test_what_cubic_overshoots_to_the_no_data_value_stays_data(tmp_path: Path) -> None:
    """As in GDAL's warper; the values of a kernel that swings around 0 are cut off there."""
    data = np.where(np.indices((30, 30)).sum(axis=0) // 3 % 2, 255, 1).astype("uint8")[None]
    path = write(tmp_path / "hard.tif", data, (0, 0, 30, 30), "EPSG:3857", nodata=0)
    asked = {"bbox": (0, 0, 30, 30), "size": (90, 90), "interpolation": "RSP_CubicConvolution"}
    export = export_image(ImageService.open(path), request(**asked))

    with MemoryFile(b"".join(export.stream())) as file, file.open() as dataset:
        assert dataset.nodata == 0 and dataset.dataset_mask().all()
        assert np.array_equal(dataset.read(), export.cube.values)
