"""Pages in a real browser: accessible, of valid HTML, and what their scripts do.

Under a mount and a prefix, by pointer and keyboard, with and without scripts.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Response

from tests.npm import installed
from tests.web.scene import BOX, colours_at, serving, write_rasters

JUDGES = Path(__file__).parent / "judges"
COLOURS, HEIGHTS = "/rest/services/Scenes/colours/ImageServer", "/rest/services/heights/ImageServer"
SMALL = "/rest/services/Scenes/small/ImageServer"
MOSAIC = "/rest/services/mosaic/ImageServer"
FORM = COLOURS + "/exportImage"
SHOWN = "bbox=455000,5552000,470000,5562000&size=300,200"
PAGES = {
    "directory": "/rest/services",
    "folder": "/rest/services/Scenes",
    "server": "/rest/info",
    "service": COLOURS,
    "heights": HEIGHTS,
    "form": FORM,
    "form with its picture": f"{FORM}?{SHOWN}&format=tiff&pixelType=F32",
    "form with an error": f"{FORM}?bbox=1,2,3",
    "operation": HEIGHTS + "/identify",
    "operation with an answer": HEIGHTS + "/identify?geometry=0,20",
    "operation with an error": HEIGHTS + "/identify?geometry=0",
    "histograms": COLOURS + "/histograms",
    "mosaic": MOSAIC,
    "items": MOSAIC + "/query?where=1=1&outFields=*",
    "item": MOSAIC + "/1",
    "error": "/rest/services/nothing",
}
FAULTY = ("form with an error", "operation with an error", "error")
SCREENS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(write_rasters(tmp_path_factory.mktemp("scene"))) as url:
        yield url


@pytest.fixture(scope="module")
def browser(chromium: Callable[..., Browser]) -> Iterator[Browser]:
    started = chromium(FLAGS)
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@dataclass
class Trouble:
    """What a page complains of, and what it asked of other servers."""

    site: str
    seen: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.seen.append(f"script: {error}"))
        page.on("requestfailed", lambda r: self.seen.append(f"failed: {r.url} {r.failure}"))
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.seen.append(f"console: {message.text}")

    def _answered(self, response: Response) -> None:
        is_own = response.url.startswith((self.site, "data:", "blob:"))
        if not is_own or (response.status >= 400 and not response.request.is_navigation_request()):
            self.seen.append(f"{response.status} {response.url}")


def until(page: Page, condition: str) -> None:
    """Wait for a condition; the policy of the pages forbids the browser to poll it as text."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {condition}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_on_every_screen(page: Page, site: str, name: str) -> None:
    axe = (installed(JUDGES) / "axe-core" / "axe.min.js").read_text("utf-8")
    page.goto(site + PAGES[name])
    page.wait_for_load_state("networkidle")
    page.evaluate(axe)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = {}
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found[width, scheme] = faults(page)

    assert found == {screen: [] for screen in SCREENS}


def faults(page: Page) -> list[str]:
    """What axe finds, and whether the page is wider than its screen."""
    result = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    told = [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary']}"
        for each in result["violations"]
        for node in each["nodes"]
    ]
    across = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return told + (["wider than the screen"] if page.evaluate(across) else [])


@pytest.mark.parametrize("name", [name for name in PAGES if name not in FAULTY])
def test_a_page_asks_nobody_else_and_complains_of_nothing(page: Page, site: str, name: str) -> None:
    trouble = Trouble(site)
    trouble.watch(page)
    page.goto(site + PAGES[name])
    page.wait_for_load_state("networkidle")

    assert trouble.seen == []


@pytest.mark.parametrize("path", [FORM, MOSAIC + "/query"])
def test_the_fields_of_a_form_stand_level(page: Page, site: str, path: str) -> None:
    page.goto(site + path)
    heights = "[...document.querySelectorAll('.fields label')].map((each) => each.offsetHeight)"

    assert len(set(page.evaluate(heights)) - {0}) == 1


def test_pages_are_valid_html(page: Page, site: str, tmp_path: Path) -> None:
    for name, path in PAGES.items():
        reply = page.request.get(site + path)
        (tmp_path / f"{name.replace(' ', '-')}.html").write_text(reply.text(), "utf-8")
    program = installed(JUDGES) / "html-validate" / "bin" / "html-validate.mjs"
    told = tmp_path / "told.json"
    command = ["node", str(program), "--formatter", f"json={told}", "--config"]
    command += [str(JUDGES / "htmlvalidate.json"), *map(str, sorted(tmp_path.glob("*.html")))]
    subprocess.run(command, capture_output=True, cwd=tmp_path)

    assert [
        f"{Path(file['filePath']).stem}:{fault['line']} {fault['ruleId']}: {fault['message']}"
        for file in json.loads(told.read_text())
        for fault in file["messages"]
    ] == []


# --- the map ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [COLOURS, FORM, SMALL])
def test_the_map_shows_the_raster_in_its_place(page: Page, site: str, path: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(site + path)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('.box').forEach((box) => box.remove())")

    assert colour_error(page) < 6


def test_the_map_shows_it_when_it_was_moved_by_keys(page: Page, site: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(site + COLOURS)
    page.focus(".map-view")
    for key in ("+", "+", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_load_state("networkidle")
    until(page, "!document.querySelector('.leaflet-tile:not(.leaflet-tile-loaded)')")

    assert page.evaluate("exportimage.map.getZoom()") == 2
    assert page.evaluate("exportimage.map.getCenter().lng") > (BOX[0] + BOX[2]) / 2
    page.evaluate("document.activeElement.blur()")
    assert colour_error(page) < 6


def colour_error(page: Page) -> float:
    """The largest difference of the map's pixels from the raster's function, on a lattice of
    places that lie well inside; of JPEG, so not nothing."""
    view = page.locator(".map-view")
    box = view.bounding_box()
    assert box is not None
    seen = np.asarray(Image.open(io.BytesIO(view.screenshot())).convert("RGB")).astype(float)
    offsets = [(x, y) for x in range(60, int(box["width"]) - 9, 40) for y in range(9, 260, 25)]
    places = page.evaluate(
        "(all) => all.map((p) => exportimage.map.containerPointToLatLng(p))"
        ".map(({ lng, lat }) => [lng, lat])",
        [(x - 0.5, y - 0.5) for x, y in offsets],
    )
    inside = [
        (offset, place)
        for offset, place in zip(offsets, places, strict=True)
        if BOX[0] + 200 < place[0] < BOX[2] - 200 and BOX[1] + 200 < place[1] < BOX[3] - 200
    ]
    assert len(inside) > 30
    pixels = np.array([seen[y, x] for (x, y), _ in inside])
    wanted = colours_at(*np.array([place for _, place in inside]).T)
    return float(np.abs(pixels - wanted).max())


def test_the_map_tells_values_to_the_keyboard(page: Page, site: str) -> None:
    page.goto(site + HEIGHTS)
    page.focus(".map-view")
    page.keyboard.press("Enter")
    line = page.locator("figure.map output", has_text="value")
    line.wait_for()
    value = float(re.findall(r"value ([\d.]+)", line.inner_text())[0])

    assert value == pytest.approx(100 + 2 * 100 + 150, abs=3)


def test_tab_walks_through_a_page_from_top_to_bottom(page: Page, site: str) -> None:
    page.goto(site + COLOURS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))

    assert all(each["visible"] for each in seen), seen
    assert [each["top"] for each in seen[3:]] == sorted(each["top"] for each in seen[3:])
    assert any("map-view" in each["kind"] for each in seen)


FOCUSED = """(() => {
  const each = document.activeElement, style = getComputedStyle(each);
  return {
    kind: each.className + each.tagName, top: each.getBoundingClientRect().top + scrollY,
    visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
})()"""


def test_the_page_of_a_mosaic_leads_to_its_rasters(page: Page, site: str) -> None:
    page.goto(site + MOSAIC)
    page.get_by_role("link", name="List the rasters").click()

    assert page.locator("tbody tr").count() == 2
    assert "tile1" in page.locator("tbody").inner_text()


# --- the form -----------------------------------------------------------------------------------


def test_the_form_draws_what_is_filled_in(page: Page, site: str) -> None:
    page.goto(f"{site}{FORM}?{SHOWN}")
    page.fill("#size", "120,80")
    until(page, "document.getElementById('picture').naturalWidth === 120")
    address = page.input_value("#url")

    assert address == f"{site}{FORM}?bbox=455000,5552000,470000,5562000&size=120,80&f=image"
    with urlopen(address) as reply:
        assert Image.open(reply).size == (120, 80)
    assert "5562000" in page.locator("#drawn-facts").inner_text()


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_the_form_tells_an_error_in_words_and_forgets_it(
    page: Page, site: str, format: str
) -> None:
    page.goto(f"{site}{FORM}?{SHOWN}&format={format}")
    page.fill("#size", "0,80")
    problem = page.locator("#live-problem")
    problem.wait_for()

    assert "width" in problem.inner_text() and "size=0,80" in problem.inner_text()
    page.fill("#size", "10,10")
    problem.wait_for(state="hidden")


def test_a_picture_that_was_not_awaited_does_not_stay_dim(page: Page, site: str) -> None:
    page.goto(f"{site}{FORM}?{SHOWN}")
    page.route("**/exportImage?*f=image*", lambda _: None)
    page.fill("#size", "50,50")
    page.locator("figure.drawn[aria-busy]").wait_for()
    page.fill("#size", "9000,4000")

    page.locator("#picture-note", has_text="by the button").wait_for()
    assert page.locator("figure.drawn").get_attribute("aria-busy") is None


def test_values_are_previewed_as_a_picture(page: Page, site: str) -> None:
    page.goto(f"{site}{FORM}?{SHOWN}")
    page.select_option("#format", "tiff")
    note = page.locator("#picture-note", has_text="image/tiff")
    note.wait_for()

    assert "A preview" in note.inner_text()
    assert "format=tiff" in page.input_value("#url")


def test_a_box_is_drawn_on_the_map(page: Page, site: str) -> None:
    page.goto(site + FORM)
    page.get_by_role("button", name="Draw a box").click()
    corners = [(455_000, 5_565_000), (470_000, 5_555_000)]
    at = [page.evaluate(POINT, corner) for corner in corners]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=3)
    page.mouse.up()
    sides = [float(side) for side in page.input_value("#bbox").split(",")]

    assert sides == pytest.approx([455_000, 5_555_000, 470_000, 5_565_000], abs=150)
    assert page.input_value("#bboxSR") == "32633"


POINT = """([x, y]) => {
  const { map } = exportimage, view = map.getContainer().getBoundingClientRect();
  const point = map.latLngToContainerPoint([y, x]);
  return [view.left + point.x, view.top + point.y];
}"""


def test_drawing_a_box_is_given_up_by_escape(page: Page, site: str) -> None:
    page.goto(site + FORM)
    before = page.input_value("#bbox")
    draw = page.get_by_role("button", name="Draw a box")
    draw.click()
    pressed = draw.get_attribute("aria-pressed")
    page.keyboard.press("Escape")

    assert (pressed, draw.get_attribute("aria-pressed")) == ("true", "false")
    assert page.input_value("#bbox") == before


def test_a_box_is_taken_from_the_map_by_keyboard(page: Page, site: str) -> None:
    page.goto(site + FORM)
    page.focus(".map-view")
    page.keyboard.press("+")
    until(page, "exportimage.map.getZoom() === 1")
    page.get_by_role("button", name="Take what the map shows").press("Enter")
    west, south, east, north = (float(side) for side in page.input_value("#bbox").split(","))

    assert east - west == pytest.approx(page.evaluate(WIDTH), rel=1e-6)
    assert south < (BOX[1] + BOX[3]) / 2 < north


WIDTH = "(({ map }) => map.getBounds().getEast() - map.getBounds().getWest())(exportimage)"


def test_an_operation_shows_the_address_that_is_filled_in(page: Page, site: str) -> None:
    page.goto(site + HEIGHTS + "/identify")
    page.fill("#geometry", "0,20")
    page.get_by_role("button", name="Copy").click()
    copied = page.evaluate("navigator.clipboard.readText()")

    with urlopen(copied) as reply:
        assert float(json.load(reply)["value"]) == pytest.approx(100 + 2 * 100 + 200, abs=3)


# --- without scripts ----------------------------------------------------------------------------


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page where scripts don't run."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_without_scripts_the_service_has_its_picture(plain: Page, site: str) -> None:
    plain.goto(site + COLOURS)
    picture = Image.open(io.BytesIO(plain.locator("figure.map img").screenshot())).convert("RGB")

    width, height = picture.size
    middle = picture.getpixel((width // 2, height // 2))
    assert middle == pytest.approx((120, 120, 90), abs=8)
    assert plain.get_by_role("button", name="Copy").count() == 0


def test_without_scripts_the_form_is_sent(plain: Page, site: str) -> None:
    plain.goto(site + FORM)
    plain.fill("#size", "90,60")
    plain.get_by_role("button", name="Export Image (POST)").click()

    assert plain.locator("#picture").bounding_box()["width"] == pytest.approx(92, abs=3)  # type: ignore[index]
    assert "90" in plain.locator("#drawn-facts").inner_text()


def test_without_scripts_an_operation_answers_below_its_form(plain: Page, site: str) -> None:
    plain.goto(site + HEIGHTS + "/identify")
    plain.fill("#geometry", "0,20")
    plain.get_by_role("button", name="Ask (GET)").click()

    told: Any = plain.locator("section.result").inner_text()
    assert "Value" in told and "500" in told
