"""What names a file's state."""

from __future__ import annotations

import os

import pytest

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.imagery.sources.versions import (
    checked_version,
    display_name,
    file_version,
    is_address,
    is_remote,
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"one")
    return path


def test_a_file_that_is_left_alone_keeps_its_version(file):
    assert file_version(str(file)) == file_version(str(file))


def rewritten(file):
    file.write_bytes(b"longer")


def touched(file):
    os.utime(file, ns=(1, 1))


def another(file):
    other, state = file.with_name("other"), file.stat()
    other.write_bytes(b"two")
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(file)


def accompanied(file):
    file.with_name("a.tif.aux.xml").write_text("<PAMDataset/>")


@pytest.mark.parametrize("change", [rewritten, touched, another, accompanied])
def test_a_change_of_size_time_inode_or_side_car_is_another_version(file, change):
    before = file_version(str(file))

    change(file)

    assert file_version(str(file)) != before


def test_equal_files_elsewhere_are_another_version(file, tmp_path):
    other = tmp_path / "b.tif"
    os.link(file, other)

    assert file_version(str(file)) != file_version(str(other))


def test_other_files_count_where_they_exist(file, tmp_path):
    part = tmp_path / "part.tif"
    before = file_version(str(file), (str(part),))

    part.write_bytes(b"part")

    assert file_version(str(file), (str(part),)) != before


def test_what_cannot_be_looked_at_is_a_source_error(file):
    with pytest.raises(SourceError, match=r"^gone\.tif is missing$"):
        checked_version(str(file.with_name("gone.tif")))
    with pytest.raises(SourceError, match=r"^b\.tif cannot be reached: Not a directory$"):
        checked_version(str(file / "b.tif"))


@pytest.mark.parametrize(
    ("path", "address", "remote"),
    [
        ("/data/a.tif", False, False),
        ("http:a.tif", True, True),
        ("https://host/a.tif", True, True),
        ("s3://bucket/a.tif", True, True),
        ("/vsicurl/https://host/a.tif", True, True),
        ("/vsizip//data/x.zip/a.tif", True, False),
        ("/vsizip//vsicurl/https://host/x.zip/a.tif", True, True),
        ("/vsitar/{/data/x.tar}/a.tif", True, False),
    ],
)
def test_addresses_are_told_from_files(path, address, remote):
    assert (is_address(path), is_remote(path)) == (address, remote)


def test_an_archive_stands_for_what_is_in_it(file, tmp_path):
    inside = [f"/vsizip/{file}/b.tif", f"/vsizip/{{{file}}}/b.tif", f"/vsigzip/{file}"]
    before = [file_version(each) for each in inside]

    touched(file)

    assert all(file_version(i) != b for i, b in zip(inside, before, strict=True))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/secret/folder/a#1?.tif", "a#1?.tif"),
        ("https://user:word@host/secret/a.tif?token=x", "a.tif"),
        ("/vsizip//secret/x.zip/a.tif", "a.tif"),
    ],
)
def test_names_in_messages_hide_folders_hosts_and_queries(path, name):
    assert display_name(path) == name
