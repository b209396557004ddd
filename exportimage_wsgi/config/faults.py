"""Faults of the file in its own words: the key, what was received, the rule."""

from __future__ import annotations

import difflib
from datetime import date, time
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import shown
from ..syntax import key_of
from .tables import Mosaic, Service
from .values import SIZE_RULE

# What is said in place of the words of pydantic, which speak of Python and not of TOML.
_WORDS = {
    "bool_type": "must be true or false",
    "byte_size": SIZE_RULE,
    "byte_size_unit": SIZE_RULE,
    "dict_type": "must be a table",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "model_type": "must be a table",
    "path_type": "must be a path",
    "string_too_short": "may not be empty",
    "string_type": "must be text",
    "too_long": "must be a list of {max_length}, not of {actual_length}",
    "tuple_type": "must be a list",
}


def faults_of(error: ValidationError, config: type[BaseModel]) -> tuple[str, ...]:
    """A line for each fault of tables that should be such a configuration."""
    return tuple(_fault(each, config) for each in error.errors(include_url=False))


def _fault(details: ErrorDetails, config: type[BaseModel]) -> str:
    """A line: the key, what was received, the rule."""
    location, received = details["loc"], details["input"]
    rule = _rule(details)
    if details["type"] == "missing":
        return f"{key_of(location)}: is missing"
    if details["type"] == "extra_forbidden":
        return f"{key_of(location)}: unknown key{_hint(config, location, received)}"
    if location[-1] == "[key]":
        return f"{key_of(location[:-1])}: {rule}"
    return f"{key_of(location)}={shown(_as_toml(received))}: {rule[0].lower()}{rule[1:]}"


def _as_toml(value: Any) -> str:
    """A value as the file could say it."""
    match value:
        case bool():
            return str(value).lower()
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(_as_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {_as_toml(each)}' for key, each in value.items())}}}"
    return repr(value)


def _rule(details: ErrorDetails) -> str:
    words = _WORDS.get(details["type"])
    if words is not None:
        return words.format(**details.get("ctx", {}))
    return details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _hint(config: type[BaseModel], location: tuple[int | str, ...], received: Any) -> str:
    known = _known_keys(config, location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    if near:
        return f"; did you mean {near[0]}?"
    if location[0] == "services" and len(location) == 3 and isinstance(received, dict):
        return '; a name with a slash is quoted: [services."Folder/name"]'
    return f"; known are {', '.join(known)}"


def _known_keys(config: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at a place of the file."""
    if not location:
        return list(config.model_fields)
    if location[0] == "services":
        return list(Mosaic.model_fields if location[2:] == ("mosaic",) else Service.model_fields)
    table = config.model_fields[str(location[0])].annotation
    return list(getattr(table, "model_fields", ()))
