from __future__ import annotations

import re
import tomllib

import pytest

from exportimage_wsgi.syntax import key_of, told

LINES = [
    ("a = scene.tif", "column 5: expected a value: text in quotes, .*; received scene.tif$"),
    ("a =\nb = 1", "column 4: expected a value: .*; received the end of the line"),
    ("a = ", "column 5: expected a value: .*; received the end of the file"),
    ("a b = 1", "column 3: expected an equals sign after the key; received b = 1"),
    ("= 3", "column 1: expected a line such as key = value, .*; received = 3"),
    ("a = 1 b = 2", "column 7: expected nothing more on this line, .*; received b = 2"),
    ("[a b]", r"column 4: expected \] at the end of the table's name; .*; received b\]"),
    ("[]", r"column 2: expected a key: .*; received \]"),
    ("a = [1 2]", r"column 8: expected a comma, or \] .*; received 2\]"),
    ("a = {b = 1\n}", "column 11: expected a comma, or } .*; received the end of the line"),
    (
        'a = "b\nc = 1',
        "column 7: expected the quotes .*, on its line; received the end of",
    ),
    ("a = 'b", "column 7: expected the quote ' that ends the text; received the end of the file"),
    ('a = """b', "column 9: expected the quotes that end the text; received the end of the file"),
    (r'a = "C:\data"', r"column 10: .* paths with \\ stand in single quotes; received a = "),
    (r'a = "\u12"', r"column 8: expected the digits of an escape.*; received 12"),
    ("a = {'{}' = 1, '{}' = 2}", "column 24: duplicate inline table key '{}'; received a = {"),
]


def fault(text: str) -> str:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    return told(text, caught.value)


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_a_fault_tells_its_place_the_rule_and_what_is_there(text: str, expected: str) -> None:
    assert re.match(f"line 2, {expected}", fault(f"# first\n{text}"))


def test_a_table_that_is_there_twice_is_named() -> None:
    text = '[services."a b"]\n[services."a b"]\n'

    assert fault(text) == (
        'line 2, column 16: services."a b" is declared twice; received [services."a b"]'
    )


def test_a_key_that_is_there_twice_is_told() -> None:
    assert "line 2, column 6: this key has a value already; received a = 2" in fault("a = 1\na = 2")


def test_other_words_are_told_as_they_are() -> None:
    assert told("a = 1", ValueError("Something new")) == "Something new"
    placed = told("a = 1", ValueError("Odd (at line 1, column 2)"))
    assert placed == "line 1, column 2: odd; received a = 1"


def test_a_key_is_spelt_as_in_toml() -> None:
    assert key_of(("services", "Folder/name", "background", 1)) == (
        'services."Folder/name".background[1]'
    )
    for name in ('a"b', "a\\b", "a\tb", "面積", "", "-"):
        assert tomllib.loads(f"{key_of(('services', name))} = 1") == {"services": {name: 1}}
