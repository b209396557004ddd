"""Documents that tables of items and STAC catalogues lie in: files, or what a web server sends."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from typing import Any

from ..errors import SourceError
from ..imagery.sources.versions import display_name, is_address

_PATIENCE = 30.0
_LARGEST = 1 << 30


def read_document(address: str) -> bytes:
    """The bytes of a file, or of an `http` or `https` URL.

    Raises:
        SourceError: it is missing, larger than 1 GiB, or of another kind of address.
    """
    name = display_name(address)
    try:
        if not is_address(address):
            with open(address, "rb") as file:
                if os.fstat(file.fileno()).st_size > _LARGEST:
                    raise SourceError(f"{name} is larger than 1 GiB")
                return file.read()
        if not address.startswith(("http://", "https://")):
            raise SourceError(f"{name}: tables and STAC documents come from files or by http(s)")
        with urllib.request.urlopen(address, timeout=_PATIENCE) as reply:
            body: bytes = reply.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise SourceError(f"{name} is missing") from error
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceError(f"{name} cannot be fetched: its server answers {error.code}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        raise SourceError(f"{name} cannot be fetched: its server does not answer") from error
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from error
    if len(body) > _LARGEST:
        raise SourceError(f"{name} is larger than 1 GiB")
    return body


def read_json(address: str) -> dict[str, Any]:
    """The object that a JSON document holds.

    Raises:
        SourceError: it cannot be read, or isn't a JSON object.
    """
    body = read_document(address)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{display_name(address)} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{display_name(address)} is no JSON object")
    return found
