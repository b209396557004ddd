"""How the faults of a configuration are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import ConfigError
from tests.config.conftest import Load, faults


def _mosaic(**said: Any) -> dict[str, Any]:
    return {"services": {"a": {"source": ["a.tif", "b*.tif"], "mosaic": said}}}


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


def test_a_cluster_without_its_library_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exportimage_wsgi.config.values.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"pip install exportimage-wsgi\[distributed\]"):
        Config.checked({"compute": {"scheduler": "tcp://a:1"}})
