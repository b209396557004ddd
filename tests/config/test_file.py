"""The file itself: what is read, and what is told of one that cannot be."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import ConfigError
from tests.config.conftest import Load, faults


def test_a_fault_of_the_syntax_names_its_line(load: Load) -> None:
    (fault,) = faults(load, "[server]\ntitle = 'a'\nurl == 'b'\n")

    assert fault.startswith("line 3, column 6: expected a value")


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf[server]\r\ntitle = 'a'", b"[server]\ntitle='a'"])
def test_a_file_of_any_editor_is_read(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(text)

    assert Config.load(tmp_path / "a.toml").server.title == "a"


def test_a_file_without_end_of_lists_is_told(load: Load) -> None:
    assert faults(load, f"a = {'[' * 10_000}") == ("its lists or tables are nested too deeply",)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_bytes(b"title = '\xff'")

    with pytest.raises(ConfigError, match=r"services\.toml: this is not a TOML file: .* UTF-8"):
        Config.load(file)


@pytest.mark.parametrize(
    ("name", "content"), [("world 1.tif", b"II*\0\xff"), ("b.asc", b"ncols 4\n"), ("c.zarr", None)]
)
def test_a_raster_in_place_of_a_file_is_told_how_it_is_served(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    file = tmp_path / name
    file.mkdir() if content is None else file.write_bytes(content)

    with pytest.raises(ConfigError, match="this is a raster, not a TOML file") as caught:
        Config.load(file)

    assert f"`exportimage-wsgi serve {shlex.quote(str(file))}`" in str(caught.value)
    assert f"{{{file.stem!r}: {str(file)!r}}}" in str(caught.value)


@pytest.mark.parametrize("place", ["missing.toml", "missing.tif", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError, match=r"No such file|this is a folder, not a TOML file"):
        Config.load(tmp_path / place)
