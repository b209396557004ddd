"""The length of classic NetCDF files, as the NetCDF library writes them."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from exportimage_wsgi.imagery.sources.netcdf_classic import shortest_length

netcdf4 = pytest.importorskip("netCDF4")

FORMATS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]
TYPES = ["i1", "S1", "i2", "i4", "f4", "f8"]


def written(path, form, variables, records=0):
    """A file with variables of (name, type, dimensions), all filled; 3 rows, 5 columns."""
    with netcdf4.Dataset(path, "w", format=form) as file:
        for name, size in (("time", None), ("y", 3), ("x", 5)):
            file.createDimension(name, size)
        file.title = "odd"
        for name, dtype, dims in variables:
            variable = file.createVariable(name, dtype, dims)
            variable.units = "m"
            shape = [{"time": records, "y": 3, "x": 5}[each] for each in dims]
            variable[:] = np.full(shape, b"a" if dtype == "S1" else 7, dtype)
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", TYPES)
def test_the_last_value_ends_where_the_header_says(tmp_path, form, dtype):
    path = written(tmp_path / "a.nc", form, [("v", dtype, ("y", "x"))])
    size = path.stat().st_size

    assert size - 3 <= shortest_length(path) <= size  # It is filled up to four bytes.
    assert shortest_length(path) > size - 3 * 5 * np.dtype(dtype).itemsize


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("others", [(), (("w", "i2", ("time", "x")),)])
def test_records_are_counted(tmp_path, form, dtype, others):
    variables = [("v", dtype, ("time", "y", "x")), *others, ("fixed", "i1", ("x",))]
    path = written(tmp_path / "a.nc", form, variables, records=4)
    size = path.stat().st_size

    assert size - 3 <= shortest_length(path) <= size


def test_a_file_without_records_ends_with_its_fixed_values(tmp_path):
    path = written(tmp_path / "a.nc", FORMATS[0], [("v", "i2", ("time", "x")), ("f", "f8", ("y",))])

    assert shortest_length(path) == path.stat().st_size


@pytest.mark.parametrize("content", [b"", b"CD", b"\x89HDF\r\n\x1a\n", b"CDF\x07" + bytes(40)])
def test_other_files_have_no_length_to_keep(tmp_path, content):
    (tmp_path / "a.nc").write_bytes(content)

    assert shortest_length(tmp_path / "a.nc") == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_header_cut_short_is_a_fault(tmp_path, form):
    path = written(tmp_path / "a.nc", form, [("v", "f4", ("y", "x"))])
    data, end = path.read_bytes(), shortest_length(path) - 3 * 5 * 4

    for size in range(4, end):
        path.write_bytes(data[:size])
        with pytest.raises(ValueError, match="the header"):
            shortest_length(path)


@pytest.mark.parametrize("number", [0x7FFFFFFF, 0xFFFFFFF0, 10])
def test_numbers_that_cannot_be_are_a_fault_at_once(tmp_path, number):
    path = written(tmp_path / "a.nc", FORMATS[0], [("v", "f4", ("y", "x"))])
    data = path.read_bytes()
    path.write_bytes(data[:12] + struct.pack(">I", number) + data[16:])  # How many dimensions.

    with pytest.raises(ValueError, match="the header"):
        shortest_length(path)
