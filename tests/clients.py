"""Clients that ask an application through the WSGI validator."""

from __future__ import annotations

from typing import Any
from wsgiref.validate import validator

from werkzeug.test import Client


class Visitor(Client):
    """A client that reads every body to its end and closes it, as servers do."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return super().open(*args, buffered=True, **kwargs)


def visitor_of(app: Any) -> Visitor:
    """A client of the application, of which every call is checked against WSGI."""
    return Visitor(validator(app))
