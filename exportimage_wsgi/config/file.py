"""The file itself: its tables, or why it has none."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..rasters import is_raster
from ..syntax import told


def tables_of(file: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        ConfigError: it cannot be read, or isn't TOML.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigError((f"{file}: {_unreadable(file, error)}",)) from error
    except UnicodeDecodeError as error:
        raise _no_toml(file, "this is not a TOML file: it is not text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(file, told(text, error)) from error
    except RecursionError as error:
        raise _no_toml(file, "its lists or tables are nested too deeply") from error


def _unreadable(file: Path, error: OSError) -> str:
    if file.exists() and (is_raster(file) or file.is_dir()):
        return _raster_instead(file)
    return str(error.strerror)


def _raster_instead(file: Path) -> str:
    kind = "raster" if is_raster(file) else "folder"
    return (
        f"this is a {kind}, not a TOML file; serve it by "
        f"`exportimage-wsgi serve {shlex.quote(str(file))}`, "
        f"or in Python as {{{file.resolve().stem!r}: {str(file)!r}}}"
    )


def _no_toml(file: Path, fault: str) -> ConfigError:
    return ConfigError((f"{file.name}: {_raster_instead(file) if is_raster(file) else fault}",))
