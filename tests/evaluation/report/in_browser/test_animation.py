"""Clips of videos in a real Chromium: they move, stop, and respect who wants no motion."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from evaluation import evaluate_detections
from evaluation.report.page import ReportMeta, write_report

pytestmark = pytest.mark.browser

# For each clip and run, the places of the frames that are visible in the reel.
VISIBLE = """[...document.querySelectorAll('.reel')].map(reel => [...reel.children]
  .map((frame, place) => getComputedStyle(frame).visibility === 'visible' ? place : -1)
  .filter(place => place >= 0))"""
STATE = "[...document.querySelectorAll('.clip')].map(clip => clip.querySelector('input').value)"


@pytest.fixture(scope="module")
def page(tmp_path_factory, film) -> Path:
    """Two runs on four videos and a still."""
    truth, results = film(3)
    rng = np.random.default_rng(0)
    shown = {i["id"]: rng.integers(0, 255, (3, 4, 3), dtype=np.uint8) for i in truth["images"]}
    pictures = {i: np.kron(p, np.ones((120, 160, 1), dtype=np.uint8)) for i, p in shown.items()}
    runs = {"transvod_lite": results, "ssd300": results[::2]}
    scores = {name: evaluate_detections(truth, found) for name, found in runs.items()}
    path = tmp_path_factory.mktemp("clips") / "report.html"
    meta = ReportMeta("2 runs", "films", drawn=True)
    write_report(path, scores, truth, pictures.__getitem__, meta)
    return path


def press(browser, key: str, selector: str) -> None:
    browser.evaluate(f"document.querySelector('{selector}').focus()")
    text = {"text": key} if key == " " else {}
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **text,
                     windowsVirtualKeyCode={" ": 32, "ArrowRight": 39, "End": 35}[key])  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
def test_clips_fit_the_window_without_complaint_or_request(browser, page, width):
    browser.open(page, width)
    assert browser.complaints() == []
    assert browser.fetched() == [page.as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(
        "[...document.querySelectorAll('.reel img')].every(i => i.naturalWidth > 0 && i.alt)"
    )


def test_frames_follow_each_other_and_the_runs_keep_step(browser, page):
    browser.open(page, 1280)
    seen = []
    for _ in range(6):
        frames = browser.evaluate(VISIBLE)
        assert all(len(reel) == 1 for reel in frames)
        assert frames[::2] == frames[1::2]  # one run beside the other
        seen.append(frames[0][0])
        time.sleep(0.15)
    assert len(set(seen)) >= 3


def test_a_clip_stops_and_steps_by_keys(browser, page):
    browser.open(page, 1280)
    press(browser, " ", ".clip input")
    assert browser.evaluate("document.querySelector('.clip button').textContent") == "Play"
    press(browser, "End", ".clip input")
    last = int(browser.evaluate(STATE)[0])
    assert browser.evaluate(VISIBLE)[:2] == [[last], [last]]
    press(browser, " ", ".clip input")
    time.sleep(0.35)
    assert browser.evaluate(VISIBLE)[0][0] < last  # begins anew after the last frame
    press(browser, "ArrowRight", ".clip input")
    stopped = browser.evaluate(VISIBLE)[0]
    time.sleep(0.3)
    assert browser.evaluate(VISIBLE)[0] == stopped
    tally = browser.evaluate("document.querySelector('.now').textContent")
    assert tally == browser.evaluate(f"document.querySelector('.reel').children[{stopped[0]}].alt")


def test_nothing_moves_by_itself_where_less_motion_is_wanted(browser, page):
    browser.open(page, 1280, still=True)
    first = browser.evaluate(VISIBLE)
    time.sleep(0.4)
    assert browser.evaluate(VISIBLE) == first
    browser.evaluate("document.querySelector('.clip button').click()")
    time.sleep(0.4)
    assert browser.evaluate(VISIBLE)[0] != first[0]  # it was asked for


def test_without_scripts_the_style_sheet_plays(browser, page):
    browser.open(page, 1280, scripts=False)
    seen = []
    for _ in range(6):
        frames = browser.evaluate(VISIBLE)
        assert all(frames)
        seen.append(frames[0][-1])
        time.sleep(0.15)
    assert len(set(seen)) >= 3
    assert browser.evaluate("getComputedStyle(document.querySelector('.player')).display") == "none"


def test_without_scripts_and_motion_the_frames_lie_side_by_side(browser, page):
    browser.open(page, 390, still=True, scripts=False)
    frames = browser.evaluate(VISIBLE)
    time.sleep(0.3)
    assert browser.evaluate(VISIBLE) == frames
    assert all(reel == list(range(len(reel))) and len(reel) > 1 for reel in frames)
    reel = "document.querySelector('.reel')"
    assert browser.evaluate(f"getComputedStyle({reel}).overflowX") == "auto"
    assert browser.evaluate(f"{reel}.scrollWidth > 5 * {reel}.clientWidth")
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
