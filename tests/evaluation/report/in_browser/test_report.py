"""The report in a real Chromium: whole, quiet, and as wide as the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import Evaluation, evaluate_detections
from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS, SEVERITIES
from evaluation.drawing import Picture
from evaluation.report.page import ReportMeta, write_report
from evaluation.report.robustness_examples import Example, choose_example, condition_example
from evaluation.robustness import Robustness, measure_robustness

pytestmark = pytest.mark.browser


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
    assert browser.complaints() == []

    images = browser.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth, i.alt])")
    assert len(images) >= 10
    assert all(complete and wide > 0 and alt for complete, wide, alt in images)

    assert browser.fetched() == [pages[page].as_uri()]

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
