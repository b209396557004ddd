"""The tree of errors: what can go wrong, said in the words of a request or of a source.

ExportImageError
├── RequestError                what was asked cannot be answered (400)
│   ├── ParameterError          one parameter breaks a rule
│   ├── SizeLimitError          the picture asked for is larger than the service allows
│   └── NotFoundError           no such service, folder, operation or file (404 or 400)
├── UnknownCRSError             a number or text names no spatial reference
├── SourceError                 a raster is missing, broken or was replaced (500)
│   └── ItemError               it is an item of a mosaic
├── StoreError                  the disk cannot take a file, or doesn't give it (503)
│   └── FileSizeError           since it is larger than the whole store may be (400)
├── OverloadedError             too much is under way; come back later (503)
├── CancelledError              the reader left or the deadline passed
└── ConfigError                 the configuration has faults, all of them named
"""

from __future__ import annotations

_SHOWN_LENGTH = 80


class ExportImageError(Exception):
    """Any fault this package names; `code` is Esri's error code and the HTTP status."""

    code = 500
    message = "Unable to complete operation."

    @property
    def details(self) -> tuple[str, ...]:
        """What stood behind the message, one sentence each; safe to show to a client."""
        return (str(self),) if str(self) else ()


class RequestError(ExportImageError):
    """What was asked cannot be answered, and asking again will not help."""

    code = 400
    message = "Invalid or missing input parameters."


class ParameterError(RequestError):
    """One parameter breaks a rule: `name=received: rule`."""

    def __init__(self, name: str, received: object, rule: str) -> None:
        super().__init__(f"{name}={shown(received)}: {rule}")
        self.name, self.rule, self.received = name, rule, received

    def __reduce__(self) -> tuple[type[ParameterError], tuple[str, str, str]]:
        return type(self), (self.name, shown(self.received), self.rule)

    @property
    def details(self) -> tuple[str, ...]:
        return (f"'{self.name}' parameter is invalid.", str(self))


class SizeLimitError(ParameterError):
    """The picture asked for is larger than the service allows."""

    @property
    def details(self) -> tuple[str, ...]:
        return ("The requested image exceeds the size limit.", str(self))


class NotFoundError(RequestError):
    """No such service, folder, operation or file; `code` is 404, or 400 for an operation."""

    def __init__(self, message: str, code: int = 404, detail: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self._detail = code, message, detail

    def __reduce__(self) -> tuple[type[NotFoundError], tuple[str, int, str]]:
        return type(self), (self.message, self.code, self._detail)

    @property
    def details(self) -> tuple[str, ...]:
        return (self._detail,) if self._detail else ()


class UnknownCRSError(ExportImageError, ValueError):
    """A number or text names no spatial reference; callers say of which parameter."""

    code = 400


class SourceError(ExportImageError):
    """A raster is missing, broken, or was replaced while it was read."""


class ItemError(SourceError):
    """An item of a mosaic is missing, broken, or was replaced while it was read."""

    def __init__(self, object_id: int, reason: str, raster: str = "", version: str = "") -> None:
        super().__init__(f"item {object_id}: {reason}")
        self.object_id, self.reason, self.raster, self.version = object_id, reason, raster, version

    def __reduce__(self) -> tuple[type[ItemError], tuple[int, str, str, str]]:
        return type(self), (self.object_id, self.reason, self.raster, self.version)


class StoreError(ExportImageError):
    """A disk of the server cannot take a file, or doesn't give one back; that may pass."""

    code = 503


class FileSizeError(StoreError):
    """The file is larger than the output store: asking for less, or for `f=image`, helps."""

    code = RequestError.code
    message = RequestError.message


class OverloadedError(ExportImageError):
    """Too much is under way; the request may be sent again later."""

    code = 503
    message = "The server is busy."


class CancelledError(ExportImageError):
    """The reader left, the deadline passed or the server is stopping."""

    code = 503
    message = "The export was cancelled."


class ConfigError(ExportImageError):
    """The configuration has faults; `faults` holds a line for each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...]]]:
        return type(self), (self.faults,)


def shown(received: object) -> str:
    """The value as an error may repeat it: one line, printable, at most 80 characters."""
    text = received if isinstance(received, str) else str(received)
    text = "".join(c if c.isprintable() else "?" for c in text[: _SHOWN_LENGTH + 1])
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"
