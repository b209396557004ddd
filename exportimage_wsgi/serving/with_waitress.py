"""waitress: one process with threads, where there is no fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from waitress.server import create_server

from ..config import Config
from ..outputs.private import remove_private_folder
from ..web.app import create_app
from . import Place, announce, exit_on_sigterm, warm


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
    try:
        with exit_on_sigterm():
            warm(app.catalog)
            prefix, names = app.settings.front.prefix, app.catalog.names()
            announce(place.host, server.effective_port, prefix, names)
            server.run()
    finally:
        app.close()
        app.outputs.leave()
        remove_private_folder()
