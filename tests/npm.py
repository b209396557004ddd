"""Packages of the npm registry that judge pages: installed once, beside this interpreter."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_NAMES = ("package.json", "package-lock.json")


def installed(manifest: Path) -> Path:
    """The folder `node_modules` with what the lock file in a folder names, and nothing else."""
    npm = shutil.which("npm")
    assert npm, "install npm (Debian: npm)"
    key = hashlib.sha256(b"".join((manifest / name).read_bytes() for name in _NAMES))
    folder = Path(sys.prefix) / "npm" / key.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            for name in _NAMES:
                shutil.copy(manifest / name, folder)
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            (folder / "complete").touch()
    return folder / "node_modules"
