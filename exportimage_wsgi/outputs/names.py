"""Names of the files of a store: nobody can guess them, and nothing else is called so."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path

from .faults import remove

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}_[0-9a-f]{32}\.[a-z0-9]{1,8}", re.ASCII)
PART = ".part-"
TEMPORARY = re.compile(r"\.part-[a-z0-9_]+", re.ASCII)
_EXTENSION = re.compile(r"\.[a-z0-9]{1,8}", re.ASCII)
_SECRET_NAME = ".secret"


def name_of(secret: bytes, token: str, extension: str, stem: str) -> str:
    """The name of a file that is known by a token, among those who share the secret.

    Raises:
        ValueError: the extension is none.
    """
    if not _EXTENSION.fullmatch(extension):
        raise ValueError(f"{extension!r} is no extension of a file")
    digest = hmac.new(secret, f"{stem}/{token}{extension}".encode(), hashlib.sha256)
    return f"{plain(stem)}_{digest.hexdigest()[:32]}{extension}"


def plain(stem: str) -> str:
    """The stem as a file's name may begin: ASCII letters, digits and dashes."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40].strip("-")
    return plain or "image"


def shared_secret(folder: Path) -> bytes:
    """The secret that all processes of a folder share; the first of them makes it.

    A link appears with its content, so nobody reads half of it. Where there are none, as on FAT
    and some network shares, the file is renamed: of several that begin at once each may then have
    another secret, and all that they lose is that they don't find each other's files.
    """
    path = folder / _SECRET_NAME
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    descriptor, part = tempfile.mkstemp(prefix=PART, dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        except OSError:
            os.replace(part, path)
    finally:
        remove(Path(part))
    return path.read_bytes()
