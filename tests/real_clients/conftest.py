"""Rasters that are served, a browser, and the clients in it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.real_clients import packages, sites
from tests.real_clients.compatibility import FAILS, WORKS, Results
from tests.real_clients.scenes import Scene, make_scenes

_FLAGS = (
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

_IN_TIME = """([how, options]) => Promise.race([client[how](options), new Promise(
    (_, reject) => setTimeout(() => reject(new Error(`${how} has not ended`)), 90_000))])"""

RESULTS = pytest.StashKey[Results]()
"""What this run found, in the order that it was tested."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == "test_compatibility.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    mark = item.get_closest_marker("client")
    if mark is not None and (report.when == "call" or report.failed):
        client, what = mark.args
        tested = item.config.stash.setdefault(RESULTS, {}).setdefault(client, {})
        if report.failed or what not in tested:
            tested[what] = FAILS if report.failed else WORKS
    return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Addresses of the same services."""

    plain: str
    """URL of the services by HTTP, below the prefix `/arcgis`."""

    secure: str
    """Behind nginx with TLS, below another prefix before that one."""

    certificate: Path
    """Of the latter: who trusts it trusts the site."""

    def url(self, service: str, secure: bool = False) -> str:
        """URL of an image service."""
        return f"{self.secure if secure else self.plain}/{service}/ImageServer"


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture(scope="session")
def scenes(scene_folder: Path) -> dict[str, Scene]:
    """What is served, by the names of the services."""
    return make_scenes(scene_folder)


@pytest.fixture(scope="session")
def site(scenes: dict[str, Scene], scene_folder: Path) -> Iterator[Site]:
    """Our server, by itself and behind nginx."""
    with (
        sites.served(scene_folder) as plain,
        sites.behind_nginx(plain, scene_folder) as (secure, certificate),
    ):
        yield Site(plain=plain, secure=secure, certificate=certificate)


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    """Where the pages of the clients in JavaScript are, another origin than the services."""
    modules = packages.clients()
    with sites.pages(packages.bundled_pages(modules)) as url:
        yield url


@pytest.fixture(scope="session")
def browser(chromium: Callable[..., Browser]) -> Iterator[Browser]:
    """Headless Chromium that draws WebGL in software."""
    started = chromium(_FLAGS)
    yield started
    started.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A page with a client in it."""

    page: Page

    requests: list[str]
    """URLs that it asked, in order; a body that was posted stands after a blank."""

    def draw(self, how: str, /, **options: Any) -> Any:
        """Call a function that the page exports, and wait until it has drawn."""
        return self.page.evaluate(_IN_TIME, [how, options])

    def picture(self, file: Path) -> Image.Image:
        """What is to be seen in the map now."""
        self.page.locator("#map").screenshot(path=file)
        return Image.open(file)

    def asked(self, word: str) -> list[str]:
        """The requests with a word in them."""
        return [request for request in self.requests if word in request]


@pytest.fixture(scope="session")
def opened(browser: Browser, origin: str) -> Iterator[Callable[[str], Client]]:
    """Opens the page of a client by its name; once, since some take seconds to start."""
    context = browser.new_context(viewport={"width": 600, "height": 450}, ignore_https_errors=True)
    context.set_default_timeout(90_000)

    @cache
    def of(name: str) -> Client:
        page, requests = context.new_page(), []
        page.on("request", lambda asked: requests.append(f"{asked.url} {asked.post_data or ''}"))
        page.on("console", lambda line: print(f"[{line.type}] {line.text}"))
        page.on("pageerror", lambda error: print(f"[error] {error}"))
        page.goto(f"{origin}/{name}.html")
        page.wait_for_function("window.client !== undefined")
        return Client(page=page, requests=requests)

    yield of
    context.close()


@pytest.fixture
def client(opened: Callable[[str], Client]) -> Callable[[str], Client]:
    """The page of a client by its name, to the front, and no request of it counted yet."""

    def to_front(name: str) -> Client:
        found = opened(name)
        found.page.bring_to_front()
        found.requests.clear()
        return found

    return to_front
