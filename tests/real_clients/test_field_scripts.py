"""What scripts in the field send, odd as it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.real_clients.asking import boxed, fetched
from tests.real_clients.conftest import Site
from tests.real_clients.scenes import Scene
from tests.real_clients.witness import assert_alike, colours, on_white, warped

SIZE = (512, 384)


@pytest.fixture
def mercator(site: Site) -> str:
    return f"{site.url('mercator')}/exportImage"


@pytest.mark.client("Scripts in the field", "odd interpolations, empty and unknown parameters")
@pytest.mark.parametrize(
    "odd",
    [
        "interpolation=+RSP_BilinearInterpolation",
        "interpolation=%2BRSP_BilinearInterpolation",
        "interpolation=RSP_Bilinear",
        "renderingRule=rasterFunction%3AIdentity",
        "layers=&transparent=&dpi=&time=&bandIds=&renderingRule=&bboxSR=&imageSR=&token=",
        "layers=show:&format&&x",
        "F=Image&FORMAT=PNG32",
        "SIZE=512%2C384&DPI=90&TRANSPARENT=true",
    ],
)
def test_an_odd_query_gives_the_picture(mercator: str, scenes: dict[str, Scene], odd: str) -> None:
    scene = scenes["mercator"]
    size = "" if "SIZE" in odd else "&size=512,384"
    form = "" if "F=" in odd else "&f=image"
    url = f"{mercator}?&bbox={boxed(scene)}{size}{form}&{odd}"
    status, _, content = fetched(url)

    assert status == 200
    seen = colours(Image.open(io.BytesIO(content)))
    assert_alike(seen, on_white(scene.file, scene.box(), 3857, SIZE))


@pytest.mark.client("Scripts in the field", "boxes turned over, with blanks, of another reference")
@pytest.mark.parametrize(
    "bbox",
    [
        "{xmax},{ymax},{xmin},{ymin}",
        "{xmin},{ymax},{xmax},{ymin}",
        "{xmin},+{ymin},+{xmax},+{ymax}",
    ],
)
def test_an_odd_box_gives_the_picture(mercator: str, scenes: dict[str, Scene], bbox: str) -> None:
    scene = scenes["mercator"]
    sides = dict(zip(("xmin", "ymin", "xmax", "ymax"), scene.box(), strict=True))
    _, _, content = fetched(f"{mercator}?bbox={bbox.format(**sides)}&size=512,384&f=image")

    seen = colours(Image.open(io.BytesIO(content)))
    assert_alike(seen, on_white(scene.file, scene.box(), 3857, SIZE))


@pytest.mark.client("Scripts in the field", "no size, format=tif, bboxSR=4269 with UTM")
def test_a_tif_of_a_box_of_nad83(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["Rocky/elevation"]
    asked = "bbox=-105.8,40.2,-105.5,40.4&bboxSR=4269&imageSR=26913&format=tif&f=image"
    status, headers, content = fetched(f"{site.url(scene.service)}/exportImage?{asked}")

    assert (status, headers["Content-Type"], content[:4]) == (200, "image/tiff", b"II*\0")
    with rasterio.open(io.BytesIO(content)) as dataset:
        assert (dataset.crs.to_epsg(), dataset.shape) == (26913, (400, 400))
        seen, place = dataset.read(1, masked=True), tuple(dataset.bounds)
    # Nearest pixels are compared, so that half a metre between the datums may not matter.
    wanted = warped(scene.file, place, 26913, (400, 400))[0]
    assert np.abs(seen - wanted).mean() < 1


@pytest.mark.client("Scripts in the field", "bsq read as raw floats, F32 TIFF of bytes")
def test_bsq_is_raw_floats(site: Site, scenes: dict[str, Scene]) -> None:
    scene = scenes["Rocky/elevation"]
    asked = f"bbox={boxed(scene)}&size=512,384&format=bsq&pixelType=F32&f=image"
    _, _, content = fetched(f"{site.url(scene.service)}/exportImage?{asked}")

    wanted = warped(scene.file, scene.box(), 32613, SIZE)[0]
    seen = np.frombuffer(content, "<f4", 384 * 512).reshape(384, 512)
    assert np.abs(seen - wanted).max() < 0.01


@pytest.mark.client("Scripts in the field", "bsq read as raw floats, F32 TIFF of bytes")
def test_a_tiff_of_floats_of_byte_data(mercator: str, scenes: dict[str, Scene]) -> None:
    scene = scenes["mercator"]
    asked = f"bbox={boxed(scene)}&size=512,384&format=tiff&pixelType=F32&f=image"
    with rasterio.open(io.BytesIO(fetched(f"{mercator}?{asked}")[2])) as dataset:
        assert dataset.dtypes == ("float32",) * 3
        seen = np.moveaxis(dataset.read(), 0, 2)

    assert_alike(seen, on_white(scene.file, scene.box(), 3857, SIZE))


@pytest.mark.client("Scripts in the field", "f left out: a page")
def test_without_f_there_is_a_page(mercator: str) -> None:
    status, headers, content = fetched(f"{mercator}?bbox=0,0,100000,100000")

    assert (status, headers.get_content_type()) == (200, "text/html")
    assert b"<form" in content
