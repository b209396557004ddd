"""What a client asked: its arguments, the form of reply it wants, its callback."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.wrappers import Request

from ..errors import ParameterError, RequestError

_LARGEST_BODY = 1_000_000
_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$\[\]]{0,127}", re.ASCII)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class HTTPRequest(Request):
    """A request whose body is a form of at most 1 MB."""

    # One more, to tell a body without a length that was cut off here.
    max_content_length = _LARGEST_BODY + 1
    max_form_memory_size = _LARGEST_BODY
    max_form_parts = 1000

    def _get_file_stream(self, *_: Any, **__: Any) -> BytesIO:
        """Files are no arguments; they stay in memory, with the rest of the body."""
        return BytesIO()

    def make_form_data_parser(self) -> FormDataParser:
        """A parser that passes over nothing."""
        parser = super().make_form_data_parser()
        parser.silent = False
        return parser


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The part of a request that its operation and its reply depend on."""

    arguments: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; of a repeated one the first that isn't blank."""

    f: str = "html"
    """Lower-case form of the reply."""

    callback: str | None = None
    """Function that a script reply calls."""

    @property
    def is_script(self) -> bool:
        return self.callback is not None and self.f in ("json", "pjson")


def asked_of(request: HTTPRequest) -> Asked:
    """Everything the query string and the body say; the query string comes first.

    Raises:
        RequestError: the body is too large or isn't a form.
        ParameterError: the callback isn't the name of a function.
    """
    arguments = merged([request.args, _form(request)])
    callback = arguments.get("callback", "")
    if callback and not _CALLBACK.fullmatch(callback):
        raise ParameterError("callback", callback, "must be the name of a JavaScript function")
    return Asked(arguments=arguments, f=_f(arguments), callback=callback or None)


def first_asked(request: HTTPRequest) -> Asked:
    """As much as can be told without the body, for a reply to a request that is at fault."""
    arguments = merged([request.args])
    callback = arguments.get("callback", "")
    known = callback if _CALLBACK.fullmatch(callback) else None
    return Asked(arguments=arguments, f=_f(arguments), callback=known)


def merged(sources: Iterable[MultiDict[str, str]]) -> dict[str, str]:
    """One value a name, in lower case and without blanks around it; blank ones aren't said."""
    arguments: dict[str, str] = {}
    for source in sources:
        for name, value in source.items(multi=True):
            if value.strip():
                arguments.setdefault(name.strip().lower(), value.strip())
    return arguments


def _f(arguments: Mapping[str, str]) -> str:
    return arguments.get("f", "html").lower()


def _form(request: HTTPRequest) -> MultiDict[str, str]:
    if request.method != "POST":
        return MultiDict()
    body = _body(request)
    if body and request.mimetype not in _FORMS:
        raise RequestError(f"the body must be a form: {' or '.join(_FORMS)}")
    try:
        return request.form if body else MultiDict()
    except HTTPException as error:
        raise RequestError(f"the body cannot be read: {error.name}") from error
    except ValueError as error:
        raise RequestError("the body cannot be read: it is malformed") from error


def _body(request: HTTPRequest) -> bytes:
    try:
        body = request.get_data()
        if len(body) > _LARGEST_BODY:
            raise RequestEntityTooLarge
    except RequestEntityTooLarge as error:
        raise RequestError(f"the body must not exceed {_LARGEST_BODY:,} bytes") from error
    except Exception as error:
        # Servers raise errors of their own kinds for a body that breaks off.
        raise RequestError("the body cannot be read: it breaks off") from error
    return body
