"""Clients from the npm registry, bundled as pages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests import npm

HERE = Path(__file__).parent
PAGES = HERE / "pages"
_PICTURES = ("png", "gif", "svg", "jpg")


def clients() -> Path:
    """The folder `node_modules` of the clients that `package-lock.json` names."""
    return npm.installed(HERE)


def bundled_pages(modules: Path) -> Path:
    """The folder of pages, bundled from `pages/*.js` with the clients that they import."""
    sources = sorted(PAGES.iterdir())
    target = modules.with_name(f"pages-{npm.digest(sources)}")
    with npm.alone(modules.parent):
        if not target.exists():
            part = target.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            _bundle([source for source in sources if source.suffix == ".js"], modules, part)
            part.rename(target)
    return target


def _bundle(sources: list[Path], modules: Path, target: Path) -> None:
    """Write a page and a script for each source."""
    loaders = [f"--loader:.{kind}=dataurl" for kind in _PICTURES]
    command = [modules / "esbuild/bin/esbuild", *sources, *loaders]
    command += ["--bundle", "--splitting", "--format=esm", "--log-level=error"]
    command += [f"--outdir={target}"]
    npm.run(list(map(str, command)), modules.parent, NODE_PATH=str(modules))
    for source in sources:
        shutil.copy(PAGES / "page.html", target / f"{source.stem}.html")
        (target / f"{source.stem}.css").touch()
    for name, place in (("arcgis", "@arcgis/core/assets"), ("maplibre", "maplibre-gl/dist")):
        (target / name).symlink_to(modules / place)


def version_of(package: str, modules: Path) -> str:
    """The version of a package that is installed."""
    return str(json.loads((modules / package / "package.json").read_text())["version"])
