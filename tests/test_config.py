"""The configuration: what a file may say, what that means, and how its faults are told."""

from __future__ import annotations

import math
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exportimage_wsgi.config import Config, checked_prefix, name_fault
from exportimage_wsgi.errors import ConfigError
from exportimage_wsgi.esri.rules import MosaicMethod
from exportimage_wsgi.pixels import Interpolation
from exportimage_wsgi.service import ServiceSettings

Load = Callable[[str], Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads the text of a file."""

    def load(text: str) -> Config:
        file = tmp_path / "services.toml"
        file.write_text(text, "utf-8")
        return Config.load(file)

    return load


def faults(load: Load, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert all(fault.startswith("services.toml: ") for fault in caught.value.faults)
    return tuple(fault.removeprefix("services.toml: ") for fault in caught.value.faults)


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


def test_names_that_differ_in_letter_case_only_are_a_fault(load: Load) -> None:
    found = faults(
        load,
        "[services.'A/b']\nsource = 'a.tif'\n[services.'a/B']\nsource = 'b.tif'\n"
        "[services.c]\nsource = 'c.tif'",
    )

    assert found == (
        'services."a/B": differs from A/b in letter case only, which addresses ignore',
    )


def test_of_names_that_differ_in_letter_case_the_first_is_sound(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text("[services.A]\nsource = 'a.tif'\n[services.a]\nsource = 'b.tif'")

    assert list(Config.examined(file)[0].services) == ["A"]


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


def test_all_faults_are_told_at_once(load: Load) -> None:
    found = faults(
        load,
        """
        titel = "x"
        [limits]
        max_imagesize = [1, 2]
        deadline = "soon"
        [compat]
        errors = "never"
        [services."A/b"]
        background = [0, 0, 256]
        [services."A//b"]
        source = "x.tif"
        """,
    )

    assert [fault.partition(":")[0].partition("=")[0] for fault in found] == [
        "limits.deadline",
        "limits.max_imagesize",
        "compat.errors",
        'services."A/b".background[2]',
        'services."A/b".source',
        'services."A//b"',
        "titel",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("titel = 1", "titel: unknown key; known are server, output, limits, "),
        ("[server]\ntitel = 1", "server.titel: unknown key; did you mean title?"),
        ("[services.a]\nsauce = 1\nsource = 'a'", "services.a.sauce: unknown key; did you mean so"),
        ("[services.a]", "services.a.source: is missing"),
        ("[services.a]\nsource = 7", "services.a.source=7: must be the path or URL of a raster"),
        ("[services.a]\nsource = []", "services.a.source=[]: must be the path or URL of a raster"),
        ("[services.a]\nsource = ' '", "services.a.source=' ': must be the path or URL"),
        ("[services.a]\nsource = ['a', ' ']", "services.a.source=['a', ' ']: must be the path"),
        ("[services.a]\nsource = 'a'\nband_names = ['']", "band_names[0]='': may not be empty"),
        ("[services.' a']\nsource = 'a'", 'services." a": its parts, between the slashes, may not'),
        ("[services.mosaic]\nsource = 'a'\nsauce = 1", "unknown key; did you mean source?"),
        (
            "[services.a]\nsource = 'a'\n[services.a.mosiac]\ntime = ['t']",
            "services.a.mosiac: unknown key; did you mean mosaic?",
        ),
        ("[services]\na = 1", "services.a=1: must be a table"),
        ("services = 1", "services=1: must be a table"),
        ("[server]\nurl = 'maps'", "server.url='maps': must begin with http:// or https://"),
        ("[server]\nurl = 'http://a?b'", "server.url='http://a?b': must be a scheme, a host and"),
        ("[server]\nurl = 'http://[::1'", "server.url='http://[::1': "),
        ("[server]\nurl = 'http://a:99999'", "nothing else; a port is from 1 to 65535"),
        ("[server]\nurl = 'http://:word@a'", "must be a scheme, a host and a path, nothing else"),
        ("[server]\nurl = 'http://a\"b'", "must be a scheme, a host and a path, nothing else"),
        ("[server]\nprefix = '/a/../b'", "server.prefix='/a/../b': no part of it may be '.'"),
        ("[server]\ntrusted_proxies = ['a']", "server.trusted_proxies[0]='a': must be an address"),
        ("[output]\nmax_age = 0", "output.max_age=0: must be greater than 0"),
        ("[output]\nmax_age = true", "output.max_age=true: must be a number"),
        ("[output]\nmax_age = inf", "output.max_age=inf: must be a finite number"),
        ("[output]\nmax_bytes = 0", "output.max_bytes=0: must be greater than or equal to 1"),
        ("[output]\nmax_bytes = 'much'", "output.max_bytes='much': must be a number of bytes"),
        ("[output]\nmax_bytes = '2 XB'", "output.max_bytes='2 XB': must be a number of bytes"),
        ("[output]\nmax_bytes = true", "output.max_bytes=true: must be a number of bytes, or"),
        ("[output]\ndirectory = 7", "output.directory=7: must be a path"),
        ("[output]\ndirectory = ' '", "output.directory=' ': may not be empty"),
        ("[server]\ntitle = 2020-01-31", "server.title=2020-01-31: must be text"),
        ("[server]\ntitle = ''", "server.title='': may not be empty"),
        ("[server]\ntitle = 7", "server.title=7: must be text"),
        ("[server]\ntrusted_proxies = 'a'", "server.trusted_proxies='a': must be a list"),
        ("limits = 1", "limits=1: must be a table"),
        ("[limits]\nexports = 0", "limits.exports=0: must be greater than or equal to 1"),
        ("[limits]\nmax_image_size = [1]", "limits.max_image_size[1]: is missing"),
        ("[limits]\nmax_image_size = [1, 2, 3]", "must be a list of 2, not of 3"),
        ("[defaults]\nbackground = [1, 2]", "defaults.background[2]: is missing"),
        ("[limits]\nmax_image_size = 1", "limits.max_image_size=1: must be a list"),
        ("[limits]\nmax_image_size = [1, 2.5]", "limits.max_image_size[1]=2.5: must be a whole n"),
        ("[compute]\nscheduler = 'gpu'", "compute.scheduler='gpu': must be 'threads'"),
        (
            "[compute]\nscheduler = 'tcp://a'",
            "compute.scheduler='tcp://a': must be 'threads', or an",
        ),
        ("[compute]\nscheduler = 'tcp://a:0'", "or an address such as tcp://scheduler:8786"),
        ("[compute]\nscheduler = 'tcp://a:1/b'", "or an address such as tcp://scheduler:8786"),
        ("[compute]\nscheduler = 'tcp://[a'", "compute.scheduler='tcp://[a': "),
        ("[compute]\nthreads = -1", "compute.threads=-1: must be greater than or equal to 0"),
        ("[cors]\norigins = ['a.org']", "cors.origins[0]='a.org': must be '*' or an origin"),
        ("[cors]\norigins = ['http://a/']", "cors.origins[0]='http://a/': must be '*' or"),
        ("[cors]\norigins = ['http://a:0']", "cors.origins[0]='http://a:0': must be '*' or"),
        ("[cors]\norigins = ['http://b@a']", "cors.origins[0]='http://b@a': must be '*' or"),
        ("[compat]\nversion = 9.2", "compat.version=9.2: must be greater than or equal to 9.3"),
        ("[compat]\nversion = 12", "compat.version=12: must be less than 12"),
        ("[compat]\nversion = '10'", "compat.version='10': must be a number"),
        ("[compat]\ndefault_format = 'tiff'", "must be 'png' or 'jpgpng'"),
        ("[defaults]\nresampling = 'lanczos'", "must be 'nearest', 'bilinear', 'cubic' or 'maj"),
        ("[defaults]\nnodata = 0", "defaults.nodata: unknown key"),
        ("[defaults]\nunscale = 1", "defaults.unscale=1: must be true or false"),
        ("[defaults]\ncompression_quality = 101", "must be less than or equal to 100"),
    ],
)
def test_a_fault_names_the_key_what_was_received_and_the_rule(
    load: Load, text: str, fault: str
) -> None:
    (found,) = faults(load, text)

    assert fault in found


def test_a_name_that_lacks_its_quotes_is_recognised(load: Load) -> None:
    found = faults(load, "[services.Folder.name]\nsource = 'a.tif'")

    assert 'a name with a slash is quoted: [services."Folder/name"]' in found[-1]


def test_a_fault_of_the_syntax_names_its_line(load: Load) -> None:
    (fault,) = faults(load, "[server]\ntitle = 'a'\nurl == 'b'\n")

    assert fault.startswith("line 3, column 6: expected a value")


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf[server]\r\ntitle = 'a'", b"[server]\ntitle='a'"])
def test_a_file_of_any_editor_is_read(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.toml").write_bytes(text)

    assert Config.load(tmp_path / "a.toml").server.title == "a"


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


def test_what_is_sound_can_be_looked_at_beside_the_faults(tmp_path: Path) -> None:
    file = tmp_path / "services.toml"
    file.write_text(
        "[limits]\nexports = 0\n[cors]\norigins = []\n"
        "[services.bad]\n[services.good]\nsource = 'a.tif'"
    )

    config, found = Config.examined(file)

    assert len(found) == 2
    assert list(config.services) == ["good"]
    assert config.cors.origins == ()
    assert config.limits.exports is None


def test_a_configuration_cannot_be_changed(load: Load) -> None:
    with pytest.raises(ValidationError):
        load("").server.title = "another"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["a", "Folder/a", "A/B/c", "Größe 1", "a.b-c_d", "it's", "a&b"])
def test_a_name_may_hold_what_a_url_can(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a/", "a//b", " a", "a /b", ".", "a/../b", "a?b", "a#b", "a%20b", "a\\b"),
        *("a\nb", "a/ImageServer", "imageserver", "a\ud800", "a\u200bb"),
    ],
)
def test_a_name_that_breaks_urls_is_refused(name: str) -> None:
    assert name_fault(name)


@pytest.mark.parametrize(
    ("said", "meant"), [("", ""), ("/", ""), ("a", "/a"), ("/a/b/", "/a/b"), ("/arcgis", "/arcgis")]
)
def test_a_prefix_begins_with_a_slash_and_ends_without(said: str, meant: str) -> None:
    assert checked_prefix(said) == meant


def test_reading_a_configuration_loads_nothing_that_a_fork_would_break() -> None:
    code = """
import sys
from exportimage_wsgi.config import Config
Config.checked({"services": {"a": {"source": "a.tif"}}})
print([name for name in ("rasterio", "pyproj", "numba", "dask") if name in sys.modules])
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# --- mosaics ---------------------------------------------------------------------------------


def _mosaic(**said: Any) -> dict[str, Any]:
    return {"services": {"a": {"source": ["a.tif", "b*.tif"], "mosaic": said}}}


def test_a_mosaic_is_a_list_and_its_settings(tmp_path: Path) -> None:
    tables = _mosaic(index="a.parquet", table="~/more.csv", method="center", tags=["SENSOR"])

    config = Config.checked(tables, tmp_path)

    assert config.services["a"].source == (f"{tmp_path}/a.tif", f"{tmp_path}/b*.tif")
    mosaic = config.settings("a").mosaic
    assert mosaic.index == f"{tmp_path}/a.parquet"
    assert mosaic.table == os.path.expanduser("~/more.csv")
    assert (mosaic.method, mosaic.tags) == (MosaicMethod.CENTER, ("SENSOR",))


def test_all_faults_of_a_mosaic_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Config.checked(_mosaic(method="lockraster", pattern="(a+", crs=1, sort_feld="date"))

    lines = error.value.faults
    assert [line.partition(":")[0].partition("=")[0] for line in lines] == [
        "services.a.mosaic.pattern",
        "services.a.mosaic.crs",
        "services.a.mosaic.method",
        "services.a.mosaic.sort_feld",
    ]
    assert "did you mean sort_field?" in lines[3]


def test_settings_of_a_mosaic_that_contradict_each_other_are_told() -> None:
    with pytest.raises(ConfigError, match=r"services\.a\.mosaic.*attribute needs sort_field"):
        Config.checked(_mosaic(method="attribute"))


@pytest.mark.parametrize("scheduler", ["threads", "tcp://127.0.0.1:8786", "tls://[::1]:8786"])
def test_a_scheduler_is_threads_or_an_address(scheduler: str) -> None:
    assert Config.checked({"compute": {"scheduler": scheduler}}).compute.scheduler == scheduler


def test_a_cluster_without_its_library_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.config.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"pip install exportimage-wsgi\[distributed\]"):
        Config.checked({"compute": {"scheduler": "tcp://a:1"}})
