"""The compatibility table of the README, made from what the tests found.

    python -m tests.real_clients.compatibility

takes over what the last run found into `compatibility.json`, and that into the README.
"""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.real_clients import packages

HERE = Path(__file__).parent
FILE = HERE / "compatibility.json"
README = HERE.parents[1] / "README.md"
FOUND = "compatibility/found"
"""Where pytest's cache keeps what a run found."""

BEGIN, END = "<!-- what tests/real_clients found -->\n", "<!-- end -->\n"
WORKS, FAILS = "works", "fails"

Results = dict[str, dict[str, str]]
"""By client and what was tested: `works` or `fails`."""

PACKAGES = {
    "ArcGIS Maps SDK for JavaScript": "@arcgis/core",
    "OpenLayers": "ol",
    "OpenLayers 7": "ol7",
    "esri-leaflet": "esri-leaflet",
    "MapLibre GL JS": "maplibre-gl",
}
"""Clients that `package.json` pins."""

_PROGRAMS = {
    "GDAL": ["gdalinfo", "--version"],
    "QGIS": ["/usr/bin/python3", "-c", "from qgis.core import Qgis; print(Qgis.version())"],
}
_OTHERS = ("rasterio", "seamless-3dep")


def versions() -> dict[str, str]:
    """The version of each client that is here; those without one are left out."""
    modules = packages.clients()
    return (
        {name: packages.version_of(package, modules) for name, package in PACKAGES.items()}
        | {name: _said(command) for name, command in _PROGRAMS.items()}
        | {name: version(name) for name in _OTHERS}
    )


def _said(command: list[str]) -> str:
    """`GDAL 3.6.2, released …` → `3.6.2`; `3.22.16-Białowieża` → `3.22.16`."""
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return words.removeprefix("GDAL ").split(",")[0].split("-")[0].strip()


def table(rows: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = ["| client | version | tested | result |", "|---|---|---|---|"]
    for row in rows:
        bad = [what for what, result in row["tested"].items() if result != WORKS]
        result = f"fails: {'; '.join(bad)}" if bad else WORKS
        cells = row["client"], row["version"] or "–", "; ".join(row["tested"]), result
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def committed() -> list[dict[str, Any]]:
    """The rows of the file."""
    return list(json.loads(FILE.read_text("utf-8")))


def in_readme() -> str:
    """The table as it stands in the README."""
    return README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]


def take_over(found: Results, known: dict[str, str]) -> None:
    """Write what was found, with the versions, into the file and the README."""
    rows = [
        {"client": client, "version": known.get(client, ""), "tested": tested}
        for client, tested in found.items()
    ]
    FILE.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}{table(rows)}{END}{after}", "utf-8")


if __name__ == "__main__":
    kept = HERE.parents[1] / ".pytest_cache" / "v" / FOUND
    take_over(json.loads(kept.read_text("utf-8")), versions())
