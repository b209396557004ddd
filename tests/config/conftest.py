"""Files of services, and what is told of their faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exportimage_wsgi.config import Config
from exportimage_wsgi.errors import ConfigError

Load = Callable[[str], Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads the text of a file."""

    def load(text: str) -> Config:
        file = tmp_path / "services.toml"
        file.write_text(text, "utf-8")
        return Config.load(file)

    return load


def faults(load: Load, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert all(fault.startswith("services.toml: ") for fault in caught.value.faults)
    return tuple(fault.removeprefix("services.toml: ") for fault in caught.value.faults)
