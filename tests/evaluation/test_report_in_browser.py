"""The report in a real Chromium, driven over a pipe by the DevTools protocol."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation import Evaluation, evaluate_detections
from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS, SEVERITIES
from evaluation.drawing import Picture
from evaluation.report import ReportMeta, write_report
from evaluation.robustness import Robustness, measure_robustness
from evaluation.robustness_examples import Example, choose_example, condition_example

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
TIMEOUT = 60.0


class Browser:
    """A headless browser with one page; keeps every event that the page reports."""

    def __init__(self, executable: str, profile: Path) -> None:
        to_browser, self._in = os.pipe()
        self._out, from_browser = os.pipe()
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_browser, from_browser)]

        def connect() -> None:  # the protocol's pipe is fixed to descriptors 3 and 4
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self._process = subprocess.Popen(
            [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (to_browser, from_browser, *ends):
            os.close(fd)
        self._buffer, self._number, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._in, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(method)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, path: Path, width: int, dark: bool = False) -> None:
        """Load a file at a window width and wait for all of it."""
        self.events.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self.call("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self._receive("the load event")

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def seen(self, method: str) -> list[dict[str, Any]]:
        return [e["params"] for e in self.events if e.get("method") == method]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._in)
        os.close(self._out)

    def _receive(self, awaited: str) -> dict[str, Any]:
        end = time.monotonic() + TIMEOUT
        while b"\0" not in self._buffer:
            ready, *_ = select.select([self._out], [], [], max(end - time.monotonic(), 0))
            assert ready, f"no answer of the browser to {awaited} within {TIMEOUT} s"
            part = os.read(self._out, 1 << 20)
            assert part, f"the browser ended while {awaited} was awaited"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    executable = next((found for name in NAMES if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    browser = Browser(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory, street) -> dict[str, Path]:
    """A report of one run, one that compares three, and one with every distortion."""
    folder = tmp_path_factory.mktemp("report")
    meta = ReportMeta("SSD300", "street", drawn=True, facts={"split": "3f9a2c71"}, skipped=2)
    kept = {"ssd300": 1, "faster_rcnn": 2, "transvod_lite": 3}
    results = {name: street.results[::step] for name, step in kept.items()}
    scores = {name: evaluate_detections(street.truth, r) for name, r in results.items()}
    pages = {}
    for page, names in (("one", ["ssd300"]), ("three", list(kept))):
        pages[page] = folder / f"{page}.html"
        write_report(
            pages[page],
            {name: scores[name] for name in names},
            street.truth,
            street.pictures.__getitem__,
            meta,
        )
    pages["distorted"] = folder / "distorted.html"
    one = {"ssd300": scores["ssd300"]}
    picture = street.pictures.__getitem__
    distorted = every_distortion(scores["ssd300"], picture)
    write_report(pages["distorted"], one, street.truth, picture, meta, *distorted)
    return pages


def every_distortion(
    evaluation: Evaluation, picture: Callable[[int], Picture]
) -> tuple[Robustness, list[Example]]:
    """The same scores and the same picture under every name, which is enough to look at."""
    names = ["clean", *(f"jpeg_q{q}" for q in range(10, 100, 10))]
    names += [f"{kind}_{s}" for kind in (*BENCHMARK_KINDS, *EXTRA_KINDS) for s in SEVERITIES]
    sizes = {name: place / 10 for place, name in enumerate(names[:10])}
    robustness = measure_robustness(dict.fromkeys(names, evaluation.scalars()), sizes)
    image_id = choose_example(evaluation)
    shown = picture(image_id)
    return robustness, [condition_example(name, evaluation, image_id, shown) for name in names]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("page", ["one", "three", "distorted"])
def test_page_is_whole_quiet_and_fits(browser, pages, page, width, dark):
    browser.open(pages[page], width, dark)

    wrong = [
        e for e in browser.seen("Runtime.consoleAPICalled") if e["type"] in ("error", "warning")
    ]
    assert wrong == []
    assert browser.seen("Runtime.exceptionThrown") == []
    assert browser.seen("Log.entryAdded") == []

    images = browser.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth, i.alt])")
    assert len(images) >= 10
    assert all(complete and wide > 0 and alt for complete, wide, alt in images)

    urls = [e["request"]["url"] for e in browser.seen("Network.requestWillBeSent")]
    assert pages[page].as_uri() in urls
    assert [u for u in urls if u != pages[page].as_uri() and not u.startswith("data:")] == []
    loaded = browser.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    assert [u for u in loaded if not u.startswith("data:")] == []

    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("document.body.innerText").startswith("drawn data")
    paper = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(v) for v in paper[4:-1].split(",")) < 200) is dark


def test_what_is_wider_than_a_phone_scrolls_in_its_own_container(browser, pages):
    browser.open(pages["three"], 390)
    inside = browser.evaluate(
        "[...document.querySelectorAll('table')]"
        ".filter(t => t.getBoundingClientRect().right > innerWidth)"
        ".map(t => getComputedStyle(t.parentElement).overflowX)"
    )
    assert inside
    assert set(inside) == {"auto"}
