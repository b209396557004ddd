"""Histograms on pages: drawn as they were counted, and never waited for long."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest
from werkzeug.test import Client

from exportimage_wsgi.errors import SourceError
from exportimage_wsgi.running import Runner
from exportimage_wsgi.service import ImageService
from exportimage_wsgi.web import counting
from exportimage_wsgi.web.charts import chart
from exportimage_wsgi.web.counting import Counting

SCENE = "/rest/services/Rocky/Scene/ImageServer"


def heights(path: str) -> list[float]:
    return [100 - float(top) for top in re.findall(r"V([\d.]+)h1", path)]


def test_bars_are_as_high_as_there_are_values() -> None:
    drawn = chart([1, 0, 4, 2], -0.5, 3.5)

    assert drawn is not None
    assert heights(drawn.path) == [25, 0, 100, 50]
    assert drawn.summary == "from -0.5 to 3.5, most often near 2"


def test_bars_that_cannot_be_told_apart_are_added_together() -> None:
    counts = list(range(256))
    drawn = chart(counts, 0, 256)

    assert drawn is not None
    assert drawn.width == 128
    sums = np.add.reduceat(counts, range(0, 256, 2))
    assert heights(drawn.path) == pytest.approx(100 * sums / sums.max(), abs=0.1)


@pytest.mark.parametrize("counts", [[], [0, 0, 0]])
def test_nothing_is_drawn_of_nothing(counts: list[int]) -> None:
    assert chart(counts, 0, 1) is None


def test_the_page_has_a_histogram_of_each_band(client: Client) -> None:
    page = client.get(SCENE).text

    assert [f"Histogram of Band_{n}" in page for n in (1, 2, 3)] == [True] * 3
    assert page.count('class="red"') == page.count('class="blue"') == 1


def test_a_page_does_not_wait_for_what_takes_long(
    service: ImageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, calls = threading.Event(), []

    def slow(*_: Any) -> dict[str, Any]:
        calls.append(1)
        gate.wait(30)
        return {"histograms": [{"counts": [1], "min": 0, "max": 1}]}

    monkeypatch.setattr(counting, "histograms", slow)
    counter = Counting(Runner(), patience=0.01)
    assert [counter.charts(service), counter.charts(service)] == [None, None]
    gate.set()

    assert Counting(Runner()).charts(service) is not None
    assert len(calls) == 2


def test_what_cannot_be_counted_leaves_the_page_without_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> dict[str, Any]:
        raise SourceError("a block cannot be read")

    monkeypatch.setattr(counting, "histograms", broken)
    page = client.get(SCENE)

    assert page.status_code == 200 and "<h3>Band_1</h3>" in page.text
    assert "a block cannot be read" in caplog.text


def test_a_failure_that_is_called_a_timeout_is_not_taken_for_counting_on(
    service: ImageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> dict[str, Any]:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr(counting, "histograms", broken)

    with pytest.raises(TimeoutError, match="Connection"):
        Counting(Runner()).charts(service)


def test_histograms_are_counted_once_there_are_threads_again(
    service: ImageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    counter = Counting(Runner())
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(threading.Thread, "start", none_left)
        counter.charts(service)

    assert counter.charts(service) is not None


def test_the_page_of_the_operation_draws_what_it_answers(client: Client) -> None:
    page = client.get(SCENE + "/histograms").text

    assert [f"Histogram of Band {n}" in page for n in range(4)] == [True, True, True, False]
