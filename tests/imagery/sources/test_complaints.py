"""No error of GDAL's goes unnoticed, however it is told and however logging is configured."""

from __future__ import annotations

import logging
import logging.config
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import rasterio

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.complaints import listening, watched_opening, watched_reading
from exportimage_wsgi.imagery.sources.gdal import open_gdal
from tests.imagery.sources.reading import ramp, whole, window


def levels_or_error(path):
    """Each level's pixels, or the error that it or the opening gives."""
    try:
        source = open_gdal(path)
    except SourceError as error:
        return [error]
    found = []
    for level in range(len(source.info.levels)):
        try:
            found.append(whole(source, level))
        except SourceError as error:
            found.append(error)
    return found


def same(one, two):
    return np.array_equal(one.values, two.values) and np.array_equal(one.valid, two.valid)


LAYOUTS = [
    {"compress": "none"},
    {"compress": "none", "tiled": True, "interleave": "band"},
    {"compress": "deflate", "tiled": True},
    {"compress": "lzw"},
    {"compress": "jpeg", "tiled": True, "photometric": "ycbcr"},
    {"compress": "zstd", "tiled": True, "interleave": "band"},
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout["compress"])
def test_a_file_cut_short_gives_its_pixels_or_an_error(write, layout):
    mask = (ramp(1, 300, 280)[0] > 9).astype("uint8") * 255
    path = write(ramp(3, 300, 280), mask=mask, overviews=(2,), **layout)
    complete, data = levels_or_error(path), path.read_bytes()

    for share in range(1, 32):
        path.write_bytes(data[: len(data) * share // 32])
        found = levels_or_error(path)
        for level, pixels in enumerate(found):
            assert isinstance(pixels, SourceError) or same(pixels, complete[level])
        assert any(isinstance(each, SourceError) for each in found)


@pytest.mark.parametrize(
    ("driver", "name"),
    [("PNG", "a.png"), ("JPEG", "a.jpg"), ("HFA", "a.img"), ("ENVI", "a.bin"), ("EHdr", "a.bil")],
)
def test_other_formats_cut_short_give_an_error(write, tmp_path, driver, name):
    plain, path = write(ramp(1, 300, 280)), tmp_path / name
    subprocess.run(["gdal_translate", "-q", "-of", driver, plain, path], check=True)
    data = path.read_bytes()

    for share in (8, 24, 31):
        path.write_bytes(data[: len(data) * share // 32])
        assert isinstance(levels_or_error(path)[0], SourceError)


@pytest.mark.parametrize("ending", [".ovr", ".msk"])
@pytest.mark.parametrize("share", [0, 1, 8, 16])
def test_a_side_car_cut_short_gives_an_error(write, ending, share):
    path = write(ramp(1, 600, 600))
    env = {"TIFF_USE_OVR": True, "GDAL_TIFF_INTERNAL_MASK": False}
    with rasterio.Env(**env), rasterio.open(path, "r+") as dataset:
        dataset.write_mask((ramp(1, 600, 600)[0] > 9).astype("uint8") * 255)
        dataset.build_overviews((2,))
    beside = path.with_name(path.name + ending)
    data = beside.read_bytes()

    beside.write_bytes(data[: len(data) * share // 32])

    assert any(isinstance(each, SourceError) for each in levels_or_error(path))


def test_a_damaged_block_fails_alone_and_the_rest_is_read(write):
    values = ramp(1, 256, 256)
    path = write(values, tiled=True, blockxsize=128, blockysize=128, compress="deflate")
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    source = open_gdal(path)

    with pytest.raises(SourceError, match=r"scene\.tif is damaged: a block of it cannot be read"):
        whole(source)

    assert np.array_equal(source.read(0, window((0, 128), (0, 256)), (0,)).values, values[:, :128])


@pytest.fixture(params=["disabled", "silenced", "strict"])
def deaf_logging(request):
    """Logging that would let no complaint through."""
    loggers = [logging.getLogger(f"rasterio.{name}") for name in ("_env", "_err")]
    if request.param == "disabled":  # As dictConfig does it, if not told otherwise.
        for logger in loggers:
            logger.disabled = True
    elif request.param == "silenced":
        logging.disable(logging.CRITICAL)
    else:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    for logger in loggers:
        logger.disabled = False
        logger.setLevel(logging.NOTSET)


def test_complaints_are_heard_however_logging_is_configured(write, deaf_logging):
    path = write(ramp(1, 600, 600), overviews=(2,), mask=np.full((600, 600), 255, "uint8"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    with (
        listening() as complaints,
        pytest.raises(rasterio.errors.RasterioError),
        rasterio.open(path) as dataset,
    ):
        dataset.read()

    assert any(failed for failed, _ in complaints)


def test_what_rasterio_logs_is_as_before(caplog):
    logger = logging.getLogger("rasterio._err")

    with listening() as complaints:
        logger.info("quiet")
        logger.warning("loud")

    assert complaints == [(False, "quiet"), (False, "loud")]
    assert [record.getMessage() for record in caplog.records] == ["loud"]


def test_complaints_of_another_thread_are_not_ours():
    with listening() as complaints:
        thread = threading.Thread(target=logging.getLogger("rasterio._err").info, args=("hers",))
        thread.start()
        thread.join()

    assert complaints == []


def test_an_error_that_was_only_logged_is_raised():
    with pytest.raises(SourceError, match=r"a\.tif is damaged: a block"), watched_reading("/a.tif"):
        logging.getLogger("rasterio._err").info("GDAL signalled an error: err_no=1, msg='x'")


def test_a_warning_of_damaged_data_is_raised_and_another_is_not():
    with watched_reading("/a.tif"):
        logging.getLogger("rasterio._env").warning("CPLE_AppDefined:unknown field")
    with pytest.raises(SourceError), watched_reading("/a.tif"):
        logging.getLogger("rasterio._env").warning("CPLE_AppDefined:premature end of JPEG file")


def test_opening_fails_on_a_part_that_is_gone():
    with pytest.raises(SourceError, match="a part of it cannot be read"), watched_opening("/a.vrt"):
        logging.getLogger("rasterio._env").error(
            "CPLE_OpenFailed: x.tif: No such file or directory"
        )


def test_the_reason_is_logged_and_not_told(write, caplog):
    path = write(ramp(1, 300, 300))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    with pytest.raises(SourceError) as caught:
        whole(open_gdal(path))

    assert str(path) not in str(caught.value)
    assert "scene.tif" in caplog.text


@pytest.fixture
def website(tmp_path):
    """The address of a server of the test's folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_address_that_nobody_answers_is_not_told_to_be_damaged():
    with pytest.raises(
        SourceError, match=r"^scene\.tif cannot be reached: its server does not answer$"
    ):
        open_gdal("http://127.0.0.1:1/scene.tif?token=secret")


def test_an_address_that_is_not_found_is_not_told_to_be_damaged(website):
    with pytest.raises(SourceError, match=r"^gone\.tif is missing$"):
        open_gdal(f"{website}/gone.tif")


def test_an_address_of_something_else_is_told_to_be_no_raster(website, tmp_path):
    (tmp_path / "page.tif").write_text("<html>" * 100)

    with pytest.raises(SourceError, match=r"page\.tif cannot be opened: it is no raster"):
        open_gdal(f"{website}/page.tif")
