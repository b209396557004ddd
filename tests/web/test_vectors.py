"""The published test vectors of exportImage for single rasters, row by row, over HTTP.

Numbers and letters of the tests are those of the rows (G: geometry, P: parsing, F: formats,
X: pixels, Q: rendering rules, E: errors). Coordinates were computed with PROJ, pixels follow from
the rasters' formulas (see `tests/conftest.py`).
"""

from __future__ import annotations

import io
import json
import math
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile

from tests.geo.test_wkt import SHIFTED

R1, R2, R3, R4 = "rgb", "dem", "ms", "world"
BOX = "bbox=-117,34,-116,35"
B1 = f"{BOX}&size=100,100&f=image&interpolation=RSP_NearestNeighbor"
B2 = "bbox=453000,5562000,456000,5565000&size=100,100&f=image&interpolation=RSP_NearestNeighbor"
B3 = "bbox=-13690000,4589000,-13689000,4590000&size=10,10&f=image"
B7 = "bbox=-13690000,4580000,-13680000,4590000&size=100,100&format=tiff&f=image"
CORNER = "bbox=450000,5579400,450600,5580000&size=20,20&f=image"
EAST = "bbox=479400,5550000,480000,5550600&size=20,20&format=tiff&f=image"


def get(client, raster, query, **options):
    return client.get(
        f"/rest/services/{raster}/ImageServer/exportImage", query_string=query, **options
    )


def pixels(reply):
    """`(y, x, channel)` of a picture, by Pillow."""
    assert reply.status_code == 200, reply.text
    return np.asarray(Image.open(io.BytesIO(reply.data)))


def values(reply):
    """`(band, y, x)` and the profile of a TIFF, by GDAL."""
    assert reply.status_code == 200, reply.text
    with MemoryFile(reply.data) as file, file.open() as dataset:
        return dataset.read(), dataset.profile


G = [
    ("G01", R1, f"{BOX}&bboxSR=4326", (400, 400), (-117, 34, -116, 35), 4326, 4326),
    ("G02", R1, f"{BOX}&bboxSR=4326&imageSR=102113", (400, 400),
     (-13036260.236381, 4028802.026134, -12901181.118451, 4163881.144064), 102113, 3785),
    ("G03", R1, f"{BOX}&bboxSR=4326&imageSR=102100", (400, 400),
     (-13036260.236381, 4028802.026134, -12901181.118451, 4163881.144064), 102100, 3857),
    ("G04", R1, f"{BOX}&bboxSR=4326&imageSR=3857", (400, 400),
     (-13036260.236381, 4028802.026134, -12901181.118451, 4163881.144064), 102100, 3857),
    ("G05", R1, f"{BOX}&bboxSR=4326&imageSR=102113&adjustAspectRatio=false", (400, 400),
     (-13024380.422813, 4028802.026134, -12913060.93202, 4163881.144064), 102113, 3785),
    ("G06", R1, f'{BOX}&bboxSR=4326&imageSR={{"wkid":102100,"latestWkid":3857}}', (400, 400),
     (-13036260.236381, 4028802.026134, -12901181.118451, 4163881.144064), 102100, 3857),
    ("G07", R4, "bbox=-104,35.6,-94.32,41&size=600,550", (600, 550),
     (-104, 33.863333, -94.32, 42.736667), 4326, 4326),
    ("G08", R1, f"{BOX}&size=800,400", (800, 400), (-117.5, 34, -115.5, 35), 4326, 4326),
    ("G09", R1, f"{BOX}&size=200,600", (200, 600), (-117, 33, -116, 36), 4326, 4326),
    ("G10", R1, f"{BOX}&size=200,600&adjustAspectRatio=false", (200, 600),
     (-117, 34, -116, 35), 4326, 4326),
    ("G11", R4, "bbox=-109.55,25.76,-86.39,49.94", (400, 400),
     (-110.06, 25.76, -85.88, 49.94), 4326, 4326),
    ("G12", R2, "bbox=450000,5550000,480000,5580000&size=400,300", (400, 300),
     (445000, 5550000, 485000, 5580000), 32633, 32633),
    ("G13", R2, "bbox=14.3,50.1,14.6,50.3&bboxSR=4326&size=500,500", (500, 500),
     (449526.999522, 5549825.864759, 471922.393962, 5572221.259198), 32633, 32633),
    ("G14", R2, "bbox=14.3,50.1,14.6,50.3&bboxSR=4326&imageSR=4326&size=300,200", (300, 200),
     (14.3, 50.1, 14.6, 50.3), 4326, 4326),
    ("G15", R2, "bbox=460000,5560000,461000,5561000&imageSR=102100&size=256,256", (256, 256),
     (1607399.56607, 6479392.146478, 1608975.020849, 6480967.601257), 102100, 3857),
    ("G16", R1, "bbox=-13024380.422813,4028802.026134,-12913060.932020,4163881.144064"
     "&bboxSR=102100", (400, 400), (-117, 34, -116, 35), 4326, 4326),
    ("G17", R3, "bbox=-13700000,4500000,-13600000,4600000&size=1000,500", (1000, 500),
     (-13750000, 4500000, -13550000, 4600000), 102100, 3857),
    ("G18", R3, "bbox=-13700000,4500000,-13600000,4600000&bboxSR=102113&imageSR=4326", (400, 400),
     (-123.069193924, 37.341394114, -122.17087864, 38.239709398), 4326, 4326),
    ("G19", R1, f"{BOX}&bboxSR=4326&imageSR=102003", (400, 400),
     (-1917839.7069, -199548.7112, -1789107.9705, -70816.9748), 102003, 102003),
    ("G20d", R4, "bbox=-100,35,-92,40&bboxSR=4326&imageSR=102003&size=800,800", (800, 800),
     (-361961.7765, -358297.5689, 361961.7765, 365625.9842), 102003, 102003),
    ("G21", R4, "bbox=14,50,15,51&bboxSR=4326&imageSR=3035", (400, 400),
     (4582712.011717, 2995324.593839, 4698123.168421, 3110735.750543), 3035, 3035),
    ("G22", R4, "bbox=-10,-10,10,10&bboxSR=4326&imageSR=54009", (400, 400),
     (-1234041.345, -1234041.345, 1234041.345, 1234041.345), 54009, 54009),
    ("G23", R4, "bbox=170,-10,190,10", (400, 400), (170, -10, 190, 10), 4326, 4326),
    ("G24", R1, 'bbox={"xmin":-117,"ymin":34,"xmax":-116,"ymax":35,'
     '"spatialReference":{"wkid":4326}}', (400, 400), (-117, 34, -116, 35), 4326, 4326),
    ("G25", R2, 'bbox={"xmin":14.3,"ymin":50.1,"xmax":14.6,"ymax":50.3,'
     '"spatialReference":{"wkid":4326}}&size=500,500', (500, 500),
     (449526.9995, 5549825.8648, 471922.394, 5572221.2592), 32633, 32633),
    ("G26", R1, f"{BOX}&imageSR=102719", (400, 400),
     (-9257316.6331, 2157100.8439, -8807914.0186, 2606503.4583), 102719, 2264),
    ("G27", R2, "bbox=460000,5560000,461000,5560500&size=100,100", (100, 100),
     (460000, 5559750, 461000, 5560750), 32633, 32633),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raster", "query", "size", "box", "wkid", "latest"), [r[1:] for r in G], ids=[r[0] for r in G]
)
def test_geometry(vector_client, raster, query, size, box, wkid, latest):
    reply = get(vector_client, raster, query + "&f=json").json
    found = reply["extent"]
    tolerance = 1e-6 if max(map(abs, box)) < 1000 else 0.01

    assert list(reply) == ["href", "width", "height", "extent", "scale"]
    assert (reply["width"], reply["height"], reply["scale"]) == (*size, 0)
    assert list(found) == ["xmin", "ymin", "xmax", "ymax", "spatialReference"]
    assert list(found.values())[:4] == pytest.approx(box, abs=tolerance)
    assert found["spatialReference"] == {"wkid": wkid, "latestWkid": latest}


def test_a_box_across_the_antimeridian_comes_with_a_meridian_of_its_own(vector_client):
    wkt = json.dumps({"wkt": SHIFTED["102100"]})
    degree = 6378137 * math.pi / 180
    query = {
        "bbox": f"{-8 * degree},{-degree},{8 * degree},{degree}", "bboxSR": wkt, "imageSR": wkt,
        "size": "16,2", "format": "tiff", "interpolation": "RSP_NearestNeighbor", "f": "image",
    }  # fmt: skip
    found, profile = values(get(vector_client, R4, query))

    # Longitudes 167 to 183, a pixel each; the value is the column of the raster.
    assert found[0, 0].tolist() == [(c % 360) % 256 for c in range(347, 363)]
    assert profile["crs"].to_dict()["lon_0"] == 175


WGS84 = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)
P = [
    ("P01", "F=json&BBOX=-117,34,-116,35&SIZE=400,400&BBOXSR=4326&IMAGESR=4326&FORMAT=PNG32"
     "&DPI=90&TRANSPARENT=true", (400, 400)),
    ("P02", "bbox=-117, 34, -116, 35&f=json", (400, 400)),
    ("P03", f"{BOX}&bboxSR=&size=&imageSR=&time=&format=jpgpng&pixelType=&noData="
     "&noDataInterpretation=esriNoDataMatchAny&interpolation=+RSP_BilinearInterpolation"
     "&compression=&compressionQuality=&bandIds=&mosaicRule=&renderingRule=&f=json", (400, 400)),
    ("P04", f"{BOX}&size=&f=json", (400, 400)),
    ("P05", f"{BOX}&size=400.0000,299.6&f=json&adjustAspectRatio=false", (400, 300)),
    ("P06", f"{BOX}&foo=bar&layers=show:0&_ts=1&interpretation=RSP_NearestNeighbor&f=json",
     (400, 400)),
    ("P13", "bbox=-1.17e2,3.4e1,-116,35&f=json", (400, 400)),
    ("P14", f'{BOX}&bboxSR={json.dumps({"wkt": WGS84})}&f=json', (400, 400)),
    ("P15", f"{BOX}&adjustAspectRatio=FALSE&size=200,600&f=json", (200, 600)),
]  # fmt: skip


@pytest.mark.parametrize(("query", "size"), [r[1:] for r in P], ids=[r[0] for r in P])
def test_parsing(vector_client, query, size):
    reply = get(vector_client, R1, query).json

    assert (reply["width"], reply["height"]) == size
    assert list(reply["extent"].values())[:4] == pytest.approx((-117, 34, -116, 35))


def test_p01_the_href_ends_like_the_format(vector_client):
    assert get(vector_client, R1, P[0][1]).json["href"].endswith(".png")


@pytest.mark.parametrize("split", ["", "?f=json"], ids=["P07", "P08"])
def test_p07_p08_parameters_come_in_a_form(vector_client, split):
    form = {"bbox": "-117,34,-116,35", "bboxSR": "4326"} | ({} if split else {"f": "json"})
    url = "/rest/services/rgb/ImageServer/exportImage" + split
    reply = vector_client.post(url, data=form).json

    assert list(reply["extent"].values())[:4] == [-117, 34, -116, 35]


def test_p09_pjson_is_indented(vector_client):
    text = get(vector_client, R1, f"{BOX}&f=pjson").text

    assert "\n" in text
    assert json.loads(text)["width"] == 400


def test_p10_a_callback_is_called(vector_client):
    text = get(vector_client, R1, f"{BOX}&f=json&callback=cb").text

    assert text.startswith("cb({") and text.endswith("});")
    assert json.loads(text[3:-2])["height"] == 400


def test_p11_without_f_a_page_comes(vector_client):
    reply = get(vector_client, R1, BOX)

    assert (reply.status_code, reply.mimetype) == (200, "text/html")


def test_p12_out_sr_is_no_parameter(vector_client):
    reply = get(vector_client, R1, f"{BOX}&f=json&imageSR=102100&outSR=4326").json

    assert reply["extent"]["spatialReference"]["wkid"] == 102100


def test_f01_the_default_format_is_png(vector_client):
    reply = get(vector_client, R1, B1)

    assert reply.mimetype == "image/png"
    assert reply.data.startswith(b"\x89PNG")
    assert pixels(reply).shape[:2] == (100, 100)


def test_f02_an_opaque_jpgpng_is_a_jpeg(vector_client):
    reply = get(vector_client, R1, B1 + "&format=jpgpng")

    assert reply.mimetype == "image/jpeg"
    assert reply.data.startswith(b"\xff\xd8\xff")


def test_f03_a_jpgpng_with_no_data_is_a_png(vector_client):
    query = "bbox=-120.5,37.5,-119.5,38.5&size=100,100&format=jpgpng&f=image"
    alpha = pixels(get(vector_client, R1, query))[:, :, 3]

    assert (alpha == 0).sum() == 7500
    assert (alpha[50:, 50:] == 255).all()


@pytest.mark.parametrize(
    ("name", "depth_and_type"),
    [("png32", {(8, 6)}), ("PNG32", {(8, 6)}), ("png24", {(8, 2), (8, 6)}), ("png8", {(8, 3)})],
    ids=["F04", "F22", "F05", "F06"],
)
def test_f04_to_f06_kinds_of_png(vector_client, name, depth_and_type):
    data = get(vector_client, R1, f"{B1}&format={name}").data

    assert data.startswith(b"\x89PNG")
    assert (data[24], data[25]) in depth_and_type


def test_f07_quality_decides_the_size_of_a_jpeg(vector_client):
    low, high = (
        get(vector_client, R1, f"{B1}&format=jpg&compressionQuality={q}").data for q in (10, 95)
    )

    assert low.startswith(b"\xff\xd8\xff")
    assert len(low) < len(high)


@pytest.mark.parametrize(
    ("name", "magic", "media_type"),
    [("bmp", b"BM", "image/bmp"), ("gif", b"GIF8", "image/gif")],
    ids=["F08", "F09"],
)
def test_f08_f09_bmp_and_gif(vector_client, name, magic, media_type):
    reply = get(vector_client, R1, f"{B1}&format={name}")

    assert reply.data.startswith(magic)
    assert reply.mimetype == media_type
    assert pixels(reply).shape[:2] == (100, 100)


def test_f10_a_tiff_is_georeferenced(vector_client):
    reply = get(vector_client, R1, B1 + "&format=tiff")
    data, profile = values(reply)

    assert reply.data.startswith(b"II*\x00")
    assert (data.shape, data.dtype) == ((3, 100, 100), np.uint8)
    assert tuple(profile["transform"])[:6] == pytest.approx((0.01, 0, -117, 0, -0.01, 35))
    assert profile["crs"].to_epsg() == 4326


def test_f11_a_tiff_carries_values(vector_client):
    data, profile = values(get(vector_client, R2, B2 + "&format=tiff"))

    assert (data.shape, data.dtype) == ((1, 100, 100), np.float32)
    assert (data[0, 0, 0], profile["nodata"]) == (275.0, -9999)
    assert profile["crs"].to_epsg() == 32633


def test_f12_a_png_of_floats_is_stretched(vector_client):
    picture = pixels(get(vector_client, R2, B2 + "&format=png"))

    assert picture.dtype == np.uint8
    assert picture.max() > picture.min()


def test_f13_jpeg_is_jpg(vector_client):
    assert get(vector_client, R1, B1 + "&format=jpeg").data.startswith(b"\xff\xd8\xff")


def test_f14_an_unknown_format_is_refused(vector_client):
    """The vectors let it be the default; the design decides that it is an error."""
    reply = get(vector_client, R1, B1 + "&format=xyz")

    assert reply.status_code == 400
    assert "jpgpng" in reply.text


def test_f15_bsq_is_planes_and_a_mask(vector_client):
    data = get(vector_client, R3, B3 + "&format=bsq").data
    planes = np.frombuffer(data[:800], "<u2").reshape(4, 100)

    assert len(data) == 813
    assert (planes[0, 0], planes[1, 0]) == (1100, 2100)
    assert data[800:] == b"\xff" * 12 + b"\xf0"


def test_f16_bip_is_pixels_and_a_mask(vector_client):
    data = get(vector_client, R3, B3 + "&format=bip").data

    assert len(data) == 813
    assert np.frombuffer(data[:8], "<u2").tolist() == [1100, 2100, 3000, 4000]


def test_f17_bsq_of_floats(vector_client):
    assert len(get(vector_client, R2, B2 + "&format=bsq").data) == 41250


def test_f18_bsq_of_an_odd_width(vector_client):
    query = f"{BOX}&bandIds=2&size=33,7&format=bsq&f=image"

    assert len(get(vector_client, R1, query).data) == 260


def test_f19_lerc_without_tolerance_is_exact(vector_client):
    import lerc

    data = get(vector_client, R2, B2 + "&format=lerc&lercVersion=2&compressionTolerance=0").data
    row, column = np.mgrid[500:600, 100:200]

    assert data.startswith(b"Lerc2 ")
    code, decoded, _ = lerc.decode(data)
    assert code == 0
    assert np.array_equal(decoded, (100 + 0.5 * column + 0.25 * row).astype("f4"))


def test_f20_lerc_1_is_refused(vector_client):
    reply = get(vector_client, R2, B2 + "&format=lerc&lercVersion=1")

    assert (reply.status_code, reply.mimetype) == (400, "application/json")
    assert "lercVersion" in reply.text


def test_f21_a_kmz_lies_on_its_box(vector_client):
    reply = get(vector_client, R1, B1.replace("f=image", "f=kmz"))
    kml = zipfile.ZipFile(io.BytesIO(reply.data)).read("doc.kml").decode()

    assert reply.data.startswith(b"PK\x03\x04")
    assert "GroundOverlay" in kml
    for side, value in (("north", 35), ("south", 34), ("east", -116), ("west", -117)):
        assert float(kml.split(f"<{side}>")[1].split("<")[0]) == pytest.approx(value)


def test_f23_lz77_packs_the_same_pixels(vector_client):
    plain, _ = values(get(vector_client, R2, B2 + "&format=tiff"))
    packed, profile = values(get(vector_client, R2, B2 + "&format=tiff&compression=LZ77"))

    assert profile["compress"] == "deflate"
    assert np.array_equal(plain, packed)


@pytest.mark.parametrize(
    ("query", "at", "expected"),
    [
        ("", (0, 0), [44, 44, 7]),
        ("", (50, 3), [47, 94, 7]),
        ("", (99, 99), [143, 143, 7]),
        ("&size=200,200", (0, 0), [44, 44, 7]),
        ("&size=200,200", (1, 1), [44, 44, 7]),
        ("&size=200,200", (2, 2), [45, 45, 7]),
        ("&size=20,20", (0, 0), [46, 46, 7]),
        ("&bandIds=1", (0, 0), [44]),
        ("&bandIds=1", (0, 99), [44]),
        ("&bandIds=2,1,0", (0, 0), [7, 44, 44]),
    ],
    ids=["X01", "X01", "X01", "X02", "X02", "X02", "X03", "X04", "X04", "X05"],
)
def test_x01_to_x05_pixels_of_a_tiff(vector_client, query, at, expected):
    base = B1.replace("&size=100,100", "") if "size" in query else B1
    data, _ = values(get(vector_client, R1, f"{base}&format=tiff{query}"))

    assert data[:, at[0], at[1]].tolist() == expected


def test_x06_one_band_is_grey(vector_client):
    picture = pixels(get(vector_client, R1, B1 + "&format=png32&bandIds=2"))

    assert (picture == [7, 7, 7, 255]).all()


@pytest.mark.parametrize(
    ("query", "expected"),
    [("&bandIds=3,2,1", [4000, 3000, 2100]), ("", [1100, 2100, 3000, 4000])],
    ids=["X07", "X08"],
)
def test_x07_x08_bands_are_those_asked_for(vector_client, query, expected):
    data, _ = values(get(vector_client, R3, B7 + query))

    assert data[:, 0, 0].tolist() == expected


def test_x09_a_band_that_is_not_there_is_an_error(vector_client):
    reply = get(vector_client, R3, B7 + "&bandIds=4")

    assert reply.json["error"]["code"] == 400
    assert "bandIds" in reply.text


@pytest.mark.parametrize(
    ("query", "transparent"),
    [
        ("noData=7", 10000),
        ("noData=44,44,7", 1),
        ("noData=44", 199),
        ("noData=44&noDataInterpretation=esriNoDataMatchAll", 0),
        ("noData=44,44,7&noDataInterpretation=esriNoDataMatchAny", 10000),
    ],
    ids=["X10", "X11", "X12", "X13", "X14"],
)
def test_x10_to_x14_no_data_of_the_request(vector_client, query, transparent):
    alpha = pixels(get(vector_client, R1, f"{B1}&format=png32&{query}"))[:, :, 3]

    assert (alpha == 0).sum() == transparent
    assert (alpha == 255).sum() == 10000 - transparent


def test_x15_one_transparent_pixel_makes_a_png(vector_client):
    reply = get(vector_client, R1, B1 + "&format=jpgpng&noData=44,44,7")

    assert reply.mimetype == "image/png"
    assert (pixels(reply)[:, :, 3] == 0).sum() == 1


def test_x16_no_data_of_the_raster_is_transparent(vector_client):
    alpha = pixels(get(vector_client, R2, CORNER + "&format=png32"))[:, :, 3]

    assert (alpha == 0).sum() == 100


@pytest.mark.parametrize(("query", "nodata"), [("", -9999), ("&noData=-1", -1)], ids=["X17", "X18"])
def test_x17_x18_no_data_is_tagged(vector_client, query, nodata):
    data, profile = values(get(vector_client, R2, CORNER + "&format=tiff" + query))

    assert profile["nodata"] == nodata
    assert (data[0, 0, 0], data[0, 10, 10]) == (nodata, 107.5)


@pytest.mark.parametrize(
    ("pixel_type", "expected", "dtype"),
    [("U8", 255, "uint8"), ("S16", 849, "int16"), ("UNKNOWN", 849.25, "float32")],
    ids=["X19", "X20", "X21"],
)
def test_x19_to_x21_values_are_saturated(vector_client, pixel_type, expected, dtype):
    data, _ = values(get(vector_client, R2, f"{EAST}&pixelType={pixel_type}"))

    assert (data[0, -1, -1], data.dtype) == (expected, np.dtype(dtype))


OUTSIDE = "bbox=480000,5550000,483000,5553000&size=100,100&format=png32&f=image"
HALF = "bbox=478500,5550000,481500,5553000&size=100,100&format=png32&f=image"


def test_x22_outside_of_the_data_is_transparent(vector_client):
    reply = get(vector_client, R2, OUTSIDE)

    assert reply.status_code == 200
    assert not pixels(reply)[:, :, 3].any()


def test_x24_half_outside_is_half_transparent(vector_client):
    alpha = pixels(get(vector_client, R2, HALF))[:, :, 3]

    assert (alpha[:, :50] == 255).all()
    assert not alpha[:, 50:].any()


@pytest.mark.parametrize("query", [OUTSIDE, HALF], ids=["X23", "X25"])
def test_x23_x25_beyond_the_extent_is_an_error_on_request(vector_client, query):
    reply = get(vector_client, R2, query + "&validateExtent=true")

    assert reply.json["error"]["code"] == 400
    assert "bbox" in reply.text


def test_q01_no_function_gives_raw_pixels(vector_client):
    rule = '&format=tiff&renderingRule={"rasterFunction":"None"}'
    data, _ = values(get(vector_client, R2, B2 + rule))

    assert data[0, 0, 0] == 275.0


@pytest.mark.parametrize("rule", ['{"rasterFunction":"Nope"}', "{bad json"], ids=["Q23", "Q24"])
def test_q23_q24_bad_rules_are_refused(vector_client, rule):
    reply = get(vector_client, R2, f"{B2}&renderingRule={rule}".replace("f=image", "f=json"))

    assert reply.status_code == 200
    assert reply.json["error"]["code"] == 400
    assert "renderingRule" in reply.text


E = [
    ("E01", f"{BOX}&imageSR=999999", "'imageSR' parameter is invalid."),
    ("E02", f"{BOX}&size=15001,10", "The requested image exceeds the size limit."),
    ("E03", f"{BOX}&size=10,4101", "The requested image exceeds the size limit."),
    ("E05", "bbox=1,2,3", "'bbox' parameter is invalid."),
    ("E06", "bbox=a,b,c,d", "'bbox' parameter is invalid."),
    ("E07", f"{BOX}&size=0,0", "'size' parameter is invalid."),
    ("E07", f"{BOX}&size=abc", "'size' parameter is invalid."),
    ("E08", f"{BOX}&bboxSR=54070", "'bboxSR' parameter is invalid."),
    ("E14", "bbox=-13024380,4028802,-12913060,4163881&bboxSR=4326&imageSR=3857",
     "'bbox' parameter is invalid."),
    ("E15", f"{BOX}&pixelType=U7", "'pixelType' parameter is invalid."),
    ("E16", f"{BOX}&mosaicProperties=<MosaicMethod>", "'mosaicProperties' parameter is invalid."),
]  # fmt: skip


@pytest.mark.parametrize(("query", "detail"), [r[1:] for r in E], ids=[r[0] for r in E])
def test_errors(vector_client, query, detail):
    reply = get(vector_client, R1, query + "&f=json")
    error = reply.json["error"]

    assert reply.status_code == 200
    assert (error["code"], error["message"]) == (400, "Invalid or missing input parameters.")
    assert error["details"][0] == detail
    assert len(reply.data) <= 750


def test_e04_the_limits_are_included(vector_client):
    url = "/rest/services/rgb/ImageServer/exportImage?f=image&format=png&size=15000,4100&" + BOX

    assert vector_client.head(url).status_code == 200


def test_e09_an_unknown_f_is_a_page(vector_client):
    reply = get(vector_client, R1, f"{BOX}&f=nmf")

    assert reply.mimetype == "text/html"
    assert "Output format not supported." in reply.text


def test_e10_an_unknown_operation_is_http_400(vector_client):
    reply = vector_client.get("/rest/services/rgb/ImageServer/export?f=json&" + BOX)

    assert reply.status_code == 400
    assert reply.json["error"]["code"] == 400


def test_e11_an_error_is_never_an_image(vector_client):
    """The design decides: the true status, and the type of what it is."""
    reply = get(vector_client, R1, f"{BOX}&imageSR=999999&f=image&format=tiff")

    assert (reply.status_code, reply.mimetype) == (400, "application/json")
    assert len(reply.data) <= 750


def test_e12_an_error_is_wrapped_too(vector_client):
    text = get(vector_client, R1, f"{BOX}&imageSR=999999&f=json&callback=cb").text

    assert text.startswith('cb({"error":')


def test_e13_an_unknown_service_is_an_error(vector_client):
    reply = get(vector_client, "nothing", f"{BOX}&f=json").json

    assert reply["error"]["code"] == 404


def test_rasterio_reads_the_tiff_as_it_is_described(vector_client, vector_rasters):
    with rasterio.open(vector_rasters[R1]) as dataset:
        expected = dataset.read(window=((300, 400), (300, 400)))
    data, _ = values(get(vector_client, R1, B1 + "&format=tiff"))

    assert np.array_equal(data, expected)
