"""Bodies and JSON by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from exportimage_wsgi.errors import CancelledError
from exportimage_wsgi.web.asked import Asked
from exportimage_wsgi.web.respond import Body, json_reply


class Stream:
    """Bytes that can't say more than they were given, and know when they are closed."""

    def __init__(self, *items: bytes | Exception) -> None:
        self._items: Iterator[bytes | Exception] = iter(items)
        self.closed = self.taken = 0

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        item = next(self._items)
        self.taken += 1
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed += 1


def test_the_first_bytes_are_made_at_once_and_no_more() -> None:
    stream = Stream(b"", b"first", b"second")
    body = Body(stream)

    assert stream.taken == 2
    assert list(body) == [b"first", b"second"]


def test_an_error_before_the_first_bytes_is_raised_at_once() -> None:
    stream = Stream(b"", ValueError("early"))

    with pytest.raises(ValueError, match="early"):
        Body(stream)
    assert stream.closed == 1


def test_closing_a_body_stops_what_makes_it_even_if_it_was_never_read() -> None:
    stream = Stream(b"first", b"second")
    Body(stream).close()

    assert (stream.closed, stream.taken) == (1, 1)


def test_an_empty_stream_is_an_empty_body() -> None:
    assert list(Body(Stream())) == []


def test_a_late_error_is_logged_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    body = Body(Stream(b"first", ValueError("late")))

    with pytest.raises(ValueError, match="late"):
        list(body)
    assert "late" in caplog.text


def test_a_reader_who_leaves_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    body = Body(Stream(b"first", CancelledError("the reader left")))

    with caplog.at_level("INFO"), pytest.raises(BrokenPipeError):
        list(body)
    assert [(each.levelname, each.exc_info) for each in caplog.records] == [("INFO", None)]
    assert "the reader left" in caplog.text


def test_json_is_ascii_and_holds_no_bare_nan() -> None:
    values = {"a": [float("nan"), float("inf"), -float("inf"), 1.5], "b": "ü\u2028</script>"}
    text = json_reply(values, Asked(f="json")).get_data(as_text=True)

    assert text.isascii() and "\u2028" not in text
    assert json.loads(text)["a"] == ["NaN", "Infinity", "-Infinity", 1.5]
