"""Which values are no data, by type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from exportimage_wsgi.imagery.sources.validity import held, scaled, validity
from tests.rasters import write


@pytest.mark.parametrize(
    ("value", "dtype", "stored"),
    [
        (255, "uint8", 255),
        (256, "uint8", None),
        (-1, "uint8", None),
        (0.5, "int16", None),
        (float("nan"), "int16", None),
        (float("inf"), "int32", None),
        (-128, "int8", -128),
        (1, "bool", 1),
        (2, "bool", None),
        (2**64, "uint64", float(2**64)),
        (2**65, "uint64", None),
        (-(2**63), "int64", float(-(2**63))),
        (1e39, "float32", None),
        (-3.40282346639e38, "float32", float(np.finfo("float32").min)),
        (float("inf"), "float32", float("inf")),
        (0.1, "float32", float(np.float32(0.1))),
        (0.1, "complex64", float(np.float32(0.1))),
    ],
)
def test_a_no_data_value_is_what_the_type_can_hold(value, dtype, stored):
    assert held(value, np.dtype(dtype)) == stored


def test_bits_hold_less_than_bytes():
    assert held(3, np.dtype("uint8"), bits=2) == 3 and held(4, np.dtype("uint8"), bits=2) is None


def test_values_without_a_rule_share_one_mask():
    valid = validity(np.zeros((3, 2, 2), "uint8"), (None,) * 3)

    assert valid.shape == (1, 2, 2) and (valid == 255).all()


def test_a_shared_mask_and_a_value_are_both_asked():
    values = np.array([[[1, 2, 3]], [[3, 2, 1]]], "int16")
    shared = np.array([[[255, 255, 9]]], "uint8")

    assert validity(values, (1, 1), shared).tolist() == [[[0, 255, 9]], [[255, 255, 0]]]


def test_the_real_part_decides_of_complex_values_and_nan_of_either():
    values = np.array([[[1 + 1j, 5 + 0j, complex(0, np.nan), complex(np.nan, 0)]]], "complex64")

    assert validity(values, (5,)).tolist() == [[[255, 0, 0, 0]]]


LEAST_F32 = -3.4028234663852886e38


@pytest.mark.parametrize(
    ("dtype", "nodata", "value"),
    [
        ("float32", -3.4e38, LEAST_F32),
        ("float32", -3.40282e38, LEAST_F32),
        ("float64", -3.4028235e38, LEAST_F32),
        ("float64", -1.797693e308, -1.7976931348623157e308),
        ("float64", -9999.000001, -9999.0),
        ("float64", -9999.01, -9999.0),
        ("float32", 1.0, 1.0000001),
        ("float32", 1.0, 1.000001),
        ("float32", 0.0, 1e-30),
        ("float64", np.inf, 1.7e308),
    ],
)
def test_floats_are_no_data_as_nearly_as_gdal_has_it(
    tmp_path: Path, dtype: str, nodata: float, value: float
) -> None:
    values = np.array([[[value, 5.0, np.nan]]], dtype)
    path = write(tmp_path / "a.tif", values, (0, 0, 3, 1), "EPSG:3857", nodata=nodata)
    with rasterio.open(path) as dataset:
        known = dataset.read_masks(1)

    found = validity(values, (held(nodata, values.dtype),))

    assert found[0, 0].tolist() == [known[0, 0], 255, 0]


def test_scaling_is_by_band_and_leaves_nan_where_nothing_is_valid():
    values = np.array([[[1, 2]], [[3, 4]]], "int16")
    valid = np.array([[[255, 0]]], "uint8")

    found = scaled(values, valid, ((2.0, 0.5), (-1.0, 0.0)), np.dtype("float32"))

    assert np.array_equal(found, [[[2.5, np.nan]], [[-3, np.nan]]], equal_nan=True)
