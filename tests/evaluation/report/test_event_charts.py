"""The section on events: curves, timelines and what its page says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from evaluation.events.evaluation import evaluate_events
from evaluation.events.found_events import FoundEvent
from evaluation.events.observations import Observations
from evaluation.events.true_events import TrueEvent
from evaluation.report.event_charts import events_section, froc_chart
from evaluation.report.event_timelines import MOST, event_timelines
from evaluation.report.page import percent, two_places

BOX = np.array([0.0, 0, 40, 100])


def span(start, frames):
    return 24.0 * (start + np.arange(frames))


def true_event(name, video, start, frames, **fields):
    times = span(start, frames)
    boxes = np.tile(BOX, (frames, 1))
    return TrueEvent(name, video, times[0], times[-1], times, boxes, **fields)


def found_event(video, number, start, frames, score=0.8, x=0.0):
    boxes = np.tile(BOX + np.array([x, 0, x, 0]), (frames, 1))
    return FoundEvent(video, number, span(start, frames), boxes, np.full(frames, score), 3)


def observed(videos=2, frames=150):
    valid = np.ones(videos * frames, dtype=bool)
    valid[10:12] = False
    return Observations(
        names=tuple(f"SOL<{video}>" for video in range(videos)),
        video=np.repeat(np.arange(videos), frames),
        time=np.tile(24.0 * np.arange(frames), videos),
        valid=valid,
        area=np.full(videos, 4e4),
    )


TRUTH = [
    true_event("sjh_a", 0, 10, 20),
    true_event("sjh_b", 0, 20, 20),
    true_event("sjh_c", 1, 50, 10, ignored=True),
]
GOOD = [
    found_event(0, 1, 11, 18),
    found_event(0, 2, 22, 15, 0.7),
    found_event(1, 1, 52, 6, 0.9),
    found_event(1, 2, 90, 6, 0.6, x=300),
]


def evaluation(found=GOOD, truth=TRUTH, observations=None, **options):
    options = {"complete": True, "threshold": 0.5, "tolerance": 0.0, **options}
    return evaluate_events(truth, found, observations or observed(), **options)


def page(runs) -> str:
    environment = Environment(
        loader=PackageLoader("evaluation.report", "."),
        autoescape=select_autoescape(enabled_extensions=("jinja",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "two": two_places}
    module = environment.get_template("events.html.jinja").make_module()
    return str(module.section(events_section(runs)))


def test_the_curve_rises_at_the_rates_where_more_is_found():
    chart = froc_chart({"run": evaluation()})
    frame, (line,) = chart.frame, chart.lines
    # Both true events come before the false alarm: all at the left edge.
    corners = [tuple(map(float, point.split(","))) for point in line.points.split()]
    assert [x for x, _ in corners[:-1]] == [frame.left] * 4
    assert corners[-1] == (frame.left + frame.width, frame.y(1.0))
    # One false alarm in the 298 frames that were not held.
    assert line.marker == (frame.x(1 / (298 * 24 / 3600)), frame.y(1.0))


def test_no_curve_without_anything_to_find_or_observed():
    assert froc_chart({"run": evaluation(truth=TRUTH[2:])}) is None
    assert froc_chart({"run": evaluation(found=[])}) is not None
    single = Observations(("a",), np.zeros(1, int), np.zeros(1), np.ones(1, bool), np.ones(1))
    assert froc_chart({"run": evaluation([], TRUTH[:1], single)}) is None


def test_bars_say_what_became_of_each_event():
    first, second = event_timelines({"run": evaluation([GOOD[0], *GOOD[2:]])})
    truth, found = first.rows
    assert [(bar.kind, bar.lane) for bar in truth.bars] == [("found", 0), ("missed", 1)]
    assert [bar.kind for bar in found.bars] == ["correct"]
    assert "sjh_a, temporal IoU" in found.bars[0].note
    assert "4.4 to 11.2 min" in found.bars[0].note
    assert [bar.kind for bar in second.rows[0].bars] == ["ignored"]
    assert [bar.kind for bar in second.rows[1].bars] == ["ignored", "false"]
    assert len(first.held) == 2
    assert second.held == []


def test_bars_lie_where_their_times_are():
    timeline = event_timelines({"run": evaluation()})[0]
    bar = timeline.rows[0].bars[0]
    # Frames 10 to 29 of 0 to 149.
    assert bar.x == pytest.approx(8 + 640 * 10 / 149, abs=0.06)
    assert bar.width == pytest.approx(640 * 19 / 149, abs=0.11)
    assert [minutes for _, minutes in timeline.ticks] == [0, 10, 20, 30, 40, 50]
    rows = timeline.rows
    assert rows[0].y(rows[0].bars[1]) + 12 <= rows[0].bottom == rows[1].top
    assert timeline.height == rows[1].bottom


def test_where_runs_differ_the_truth_says_who_found_it():
    runs = {"video": evaluation(), "image": evaluation(GOOD[:1])}
    truth, *found = event_timelines(runs)[0].rows
    assert [bar.kind for bar in truth.bars] == ["found", "partly"]
    assert "found by video" in truth.bars[1].note
    assert [row.label for row in found] == ["video", "image"]


def test_the_videos_with_most_mistakes_are_shown_in_the_order_of_the_data():
    videos = MOST + 3
    truth = [true_event(f"t{video}", video, 10, 20) for video in range(videos)]
    # Found in the first two videos alone; nothing is in the last.
    found = [found_event(video, 1, 10, 20) for video in (0, 1)]
    judged = evaluation(found, truth[:-1], observed(videos))
    names = [timeline.name for timeline in event_timelines({"run": judged})]
    assert names == [f"SOL<{video}>" for video in range(2, MOST + 2)]


def test_the_page_says_the_figures_and_escapes_names():
    text = page({"TransVOD <Lite>": evaluation()})
    assert "2 of 2" in text
    assert re.search(r"<td>100\.0 <span class=\"bracket\">\[34\.2, 100\.0\]", text)
    assert "SOL&lt;0&gt;" in text
    assert "TransVOD &lt;Lite&gt;" in text
    assert "<Lite>" not in text
    assert "lower bound" not in text
    assert "optimistic" not in text


def test_the_page_owns_up_to_gaps_in_the_truth_and_to_tolerance():
    text = page({"run": evaluation(complete=False, tolerance=336.0, threshold=None)})
    assert "precision is a lower bound" in text
    assert "may be off by 336 s" in text
    assert "run, exact ends" in text
    assert "optimistic" in text
    assert ">unverified<" in text


def test_a_page_about_nothing_can_be_written():
    text = page({"run": evaluation([], [])})
    assert "0 of 0" in text
    assert "nan" not in text
    assert "<svg" not in text


def test_some_run_is_needed():
    with pytest.raises(ValueError, match="one run at least"):
        events_section({})
