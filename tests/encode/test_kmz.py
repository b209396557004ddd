"""KMZ: what zipfile, an XML parser and GDAL find in it."""

from __future__ import annotations

import io
import math
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
import pytest

from exportimage_wsgi.encode import FORMATS
from exportimage_wsgi.encode.format import Options
from exportimage_wsgi.encode.kmz import Kmz, longitudes
from exportimage_wsgi.pixels import Pixels
from tests.encode.drawing import canvas, cut_small, holes, made, rgba, scene
from tests.rasters import extent

KML = "{http://www.opengis.net/kml/2.2}"
SIZE = 33, 7


def archive(
    bounds: tuple[float, float, float, float] = (10, 20, 13.3, 20.7),
    name: str = "scene",
    size_wh: tuple[int, int] = SIZE,
) -> bytes:
    overlay = FORMATS["png32"].fit(canvas(size_wh), Options())
    encoder = Kmz(
        overlay=overlay, extent=extent(*bounds, 4326), pixels=math.prod(size_wh), name=name
    )
    return made(encoder, Pixels(scene(size_wh), holes(size_wh)))


def overlay_of(data: bytes) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        found = ElementTree.fromstring(file.read("doc.kml")).find(f"{KML}GroundOverlay")
    assert found is not None
    return found


def test_the_document_comes_first_and_everything_is_sound() -> None:
    with zipfile.ZipFile(io.BytesIO(archive())) as file:
        assert file.namelist() == ["doc.kml", "overlay.png"]
        assert file.testzip() is None


def test_a_picture_of_more_than_zip_knew_at_first_is_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 2000)  # Otherwise 2 GB.

    with zipfile.ZipFile(io.BytesIO(archive(size_wh=(90, 120)))) as file:
        assert file.getinfo("overlay.png").file_size > 2000
        assert file.testzip() is None


def test_the_picture_is_that_of_the_overlay() -> None:
    overlay = FORMATS["png32"].fit(canvas(SIZE), Options())
    alone = made(overlay, Pixels(scene(SIZE), holes(SIZE)))

    with zipfile.ZipFile(io.BytesIO(archive())) as file:
        assert file.read("overlay.png") == alone
        # Packed again it would be no smaller.
        assert file.getinfo("overlay.png").compress_size >= len(alone)


def test_the_overlay_has_the_elements_of_the_schema_in_their_order() -> None:
    overlay = overlay_of(archive((10, 20, 13.3, 20.7)))

    assert [e.tag.removeprefix(KML) for e in overlay] == ["name", "Icon", "LatLonBox"]
    box = {e.tag.removeprefix(KML): float(e.text or "") for e in overlay[2]}
    assert list(box.items()) == [("north", 20.7), ("south", 20), ("east", 13.3), ("west", 10)]
    assert overlay.findtext(f"{KML}Icon/{KML}href") == "overlay.png"


def test_a_name_is_told_as_it_is() -> None:
    overlay = overlay_of(archive(name="Größe <&\"'> \x0b{name}"))

    assert overlay.findtext(f"{KML}name") == "Größe <&\"'>  {name}"


@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [
        (-180, 180, (-180, 180)),
        (10, 20, (10, 20)),
        (170, 190, (170, -170)),
        (190, 200, (-170, -160)),
        (-190, -170, (170, -170)),
        (150, 180, (150, 180)),
        (180, 200, (-180, -160)),
        (-200, -180, (160, 180)),
        (540, 550, (-180, -170)),
        (0, 360, (0, 360)),
    ],
)
def test_longitudes_are_brought_to_what_the_schema_takes(
    west: float, east: float, expected: tuple[float, float]
) -> None:
    assert longitudes(west, east) == expected


def test_gdal_finds_the_picture_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "scene.kmz"
    path.write_bytes(archive((10, 20, 13.3, 20.7)))

    done = subprocess.run(["gdalinfo", path], capture_output=True, text=True, check=True)

    assert "Size is 33, 7" in done.stdout and "overlay.png" in done.stdout
    assert "Origin = (10.0" in done.stdout and ",20.69" in done.stdout


def test_pieces_do_not_change_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    with zipfile.ZipFile(io.BytesIO(archive())) as file:
        picture = rgba(file.read("overlay.png"))

    assert np.array_equal(picture[:, :, 3], holes(SIZE)[0])


def test_the_archive_leaves_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch)
    overlay = FORMATS["png32"].fit(canvas(SIZE), Options())
    encoder = Kmz(overlay=overlay, extent=extent(0, 0, 1, 1, 4326), pixels=1, name="scene")
    taken = []

    def pieces() -> object:
        for index in range(7):
            taken.append(index)
            yield encoder.piece(index, Pixels(scene((33, 1)), holes((33, 1))))

    chunks = encoder.assemble(pieces())  # type: ignore[arg-type]

    assert next(chunks).startswith(b"PK") and len(taken) <= 1
