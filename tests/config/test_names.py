"""What a service may be called, and what a prefix means."""

from __future__ import annotations

import pytest

from exportimage_wsgi.config.names import checked_prefix, name_fault


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
