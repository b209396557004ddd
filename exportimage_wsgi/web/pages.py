"""Pages: the services directory, services, and forms of their operations, for people."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.wrappers import Response

from ..esri.replies import finite
from ..operations.operation import Operation
from ..service import ImageService
from ..settings import ServiceSettings
from .address import Address
from .assets import assets
from .charts import Chart, charts_of
from .facts import Fact, facts
from .failures import ErrorReply
from .form import Group
from .records import ITEMS, ItemLinks, Listing
from .respond import page
from .result import LARGEST_LIVE, Drawn
from .service_page import bands, glance, items, operations, preview
from .snippets import served, snippets
from .swatches import LAYERS, swatches_of
from .way import Crumb, crumbs

_HERE = Path(__file__).parent
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M8 1 15 5 8 9 1 5Z' fill='%230b6e75'/%3E"
    "%3Cpath d='M2.6 7.4 1 8.3l7 4 7-4-1.6-.9L8 10.5Z' fill='%2352a3a8'/%3E"
    "%3Cpath d='M2.6 10.6 1 11.5l7 4 7-4-1.6-.9L8 13.7Z' fill='%239fcfd1'/%3E%3C/svg%3E"
)
_MOST_READ = 3000
_CARD_WH = (320, 200)


class Pages:
    """Draws every page from the templates beside this file."""

    def __init__(self, title: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style = (_HERE / "static" / "style.css").read_text("utf-8")
        self._environment.globals.update(title=title, style=Markup(style), icon=_ICON)
        self._digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    def directory(
        self,
        address: Address,
        folder: str,
        folders: Sequence[str],
        services: Mapping[str, ServiceSettings],
    ) -> Response:
        """The services and folders of a folder, or of the root (`""`)."""
        listed = [_link(address, name, name) for name in folders]
        cards = [
            (_link(address, name, name, "ImageServer"), settings.fitted(_CARD_WH))
            for name, settings in services.items()
        ]
        return self._page(
            "directory.html",
            address,
            crumbs=crumbs(address, folder),
            folder=folder,
            folders=listed,
            cards=cards,
        )

    def service(
        self,
        address: Address,
        way: Sequence[Crumb],
        service: ImageService,
        description: Mapping[str, Any],
        charts: Sequence[Chart | None] | None = (),
    ) -> Response:
        """All that a service says of itself, with a map of it.

        Args:
            address: where the client reached the application.
            way: to the service.
            service: whose page it is.
            description: its JSON.
            charts: a histogram a band; `None` while they are being counted.
        """
        path = way[-1].path
        base = path.rstrip("/")
        shown, more = bands(service, charts or ())
        target = served(service, address.origin + path)
        return self._page(
            "service.html",
            address,
            crumbs=way,
            name=service.name,
            path=path,
            base=base,
            url=target.url,
            about=str(description.get("serviceDescription", "")),
            copyright=str(description.get("copyrightText", "")),
            preview=preview(service, base),
            glance=glance(service, description),
            bands=shown,
            more_bands=more,
            is_counting=charts is None,
            snippets=snippets(target),
            operations=operations(service, base),
            items=items(service, base),
            facts=facts(description, skip=("name",)),
        )

    def form(
        self,
        address: Address,
        way: Sequence[Crumb],
        name: str,
        groups: Sequence[Group],
        values: Mapping[str, str],
        preview: Any = None,
        drawn: Drawn | None = None,
        error: ErrorReply | None = None,
    ) -> Response:
        """The form of exportImage filled with the request, and what came of it."""
        return self._page(
            "export.html",
            address,
            status=error.status if error else 200,
            crumbs=way,
            name=name,
            action=way[-1].path,
            url=address.origin + way[-1].path,
            groups=groups,
            values=values,
            preview=preview,
            largest=LARGEST_LIVE,
            drawn=drawn,
            error=error,
        )

    def operation(
        self,
        address: Address,
        way: Sequence[Crumb],
        name: str,
        operation: Operation,
        groups: Sequence[Group],
        values: Mapping[str, str],
        request_url: str,
        answer: Mapping[str, Any] | None = None,
        error: ErrorReply | None = None,
        items: Listing | None = None,
        links: ItemLinks | None = None,
        dates: Sequence[str] = (),
    ) -> Response:
        """The form of another operation filled with the request, and its answer: as a table, where
        that can be read, and as JSON."""
        left_out = (LAYERS,) if items is None else (LAYERS, "features", "fields", ITEMS)
        told = facts(answer, left_out, dates) if answer else ()
        return self._page(
            "operation.html",
            address,
            status=error.status if error else 200,
            crumbs=way,
            name=name,
            help=operation.help,
            action=way[-1].path,
            url=address.origin + way[-1].path,
            request_url=request_url,
            groups=groups,
            values=values,
            facts=told if _is_readable(told) else (),
            items=items,
            links=links,
            charts=_named(charts_of(answer or {})),
            swatches=swatches_of(answer or {}),
            answer=None if answer is None else _json(answer),
            error=error,
        )

    def facts(
        self, address: Address, way: Sequence[Crumb], description: Mapping[str, Any]
    ) -> Response:
        """A plain table."""
        return self._page("facts.html", address, crumbs=way, facts=facts(description))

    def job(
        self, address: Address, way: Sequence[Crumb], reply: Mapping[str, Any], is_active: bool
    ) -> Response:
        """How far a job is; the page asks again by itself until the job has ended."""
        told = {
            "status": reply["jobStatus"].removeprefix("esriJob"),
            "done": f"{reply['progress']['percent']} %",
            "messages": [message["description"] for message in reply["messages"]],
            **{name: reply[name] for name in ("width", "height", "extent") if name in reply},
        }
        return self._page(
            "job.html",
            address,
            crumbs=way,
            path=way[-1].path,
            facts=facts(told),
            is_active=is_active,
            href=reply.get("href", ""),
        )

    def error(self, address: Address, error: ErrorReply) -> Response:
        way = crumbs(address)
        return self._page("error.html", address, status=error.status, crumbs=way, error=error)

    def _page(self, template: str, address: Address, status: int = 200, **context: Any) -> Response:
        """Scripts and the style of the map are let in by a word that is new in each page: what
        else this server answers, a script of exportImage for example, is no script of a page."""
        nonce = secrets.token_urlsafe(16)
        text = self._environment.get_template(template).render(
            context, root=address.root, nonce=nonce, assets=assets()
        )
        return page(text, self._policy(nonce), status)

    def _policy(self, nonce: str) -> str:
        return (
            f"default-src 'none'; img-src 'self' data: blob:; connect-src 'self'; "
            f"script-src 'nonce-{nonce}'; style-src 'sha256-{self._digest}' 'nonce-{nonce}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
        )


def _named(charts: Sequence[Chart | None]) -> tuple[tuple[str, Chart], ...]:
    """By the numbers that `bandIds` gives the bands."""
    return tuple((f"Band {index}", each) for index, each in enumerate(charts) if each is not None)


def _is_readable(told: Sequence[Fact]) -> bool:
    return sum(len(value) for each in told for _, value in each.values) <= _MOST_READ


def _json(answer: Mapping[str, Any]) -> str:
    """The answer as its pretty JSON, but for signs that aren't ASCII."""
    return json.dumps(finite(answer), indent=2, ensure_ascii=False)


def _link(address: Address, name: str, *parts: str) -> Crumb:
    """By the last part of the name: the page says which folder it is of."""
    return Crumb(label=name.rpartition("/")[2], path=address.path("rest", "services", *parts))
