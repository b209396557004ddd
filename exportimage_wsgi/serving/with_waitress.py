"""waitress: one process with threads, where there is no fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waitress.server import create_server

from ..config import Config
from ..web.app import create_app
from . import Place, announce, warm


def serve_threads(load: Callable[[], Config], place: Place) -> None:
    """Serve until the process is interrupted; see `serve`."""
    app = create_app(load(), place.prefix)
    # Whose headers are believed is said in the configuration, and judged by the application.
    server: Any = create_server(  # type: ignore[no-untyped-call]
        app,
        host=place.host,
        port=place.port,
        threads=place.threads,
        clear_untrusted_proxy_headers=False,
        ident="",
    )
    warm(app.catalog)
    announce(place.host, server.effective_port, app.settings.front.prefix, app.catalog.names())
    server.run()
