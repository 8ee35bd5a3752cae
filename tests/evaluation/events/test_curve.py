"""Recall of events against false alarms, and thresholds chosen from it."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.events.curve import EventCurve, choose_event_threshold, event_curve
from evaluation.events.found_events import FoundEvent
from evaluation.events.matching import Criteria, match_events
from evaluation.events.true_events import TrueEvent

EXACT = Criteria(tolerance=0.0)
TIMES = 24.0 * np.arange(5)


def true_event(x, name="a", video=0, **fields):
    boxes = np.tile(np.array([x, 0.0, x + 40, 100]), (5, 1))
    return TrueEvent(name, video, 0.0, 96.0, TIMES, boxes, **fields)


def found_event(x, score, number, video=0):
    boxes = np.tile(np.array([x, 0.0, x + 40, 100]), (5, 1))
    return FoundEvent(video, number, TIMES, boxes, np.full(5, score), 3)


@pytest.fixture
def curve():
    truth = [true_event(0, "a"), true_event(200, "b"), true_event(400, "c", ignored=True)]
    found = [
        found_event(0, 0.9, 1),
        found_event(600, 0.8, 2),  # false
        found_event(400, 0.7, 3),  # ignored
        found_event(200, 0.6, 4),
        found_event(5, 0.6, 5),  # a second time the first: false
        found_event(0, 0.5, 1, video=1),  # false
    ]
    return event_curve(truth, found, EXACT, hours=0.5)


def test_every_score_is_a_point_and_equal_scores_are_one(curve):
    assert curve.threshold == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert curve.found.tolist() == [1, 1, 1, 2, 2]
    assert curve.false_alarms.tolist() == [0, 1, 1, 2, 3]
    assert curve.recall.tolist() == [0.5, 0.5, 0.5, 1, 1]
    assert curve.rate.tolist() == [0, 2, 2, 4, 6]


def test_false_alarms_at_a_recall(curve):
    assert [curve.rate_at(recall) for recall in (0.5, 0.7, 0.9)] == [0, 4, 4]


def test_a_recall_that_is_never_reached_has_no_rate():
    curve = event_curve([true_event(0, "a"), true_event(200, "b")], [], EXACT, 1.0)
    assert np.isnan(curve.rate_at(0.5))
    assert len(curve.threshold) == 0


def test_without_observed_time_there_are_no_rates(curve):
    assert np.isnan(EventCurve(curve.threshold, curve.found, curve.false_alarms, 2, 0.0).rate).all()


@pytest.mark.parametrize(("wanted", "threshold"), [(0.4, 0.9), (0.5, 0.9), (0.51, 0.6), (1.0, 0.6)])
def test_the_highest_threshold_of_a_recall(curve, wanted, threshold):
    assert choose_event_threshold(curve, wanted, 0.0) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("wanted", "allowed", "threshold"),
    [
        (0.4, 1.9, 0.9),  # the next one down has 2 false alarms an hour
        (0.4, 2.0, (0.9 + 0.7) / 2),
        (0.4, 4.0, (0.9 + 0.6) / 2),
        (1.0, 4.0, 0.6),
        (1.0, 60.0, (0.6 + 0.5) / 2),
        (1.0, 3.0, 0.6),  # the recall is wanted more than few false alarms
    ],
)
def test_it_lies_in_the_middle_of_those_with_few_false_alarms(curve, wanted, allowed, threshold):
    assert choose_event_threshold(curve, wanted, allowed) == pytest.approx(threshold)


def test_without_rates_it_is_the_highest_threshold(curve):
    unobserved = EventCurve(curve.threshold, curve.found, curve.false_alarms, 2, 0.0)
    assert choose_event_threshold(unobserved, 0.4, 2.0) == pytest.approx(0.9)


def test_nine_of_ten_are_nine_tenths():
    # 0.9 * 10 / 10 and 9 / 10 differ in the last digit for some numbers.
    counts = np.arange(1, 11)
    curve = EventCurve(1 - counts / 20, counts, np.zeros(10, int), 10, 1.0)
    assert choose_event_threshold(curve, 0.1 + 0.2, -1.0) == pytest.approx(1 - 3 / 20)


def test_a_recall_out_of_reach_gives_the_best_there_is_and_says_so(caplog):
    truth = [true_event(0, "a"), true_event(200, "b")]
    found = [found_event(0, 0.8, 1), found_event(600, 0.3, 2)]
    curve = event_curve(truth, found, EXACT, 1.0)
    with caplog.at_level(logging.WARNING):
        assert choose_event_threshold(curve, 0.9, 0.0) == pytest.approx(0.8)
    assert "the best there is is 0.50" in caplog.text


@pytest.mark.parametrize("truth", [[], [true_event(0)]])
def test_where_nothing_informs_the_choice_it_is_a_half(truth, caplog):
    curve = event_curve(truth, [found_event(600, 0.9, 1)], EXACT, 1.0)
    with caplog.at_level(logging.WARNING):
        assert choose_event_threshold(curve, 0.9, 1.0) == 0.5
    assert "stays at .5" in caplog.text


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 10.0, 30.0, 200.0]),
        st.sampled_from([0.2, 0.5, 0.5, 0.9]),
        st.integers(0, 1),
    ),
    max_size=7,
)


@settings(max_examples=60)
@given(EVENTS)
def test_every_point_is_what_matching_anew_gives(drawn):
    truth = [true_event(0, "a"), true_event(20, "b"), true_event(0, "c", 1, ignored=True)]
    found = [found_event(x, score, n, video) for n, (x, score, video) in enumerate(drawn, 1)]
    curve = event_curve(truth, found, EXACT, 1.0)
    for threshold, hits, false in zip(
        curve.threshold, curve.found, curve.false_alarms, strict=True
    ):
        kept = [event for event in found if event.score >= threshold]
        matches = match_events(truth, kept, EXACT)
        assert (matches.matched.sum(), matches.false.sum()) == (hits, false)
    assert (np.diff(curve.found) >= 0).all()
    assert (np.diff(curve.threshold) < 0).all()
