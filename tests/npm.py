"""Packages of the npm registry, installed once beside this interpreter; runs take turns."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def installed(manifest: Path) -> Path:
    """The folder `node_modules` with what the lock file in a folder names, and nothing else."""
    npm = shutil.which("npm")
    assert npm, "install npm (Debian: npm)"
    files = [manifest / name for name in ("package.json", "package-lock.json")]
    folder = Path(sys.prefix) / "npm" / digest(files)
    with alone(folder):
        if not (folder / "complete").exists():
            for file in files:
                shutil.copy(file, folder)
            run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
            (folder / "complete").touch()
    return folder / "node_modules"


def digest(files: Iterable[Path]) -> str:
    """Of the names of files and of what is in them."""
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()[:16]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Of several runs one works in the folder at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: list[str], folder: Path, **environment: str) -> None:
    """Run a program in a folder and see that it succeeds."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command[:2]}: {done.stdout[-2000:]} {done.stderr[-4000:]}"
