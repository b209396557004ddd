"""Clients from the npm registry, installed once beside this interpreter, and bundled as pages."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PAGES = HERE / "pages"
_PICTURES = ("png", "gif", "svg", "jpg")


def client_folder() -> Path:
    """The folder that holds `node_modules`; what `package-lock.json` names is installed into it."""
    npm = shutil.which("npm")
    assert npm, "install npm (Debian: npm) for the clients in JavaScript"
    names = ("package.json", "package-lock.json")
    key = _key([HERE / name for name in names])
    folder = Path(sys.prefix) / "real-clients" / key
    with _alone(folder):
        if not (folder / "complete").exists():
            for name in names:
                shutil.copy(HERE / name, folder)
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
            (folder / "complete").touch()
    return folder


def bundled_pages(folder: Path) -> Path:
    """The folder of pages, bundled from `pages/*.js` with the clients that they import."""
    sources = sorted(PAGES.iterdir())
    target = folder / f"pages-{_key(sources)}"
    with _alone(folder):
        if not target.exists():
            part = target.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _bundle([source for source in sources if source.suffix == ".js"], folder, part)
            part.rename(target)
    return target


def _bundle(sources: list[Path], folder: Path, target: Path) -> None:
    """Write a page and a script for each source."""
    loaders = [f"--loader:.{kind}=dataurl" for kind in _PICTURES]
    command = [folder / "node_modules/esbuild/bin/esbuild", *sources, *loaders]
    command += ["--bundle", "--splitting", "--format=esm", "--log-level=error"]
    command += [f"--outdir={target}"]
    _run(list(map(str, command)), folder, NODE_PATH=str(folder / "node_modules"))
    for source in sources:
        shutil.copy(PAGES / "page.html", target / f"{source.stem}.html")
        (target / f"{source.stem}.css").touch()
    for name, place in (("arcgis", "@arcgis/core/assets"), ("maplibre", "maplibre-gl/dist")):
        (target / name).symlink_to(folder / "node_modules" / place)


def version_of(package: str, folder: Path) -> str:
    """The version of a package that is installed."""
    said = (folder / "node_modules" / package / "package.json").read_text()
    return str(json.loads(said)["version"])


def _run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command[:2]}: {done.stdout[-2000:]} {done.stderr[-4000:]}"


def _key(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of several runs one works in the folder at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
