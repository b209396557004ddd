"""JSON and XML from outside stay within their bounds."""

from __future__ import annotations

import pytest

from exportimage_wsgi.esri.texts import integer, read_json, read_xml


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "0x1", "١", "1_000", "- 1", "9" * 19])
def test_a_whole_number_has_ascii_digits_and_not_too_many(text: str) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        integer(text)


def test_a_whole_number_may_have_a_sign_and_space_around() -> None:
    assert [integer(text) for text in (" +7 ", "-0", "9" * 18)] == [7, 0, 10**18 - 1]


def test_json_is_read() -> None:
    assert read_json('{"a":[1,2.5,"ü",null,true]}') == {"a": [1, 2.5, "ü", None, True]}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{'a':1}", '{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', '"\\ud800"', "\ud800",
        "[" * 40 + "]" * 40, "[" * 100_000, '{"a":' * 40 + "1" + "}" * 40, "1" * 5000, "{}x",
        " " * 1_000_001,
    ],
)  # fmt: skip
def test_what_is_no_harmless_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        read_json(text)


def test_json_may_be_thirty_deep() -> None:
    assert read_json("[" * 30 + "]" * 30)


@pytest.mark.parametrize(
    "text",
    [
        "<a>1</a><b>2</b>",
        "<p><a>1</a><b>2</b></p>",
        "<?xml version='1.0' encoding='UTF-8'?><p><a>1</a><b>2</b></p>",
        " <a>1</a>\n<!-- two --><b>2</b> ",
    ],
)
def test_fragments_need_no_root(text: str) -> None:
    elements = list(read_xml(text).iter())

    assert [e.text for e in elements if e.tag in ("a", "b")] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "<a>", "<a></b>", "</r><r>", "<a>&unknown;</a>", "<a b=c/>", "<a>\x00</a>", "<a>\ud800</a>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', '<!doctype a SYSTEM "file:///etc/passwd"><a/>',
        "<?xml version='1.0'?><!DOCTYPE a><a/>", "<a>" * 51 + "</a>" * 51, "<a/>" * 20_000,
        "<a xmlns:x='u'/><y:b/>",
    ],
)  # fmt: skip
def test_what_is_no_harmless_xml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read_xml(text)
