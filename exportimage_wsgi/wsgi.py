"""The application of the file that EXPORTIMAGE_CONFIG names: `exportimage_wsgi.wsgi:application`.

For servers that start an application by its name, such as gunicorn and uWSGI.
"""

from __future__ import annotations

import os

from .errors import ConfigError
from .web.app import ImageServer, create_app

VARIABLE = "EXPORTIMAGE_CONFIG"


def configured_app() -> ImageServer:
    """The application of the file that the environment names.

    Raises:
        ConfigError: the variable isn't set, or the file has faults.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        raise ConfigError(
            (f"{VARIABLE} is not set: it must be the path of a TOML file that names the services",)
        )
    return create_app(path)


application = configured_app()
