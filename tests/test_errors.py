"""Errors travel: from workers of a cluster they come back with all that they say."""

from __future__ import annotations

import pickle

import pytest

from exportimage_wsgi.errors import (
    CancelledError,
    ConfigError,
    ExportImageError,
    FileSizeError,
    ItemError,
    NotFoundError,
    OverloadedError,
    ParameterError,
    RequestError,
    SizeLimitError,
    SourceError,
    StoreError,
    UnknownCRSError,
)

ERRORS = [
    ParameterError("size", "0,1", "width must be at least 1"),
    SizeLimitError("size", (9, 9), "at most 1,1"),
    NotFoundError("File not found", 404, "none"),
    ConfigError(("one", "two")),
    ItemError(7, "is missing", "a.tif", "1"),
    *(
        kind("some text")
        for kind in (
            *(ExportImageError, RequestError, SourceError, StoreError, FileSizeError),
            *(OverloadedError, CancelledError, UnknownCRSError),
        )
    ),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle(error: ExportImageError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), copy.code, copy.message) == (str(error), error.code, error.message)
    assert copy.details == error.details
