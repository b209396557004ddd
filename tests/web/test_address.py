"""Where a client reached the application, in front of it what may be."""

from __future__ import annotations

import pytest
from werkzeug.test import create_environ

from exportimage_wsgi.web.address import Address, Front, networks

PROXY = networks(("10.0.0.0/8", "::1"))


def address(front: Front | None = None, remote: str = "10.1.2.3", **headers: str) -> Address:
    environ = create_environ("/rest", "http://asked.example:8080/app/")
    environ |= {"REMOTE_ADDR": remote}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return (front or Front()).address(environ)


def test_links_go_where_the_client_asked() -> None:
    assert address().url("rest", "x y") == "http://asked.example:8080/app/rest/x%20y"


def test_a_configured_url_comes_first() -> None:
    front = Front(url="https://gis.example/arcgis/", prefix="/ignored")

    assert address(front, host="evil.example").url("rest") == "https://gis.example/arcgis/rest"


def test_a_trusted_proxy_says_how_the_client_came() -> None:
    found = address(
        Front(trusted_proxies=PROXY),
        x_forwarded_proto="https",
        x_forwarded_host="public.example",
        x_forwarded_prefix="/gis",
    )

    assert found.url("rest") == "https://public.example/gis/app/rest"


@pytest.mark.parametrize("remote", ["192.168.1.1", "", "unix:", "fe80::1%eth0"])
def test_nobody_else_does(remote: str) -> None:
    front = Front(trusted_proxies=PROXY)

    assert address(front, remote, x_forwarded_host="evil.example").origin.startswith(
        "http://asked.example"
    )


def test_a_proxy_on_a_unix_socket_is_trusted_by_that_name() -> None:
    front = Front(trusted_proxies=networks(("unix",)))

    assert address(front, "", x_forwarded_host="public.example").origin == "http://public.example"
    assert "asked" in address(front, "10.0.0.1", x_forwarded_host="evil.example").origin


@pytest.mark.parametrize("remote", ["10.0.0.1", "::1", "::ffff:10.0.0.1"])
def test_proxies_are_known_by_block_and_by_either_form_of_address(remote: str) -> None:
    found = address(Front(trusted_proxies=PROXY), remote, x_forwarded_host="public.example")

    assert found.origin == "http://public.example"


def test_of_several_proxies_the_nearest_is_believed() -> None:
    found = address(Front(trusted_proxies=PROXY), x_forwarded_host="evil.example, near.example")

    assert found.origin == "http://near.example"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_forwarded_host", "evil.example/path"),
        ("x_forwarded_host", "a b"),
        ("x_forwarded_host", 'x"><script>'),
        ("x_forwarded_host", "user@evil.example"),
        ("x_forwarded_proto", "javascript"),
        ("x_forwarded_prefix", "//evil.example"),
        ("x_forwarded_prefix", "/a\r\nb"),
        ("x_forwarded_prefix", "no-slash"),
    ],
)
def test_what_no_url_could_hold_is_passed_over(name: str, value: str) -> None:
    found = address(Front(trusted_proxies=PROXY), **{name: value})

    assert found.url("rest") == "http://asked.example:8080/app/rest"


@pytest.mark.parametrize("host", ["evil.example/x", "<b>", "a b", "", "x\ny"])
def test_a_host_that_is_none_gives_way_to_the_servers_name(host: str) -> None:
    assert address(host=host).origin == "http://asked.example:8080"


@pytest.mark.parametrize(
    ("scheme", "host", "origin"),
    [
        ("https", "h.example:443", "https://h.example"),
        ("http", "h.example:80", "http://h.example"),
        ("http", "[::1]:8080", "http://[::1]:8080"),
        ("https", "h.example:80", "https://h.example:80"),
    ],
)
def test_ports_that_go_without_saying_are_left_out(scheme: str, host: str, origin: str) -> None:
    front = Front(trusted_proxies=PROXY)

    assert address(front, x_forwarded_proto=scheme, host=host).origin == origin


def test_a_mount_that_looks_like_a_host_stays_a_path() -> None:
    environ = create_environ("/", "http://h.example/") | {"SCRIPT_NAME": "//evil.example"}

    assert Front().address(environ).path("rest") == "/evil.example/rest"
