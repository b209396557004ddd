"""Asking the operations of the table without HTTP."""

from __future__ import annotations

from typing import Any

from exportimage_wsgi.operations.operation import Call
from exportimage_wsgi.operations.table import operation_at
from exportimage_wsgi.service import ImageService


def ask(service: ImageService, path: str, **arguments: Any) -> Any:
    """The answer of the operation at a path."""
    found = operation_at(path.split("/"))
    assert found is not None
    operation, values = found
    said = {name.lower(): str(value) for name, value in arguments.items()}
    return operation.answer(service, Call(arguments=said, values=values))
