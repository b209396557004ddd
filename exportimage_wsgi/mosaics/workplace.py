"""Where an index is made: what was found in rasters is written down on the way to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import SourceError
from .describing import Known, key_of
from .items import Description, MosaicItem
from .keeping import KeepingError, description_of, told

_SECONDS_BETWEEN_WRITES = 1.0


def known_parts(folder: Path, manner: str) -> dict[tuple[str, str], Description]:
    """Of runs that were broken off. Their last line may be cut."""
    known = {}
    for part in sorted(folder.glob(f"{manner}-*.jsonl")):
        with part.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    source, version, said = json.loads(line)
                    known[source, version] = description_of(said)
                except (ValueError, TypeError, KeepingError):
                    continue
    return known


class Parts:
    """Writes down what was found in each raster, about once a second."""

    def __init__(self, folder: Path, manner: str) -> None:
        self._path = folder / f"{manner}-{time.time_ns()}.jsonl"
        self._file: IO[str] | None = None
        self._written = time.monotonic()
        self.count = 0

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def keep(self, item: MosaicItem, known: Known) -> None:
        """Write the item down, if it was opened for this."""
        key = key_of(item.found, item.version)
        if item.found.known is not None or key in known:
            return
        self.count += 1
        if not item.version:
            return
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8")
        json.dump([*key, told(item.description)], self._file)
        self._file.write("\n")
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self._file.flush()
            self._written = time.monotonic()


@contextmanager
def workplace(path: str) -> Iterator[Path]:
    """The folder of what is kept on the way, which one process has for itself.

    Raises:
        SourceError: another process has it.
        OSError: it cannot be made.
    """
    folder = Path(f"{path}.parts")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        if not (_locked(lock) and folder.exists()):
            raise SourceError(f"another process is making {os.path.basename(path)}")
        yield folder


def _locked(file: IO[str]) -> bool:
    """Is the file this process's now? It is given back when the file is closed."""
    try:
        if os.name == "nt":
            import msvcrt

            lock: Any = msvcrt
            lock.locking(file.fileno(), lock.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
