"""Figures of found events equal those worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from evaluation.events.evaluation import evaluate_events
from evaluation.events.found_events import FoundEvent
from evaluation.events.observations import Observations
from evaluation.events.true_events import TrueEvent

JET = (0.0, 0.0, 40.0, 100.0)
LIMB = (920.0, 0.0, 960.0, 100.0)
AREA = 200.0 * 200.0


def span(start, frames):
    return 24.0 * (start + np.arange(frames))


def true_event(name, video, start, frames, box=JET, **fields):
    times = span(start, frames)
    boxes = np.tile(np.array(box), (frames, 1))
    return TrueEvent(name, video, times[0], times[-1], times, boxes, **fields)


def found_event(video, number, start, frames, box=JET, scores=0.8):
    scores = np.broadcast_to(np.asarray(scores, dtype=float), frames).copy()
    return FoundEvent(
        video, number, span(start, frames), np.tile(np.array(box), (frames, 1)), scores, 3
    )


@pytest.fixture
def observations():
    """Two videos of 75 frames of 24 s, half an hour each; the second has 25 held frames."""
    valid = np.ones(150, dtype=bool)
    valid[100:125] = False
    return Observations(
        names=("quiet", "active"),
        video=np.repeat([0, 1], 75),
        time=np.tile(24.0 * np.arange(75), 2),
        valid=valid,
        area=np.array([AREA, 2 * AREA]),
    )


@pytest.fixture
def truth():
    return [
        true_event("a", 0, 10, 11, height=60.0),
        true_event("b", 1, 10, 21, LIMB, height=100.0),
        true_event("c", 1, 40, 21, height=200.0),
        true_event("other", 1, 0, 75, (400, 0, 440, 100.0), ignored=True),
    ]


@pytest.fixture
def found():
    return [
        # A frame late, shifted by 10″ north: IoU 90/110; weak in its first frame.
        found_event(0, 1, 11, 10, (0, 10, 40, 110.0), [0.2, *[0.8] * 9]),
        found_event(0, 2, 40, 5, (300, 0, 340, 100.0), 0.7),  # nothing is there
        # 5 frames late to the end, and once more after a gap.
        found_event(1, 1, 15, 10, LIMB, 0.9),
        found_event(1, 2, 28, 3, LIMB, 0.75),
        found_event(1, 3, 20, 5, (400, 0, 440, 100.0), 0.9),  # another jet of the catalogue
        found_event(1, 4, 0, 3, (300, 0, 340, 100.0), 0.3),  # below the threshold
    ]


@pytest.fixture
def evaluation(truth, found, observations):
    return evaluate_events(truth, found, observations, complete=False, threshold=0.6, tolerance=0.0)


def test_counts(evaluation):
    scores = evaluation.scores
    assert (scores.truth, scores.found) == (3, 5)
    assert (scores.matched, scores.ignored, scores.unmatched) == (2, 1, 2)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.precision == pytest.approx(2 / 4)
    assert scores.f1 == pytest.approx(4 / 7)
    assert not evaluation.chosen_here


def test_intervals_are_wilsons(evaluation):
    z, n, p = 1.959963984540054, 4, 0.5
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert evaluation.scores.precision_interval == pytest.approx((0.5 - half, 0.5 + half))


def test_spans_and_places(evaluation):
    scores = evaluation.scores
    # 216 s of 240 s, and 216 s of 480 s.
    assert scores.tiou == pytest.approx((0.9 + 0.45) / 2)
    assert scores.iou == pytest.approx((90 / 110 + 1) / 2)
    assert scores.localisation_error == pytest.approx(5.0)
    assert scores.onset_error == pytest.approx((24 + 120) / 2)
    assert scores.onset_quartiles == pytest.approx((48, 96))


def test_latency_counts_to_the_frame_that_confirms(evaluation):
    # (.2 + .8 + .8) / 3 = .6 suffices: the third frame, 3 frames after the start; and 7 after.
    assert evaluation.scores.latency == pytest.approx((3 * 24 + 7 * 24) / 2)
    assert evaluation.scores.latency_90 == pytest.approx(72 + 0.9 * 96)


def test_a_higher_threshold_is_reached_later(truth, found, observations):
    strict = evaluate_events(
        truth[:1], found[:1], observations, complete=True, threshold=0.7, tolerance=0.0
    )
    assert strict.scores.latency == 4 * 24


def test_false_alarms_by_time_and_field(evaluation):
    # 75 and 50 frames of 24 s.
    hours = np.array([75, 50]) * 24 / 3600
    assert evaluation.observations.hours == pytest.approx(hours)
    assert evaluation.scores.false_alarms_per_hour == pytest.approx(2 / hours.sum())
    fields = hours[0] * 4 + hours[1] * 8
    assert evaluation.scores.false_alarms_per_hour_field == pytest.approx(2 / fields)


def test_fragments(evaluation):
    assert evaluation.scores.fragmentation == pytest.approx((1 + 2) / 2)


def test_disk_limb_and_terciles_of_height(evaluation):
    groups = evaluation.scores.groups
    assert {name: (g.truth, g.found) for name, g in groups.items()} == {
        "disk": (2, 1),
        "limb": (1, 1),
        "short": (1, 1),
        "middle": (1, 1),
        "tall": (1, 0),
    }
    assert groups["limb"].tiou == pytest.approx(0.45)
    assert math.isnan(groups["tall"].tiou)


def test_with_the_tolerance_ends_are_forgiven_and_without_they_are_not(truth, found, observations):
    truth = [truth[0]]
    late = [found_event(0, 1, 22, 10)]  # begins 24 s after the true end
    evaluation = evaluate_events(truth, late, observations, complete=False, threshold=0.0)
    assert evaluation.tolerance == 336
    assert (evaluation.scores.recall, evaluation.exact.recall) == (1, 0)
    # The true span 240 s .. 480 s may have been 528 s .. 744 s.
    assert evaluation.scores.tiou == pytest.approx(1.0)
    assert evaluation.scores.onset_error == 288


def test_the_threshold_is_chosen_for_a_recall_where_none_is_given(truth, found, observations):
    chosen = evaluate_events(
        truth, found, observations, complete=True, wanted_recall=0.5, tolerance=0.0
    )
    assert chosen.threshold == pytest.approx(0.8)
    assert chosen.chosen_here
    assert chosen.scores.unmatched == 0
    assert chosen.curve.rate_at(2 / 3) == 0


def test_nothing_found_and_nothing_to_find(truth, observations):
    silent = evaluate_events(truth, [], observations, complete=True)
    assert (silent.scores.recall, silent.scores.f1) == (0, 0)
    assert math.isnan(silent.scores.precision)
    empty = evaluate_events([], [found_event(0, 1, 0, 5)], observations, complete=True)
    assert math.isnan(empty.scores.recall)
    assert math.isnan(empty.scores.f1)
    assert empty.scores.precision == 0
    assert math.isnan(empty.scores.latency)
    assert empty.scores.groups["disk"].truth == 0


def test_scalars_and_json(evaluation):
    values = evaluation.scalars()
    assert values["event_recall"] == values["event_recall_exact"] == pytest.approx(2 / 3)
    assert values["event_far_50"] == 0
    assert math.isnan(values["event_far_70"])
    assert all(isinstance(value, float) for value in values.values())
    written = json.loads(json.dumps(evaluation.to_json()))
    assert written["scores"]["groups"]["limb"]["truth"] == 1
    assert written["observed_hours"] == pytest.approx(125 * 24 / 3600)


def test_an_event_of_a_video_that_was_not_observed_is_refused(truth, observations):
    with pytest.raises(ValueError, match=r"video 2: 2 videos were observed"):
        evaluate_events(truth, [found_event(2, 1, 0, 5)], observations, complete=True)


def test_two_frames_at_one_time_are_refused():
    with pytest.raises(ValueError, match="video a: two frames at 24 s"):
        Observations(
            ("a",), np.zeros(3, int), np.array([0.0, 24, 24]), np.ones(3, bool), np.ones(1)
        )
