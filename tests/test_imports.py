"""Imports go one way, from outside to inside; rooms of one level do not know each other.

The imports are read, not run: those inside functions and for type checkers count, too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import exportimage_wsgi

PACKAGE = "exportimage_wsgi"
ROOT = Path(exportimage_wsgi.__file__).parent

LEVELS = (
    {"errors", "words", "compiled", "tuning", "woven"},
    {"pixels", "rasters", "syntax"},
    {"geo"},
    {"esri", "imagery", "encode"},
    {"mosaics"},
    {"settings"},
    {"service", "running"},
    {"operations", "cluster"},
    {"outputs", "jobs"},
    {"config"},
    {"catalog"},
    {"web", "checking"},
    {"serving", "wsgi"},
    {"cli"},
    {"__main__"},
)
"""From the inside out: a room may import what stands before it, and itself."""

UNAWARE = {"jobs", "outputs", "running", "rasters"}
"""Rooms that take what they work on as values: they know errors and words alone."""


def modules() -> dict[str, Path]:
    """Every module and package below the package, by its dotted name."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"]
    return {_dotted(path): path for path in paths}


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((PACKAGE, *(part for part in parts if part != "__init__")))


def imported(name: str, path: Path) -> Iterator[str]:
    """What a module imports, as absolute names."""
    return named(name, path, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported_first(name: str, path: Path) -> Iterator[str]:
    """What a module imports as soon as it is imported itself."""
    return named(name, path, ast.parse(path.read_text(encoding="utf-8")).body)


def named(name: str, path: Path, nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The absolute names in those nodes that are imports."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def within(names: Iterator[str]) -> Iterator[str]:
    """The modules of the package that the names are, or are a part of."""
    known = modules()
    for name in names:
        owner = next((n for n in (name, name.rpartition(".")[0]) if n in known), None)
        if owner is not None:
            yield owner


def room(name: str) -> str:
    """The part below the package, or `__init__` for the package's own names."""
    first = name.split(".")[1]
    return first if (ROOT / first).is_dir() or (ROOT / f"{first}.py").exists() else "__init__"


def links() -> Iterator[tuple[str, str, str]]:
    """Module, its room, and another room that it imports from."""
    for name, path in modules().items():
        for origin in imported(name, path):
            if origin.startswith(f"{PACKAGE}.") and room(origin) != room(name):
                yield name, room(name), room(origin)


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def test_every_room_has_its_level() -> None:
    assert {room(name) for name in modules()} == set().union(*LEVELS)


def test_imports_go_inwards() -> None:
    between = [link for link in links() if "__init__" not in link]
    backwards = [link for link in between if level(link[2]) >= level(link[1])]

    assert len(between) > 50
    assert backwards == []


def test_modules_do_not_import_each_other_in_circles() -> None:
    known = modules()
    graph = {name: set(within(imported_first(name, path))) for name, path in known.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize("unaware", sorted(UNAWARE))
def test_rooms_that_are_handed_all_they_work_on_know_errors_and_words_alone(unaware: str) -> None:
    assert {inner for _, outer, inner in links() if outer == unaware} <= {"errors", "words"}


@pytest.mark.parametrize("library", ["werkzeug", "jinja2"])
def test_only_the_web_knows_http_and_pages(library: str) -> None:
    users = {
        room(name)
        for name, path in modules().items()
        if any(origin.partition(".")[0] == library for origin in imported(name, path))
    }

    assert users == {"web"}


def test_importing_the_package_loads_no_library() -> None:
    code = f"import sys, {PACKAGE}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    heavy = {"numpy", "numba", "rasterio", "xarray", "dask", "pydantic", "werkzeug", "click"}
    assert not heavy & set(loaded.stdout.decode().split())
