"""One request, read: what is handed from the routing to whoever answers."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import shown
from .address import Address
from .asked import Asked, HTTPRequest
from .failures import UnsupportedOutputError
from .respond import JSON_FORMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, and where it reached the application."""

    request: HTTPRequest

    asked: Asked

    address: Address

    @property
    def is_page(self) -> bool:
        return self.asked.f == "html"

    def require(self, *forms: str) -> None:
        """Raises: UnsupportedOutputError: `f` is none of html, json, pjson and these."""
        if self.asked.f not in ("html", *JSON_FORMS, *forms):
            raise UnsupportedOutputError(f"f={shown(self.asked.f)}")
