"""What a file may say, and what that means."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exportimage_wsgi.config import Config
from exportimage_wsgi.config.tables import Mosaic
from exportimage_wsgi.esri.rules import MosaicMethod
from exportimage_wsgi.mosaics.settings import MosaicSettings
from exportimage_wsgi.pixels import Interpolation
from exportimage_wsgi.settings import ServiceSettings
from tests.config.conftest import Load


def _mosaic(**said: Any) -> dict[str, Any]:
    return {"services": {"a": {"source": ["a.tif", "b*.tif"], "mosaic": said}}}


def test_an_empty_file_means_the_defaults(load: Load) -> None:
    config = load("")

    assert (config.output.max_age, config.output.max_bytes) == (600, 1 << 30)
    assert (config.compat.version, config.compat.errors) == (10.91, "auto")
    assert config.cors.origins == ("*",)
    assert config.services == {}


def test_a_service_that_says_nothing_has_the_settings_of_one_that_is_opened(load: Load) -> None:
    config = load('[services.a]\nsource = "a.tif"')

    assert config.settings("a") == ServiceSettings()


def test_every_setting_of_a_service_can_be_said(load: Load) -> None:
    config = load(
        """
        [services."Folder/a b"]
        source = "a.tif"
        description = "What it is"
        copyright = "Whose"
        nodata = -9999
        band_names = ["one", "two"]
        resampling = "cubic"
        max_image_size = [300, 200]
        compression_quality = 90
        unscale = true
        background = [0, 128, 255]
        lerc_nodata = "fill"
        default_format = "jpgpng"
        """
    )

    assert config.settings("Folder/a b") == ServiceSettings(
        description="What it is",
        copyright="Whose",
        nodata=-9999.0,
        band_names=("one", "two"),
        resampling=Interpolation.CUBIC,
        max_image_size=(300, 200),
        compression_quality=90,
        unscale=True,
        background=(0, 128, 255),
        lerc_nodata="fill",
        default_format="jpgpng",
    )


@pytest.mark.parametrize(
    ("table", "said", "setting", "value"),
    [
        ("limits", "max_image_size = [10, 20]", "max_image_size", (10, 20)),
        ("limits", 'max_image_bytes = "1 MB"', "max_image_bytes", 1_000_000),
        ("compat", 'default_format = "jpgpng"', "default_format", "jpgpng"),
        ("defaults", 'copyright = "all"', "copyright", "all"),
        ("defaults", 'resampling = "majority"', "resampling", Interpolation.MAJORITY),
        ("defaults", "compression_quality = 5", "compression_quality", 5),
        ("defaults", "background = [1, 2, 3]", "background", (1, 2, 3)),
        ("defaults", 'lerc_nodata = "fill"', "lerc_nodata", "fill"),
        ("defaults", "unscale = true", "unscale", True),
    ],
)
def test_what_is_said_for_all_holds_where_a_service_is_silent(
    load: Load, table: str, said: str, setting: str, value: Any
) -> None:
    config = load(f'[{table}]\n{said}\n[services.a]\nsource = "a.tif"')

    assert getattr(config.settings("a"), setting) == value


def test_a_service_goes_before_what_is_said_for_all(load: Load) -> None:
    config = load(
        """
        [limits]
        max_image_size = [10, 20]
        [defaults]
        compression_quality = 5
        [services.a]
        source = "a.tif"
        max_image_size = [15000, 4100]
        compression_quality = 75
        """
    )

    assert config.settings("a") == ServiceSettings()


def test_a_no_data_value_may_be_nan(load: Load) -> None:
    nodata = load('[services.a]\nsource = "a.tif"\nnodata = nan').settings("a").nodata

    assert nodata is not None and math.isnan(nodata)


def test_paths_are_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    config = load(
        '[output]\ndirectory = "out"\n[services.a]\nsource = "data/a.nc#t"'
        '\n[services.b]\nsource = "/else/b.tif"\n[services.c]\nsource = ["c.tif", "*.tif"]'
    )

    assert config.output.directory == tmp_path / "out"
    assert config.services["a"].source == f"{tmp_path}/data/a.nc#t"
    assert config.services["b"].source == "/else/b.tif"
    assert config.services["c"].source == (f"{tmp_path}/c.tif", f"{tmp_path}/*.tif")


def test_a_path_may_begin_at_home(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))

    config = load('[output]\ndirectory = "~/out"\n[services.a]\nsource = "~/a.nc#t"')

    assert config.output.directory == tmp_path / "home" / "out"
    assert config.services["a"].source == f"{tmp_path}/home/a.nc#t"


def test_paths_are_absolute_when_the_file_is_named_relatively(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load('[services.a]\nsource = "a.tif"')
    monkeypatch.chdir(tmp_path)

    assert Config.load("services.toml").services["a"].source == f"{tmp_path}/a.tif"


@pytest.mark.parametrize("url", ["https://x.example/a.tif", "s3://bucket/a.tif", "/vsizip/a.zip/b"])
def test_an_address_elsewhere_stays_as_it_is(load: Load, url: str) -> None:
    assert load(f'[services.a]\nsource = "{url}"').services["a"].source == url


def test_a_public_url_is_percent_encoded_as_links_are(load: Load) -> None:
    said = "https://a.org/B\u00e4ume/%C3%9C/"

    assert load(f"[server]\nurl = '{said}'").server.url == "https://a.org/B%C3%A4ume/%C3%9C"


@pytest.mark.parametrize(
    "said", ["https://maps.example.org", "HTTPS://Maps.Example.org", "https://maps.example.org:443"]
)
def test_origins_are_spelt_as_browsers_do(load: Load, said: str) -> None:
    origins = load(f"[cors]\norigins = ['{said}']").cors.origins

    assert origins == ("https://maps.example.org",)


def test_each_raster_of_a_list_is_taken_without_the_blanks_around_it(load: Load) -> None:
    sources = load("[services.a]\nsource = [' https://a.org/1.tif ']").services["a"].source

    assert sources == ("https://a.org/1.tif",)


@pytest.mark.parametrize(
    ("text", "number"), [("1000", 1000), ('"2 GB"', 2 * 10**9), ('"1.5 MiB"', 3 * 2**19)]
)
def test_bytes_are_a_number_or_text_with_a_unit(load: Load, text: str, number: int) -> None:
    assert load(f"[output]\nmax_bytes = {text}").output.max_bytes == number


def test_a_configuration_cannot_be_changed(load: Load) -> None:
    with pytest.raises(ValidationError):
        load("").server.title = "another"  # type: ignore[misc]


def test_reading_a_configuration_loads_nothing_that_a_fork_would_break() -> None:
    code = """
import sys
from exportimage_wsgi.config import Config
Config.checked({"services": {"a": {"source": "a.tif"}}})
print([name for name in ("rasterio", "pyproj", "numba", "dask") if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_mosaic_is_a_list_and_its_settings(tmp_path: Path) -> None:
    tables = _mosaic(index="a.parquet", table="~/more.csv", method="center", tags=["SENSOR"])

    config = Config.checked(tables, tmp_path)

    assert config.services["a"].source == (f"{tmp_path}/a.tif", f"{tmp_path}/b*.tif")
    mosaic = config.settings("a").mosaic
    assert mosaic.index == f"{tmp_path}/a.parquet"
    assert mosaic.table == os.path.expanduser("~/more.csv")
    assert (mosaic.method, mosaic.tags) == (MosaicMethod.CENTER, ("SENSOR",))


@pytest.mark.parametrize("scheduler", ["threads", "tcp://127.0.0.1:8786", "tls://[::1]:8786"])
def test_a_scheduler_is_threads_or_an_address(scheduler: str) -> None:
    assert Config.checked({"compute": {"scheduler": scheduler}}).compute.scheduler == scheduler


def test_a_mosaic_has_a_key_for_each_of_its_settings() -> None:
    assert list(Mosaic.model_fields) == [field.name for field in fields(MosaicSettings)]
