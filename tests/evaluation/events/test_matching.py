"""Found events and true ones: spans of time, places, and one-to-one matches."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.events.found_events import FoundEvent
from evaluation.events.matching import (
    Criteria,
    assign,
    compare_events,
    match_events,
    temporal_iou,
)
from evaluation.events.true_events import TrueEvent

EXACT = Criteria(tolerance=0.0)
BOX = (0.0, 0.0, 40.0, 100.0)


def true_event(start, end, box=BOX, name="a", video=0, **fields):
    times = np.arange(start, end + 1, 24.0)
    boxes = np.tile(np.array(box, dtype=float), (len(times), 1))
    return TrueEvent(name, video, float(start), float(end), times, boxes, **fields)


def found_event(start, end, box=BOX, number=1, video=0, score=0.9):
    times = np.arange(start, end + 1, 24.0)
    boxes = np.tile(np.array(box, dtype=float), (len(times), 1))
    return FoundEvent(video, number, times, boxes, np.full(len(times), score), 3)


@pytest.mark.parametrize(
    ("truth", "found", "tolerance", "expected"),
    [
        ((240, 480), (240, 480), 0, 1.0),
        # 120 s of 360 s.
        ((240, 480), (360, 600), 0, 1 / 3),
        ((240, 480), (480, 720), 0, 0.0),
        ((240, 480), (720, 960), 0, 0.0),
        # Both true ends move by 120 s.
        ((240, 480), (360, 600), 336, 1.0),
        # The true end moves to 600 s: 480 s of 600 s.
        ((0, 480), (120, 720), 120, 480 / 600),
        # The true span moves to 336 s .. 672 s at most.
        ((0, 336), (600, 720), 336, 72 / 384),
        ((0, 336), (1200, 1320), 336, 0.0),
    ],
)
def test_temporal_iou(truth, found, tolerance, expected):
    assert temporal_iou(true_event(*truth), found_event(*found), tolerance) == pytest.approx(
        expected
    )


def test_temporal_iou_of_instants():
    assert temporal_iou(true_event(48, 48), found_event(48, 48), 0) == 1
    assert temporal_iou(true_event(48, 48), found_event(72, 72), 0) == 0


@given(*[st.integers(0, 40)] * 4, st.integers(0, 20))
def test_no_true_ends_within_the_tolerance_give_more(a, b, c, d, tolerance):
    (t0, t1), (f0, f1) = sorted((a, b)), sorted((c, d))
    best = max(
        (min(e, f1) - max(s, f0)) / max(max(e, f1) - min(s, f0), 1)
        if max(e, f1) > min(s, f0)
        else 1.0
        for s in range(t0 - tolerance, t0 + tolerance + 1)
        for e in range(max(s, t1 - tolerance), t1 + tolerance + 1)
    )
    true = TrueEvent("a", 0, t0, t1, np.array([float(t0)]), np.array([BOX]))
    found = FoundEvent(
        0, 1, np.array(sorted({f0, f1}), dtype=float), np.array([BOX] * 2), np.ones(2), 1
    )
    assert temporal_iou(true, found, tolerance) == pytest.approx(max(best, 0.0))


def test_place_is_compared_in_the_common_frames_alone():
    times = np.array([0.0, 24, 48, 72])
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 20], [500, 0, 510, 10.0]])
    found = FoundEvent(0, 1, times, boxes, np.ones(4), 3)
    true = true_event(24, 48, (0, 0, 10, 10))
    pairs = compare_events([true], [found], EXACT)
    assert pairs.iou[0, 0] == pytest.approx((1 + 0.5) / 2)
    assert pairs.tiou[0, 0] == pytest.approx(24 / 72)
    assert pairs.weight[0, 0] == pytest.approx(0.75 / 3)


def test_between_its_boxes_a_true_event_is_interpolated():
    ends = np.array([[0, 0, 10, 10], [0, 0, 10, 30.0]])
    true = TrueEvent("a", 0, 0, 48, np.array([0.0, 48]), ends)
    assert true.boxes_at(np.array([-24.0, 24, 96])).tolist() == [
        [0, 0, 10, 10],
        [0, 0, 10, 20],
        [0, 0, 10, 30],
    ]


def test_the_base_stands_in_for_the_boxes():
    found = found_event(0, 96, (0, 0, 20, 20))
    far = true_event(0, 96, (10, 10, 210, 210), base=(30.1, 10))
    near = true_event(0, 96, (10, 10, 210, 210), base=(30, 10))
    unknown = true_event(0, 96, (10, 10, 210, 210))
    weight = compare_events([far, near, unknown], [found], EXACT).weight
    assert weight[:, 0] == pytest.approx([0, 0.2, 0])


def test_bounds_are_reached_or_not():
    true = true_event(0, 96, (0, 0, 10, 10))
    thin = [found_event(0, 96, (0, 0, 10, height)) for height in (2.0, 1.99)]
    weight = compare_events([true], thin, EXACT).weight
    assert weight[0] == pytest.approx([0.2, 0])
    # 24 s of 240 s and of 264 s.
    late = [found_event(72, end, (0, 0, 10, 10)) for end in (240, 264)]
    assert (compare_events([true], late, EXACT).weight[0] > 0).tolist() == [True, False]


def test_the_largest_sum_of_products_is_taken():
    truth = [true_event(0, 96, name="a"), true_event(0, 96, (0, 20, 40, 120), name="b")]
    # The first is as near to a as to b; the second is half of a.
    found = [
        found_event(0, 96, (0, 10, 40, 110), number=1),
        found_event(0, 96, (0, 0, 40, 50), number=2),
    ]
    matches = match_events(truth, found, EXACT)
    assert matches.true_of.tolist() == [1, 0]
    assert matches.iou == pytest.approx([90 / 110, 0.5])


def test_events_of_other_videos_never_match():
    matches = match_events([true_event(0, 96)], [found_event(0, 96, video=1)], EXACT)
    assert matches.false.tolist() == [True]
    assert matches.found_truth.tolist() == [False]


def test_what_shows_an_event_that_need_not_be_found_is_ignored():
    other = true_event(0, 960, name="other", ignored=True)
    wanted = true_event(0, 96, (200, 0, 240, 100), name="wanted")
    found = [
        found_event(0, 48, number=1),
        found_event(0, 96, (200, 0, 240, 100), number=2),
        found_event(0, 96, (600, 0, 640, 100), number=3),
    ]
    matches = match_events([other, wanted], found, EXACT)
    # 48 s of 960 s would be too short for a match, but it is there.
    assert matches.ignored.tolist() == [True, False, False]
    assert matches.matched.tolist() == [False, True, False]
    assert matches.false.tolist() == [False, False, True]
    assert matches.counted.tolist() == [False, True]


def test_an_event_to_be_found_goes_before_one_that_need_not():
    other = true_event(0, 96, name="other", ignored=True)
    wanted = true_event(0, 96, (0, 0, 40, 50), name="wanted")
    matches = match_events([other, wanted], [found_event(0, 96)], EXACT)
    assert [matches.truth[n].event for n in matches.true_of] == ["wanted"]


def test_fragments_of_one_event_are_counted():
    found = [found_event(0, 72, number=1), found_event(192, 480, number=2)]
    matches = match_events([true_event(0, 480)], found, EXACT)
    assert matches.true_of.tolist() == [-1, 0]
    assert matches.tracks.tolist() == [2]
    assert matches.false.tolist() == [True, False]


@pytest.mark.parametrize(
    "broken",
    [
        {"times": np.zeros(0), "boxes": np.zeros((0, 4))},
        {"times": np.array([0.0, 0.0]), "boxes": np.zeros((2, 4))},
        {"times": np.zeros(1), "boxes": np.array([[1.0, 0, 0, 1]])},
        {"times": np.zeros(1), "boxes": np.zeros((1, 3))},
        {"times": np.zeros(1), "boxes": np.zeros((1, 4)), "end": -1.0},
    ],
)
def test_a_true_event_out_of_order_is_refused(broken):
    with pytest.raises(ValueError, match="event sjh"):
        TrueEvent(**{"event": "sjh", "video": 0, "start": 0.0, "end": 0.0, **broken})


def test_limb_and_disk_by_the_base_or_the_first_box():
    assert not true_event(0, 24, (880, -5, 900, 5)).at_limb
    assert true_event(0, 24, (880, -5, 930, 5)).at_limb
    assert not true_event(0, 24, (880, -5, 930, 5), base=(0.0, -900)).at_limb


WEIGHTS = st.integers(0, 4).flatmap(
    lambda columns: st.lists(
        st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), min_size=columns, max_size=columns),
        max_size=4,
    ).map(lambda rows: np.array(rows, dtype=float).reshape(len(rows), columns))
)


@given(WEIGHTS)
def test_assignment_is_one_to_one_and_the_best_of_all(weight):
    row_of = assign(weight)
    chosen = row_of[row_of >= 0]
    assert len(set(chosen.tolist())) == len(chosen)
    pairs = [(row, column) for column, row in enumerate(row_of) if row >= 0]
    assert all(weight[pair] > 0 for pair in pairs)
    rows, columns = weight.shape
    # Every way to give each row a column of its own, or none.
    places = itertools.permutations([*range(columns), *[None] * rows], rows)
    best = max(
        sum(weight[row, column] for row, column in enumerate(way) if column is not None)
        for way in places
    )
    assert math.isclose(sum(weight[pair] for pair in pairs), best, abs_tol=1e-12)


SPAN = st.tuples(st.integers(0, 6), st.integers(2, 6))
PLACE = st.sampled_from([0.0, 20.0, 60.0])


@st.composite
def some_events(draw):
    truth = []
    for n, ((start, length), x, video, ignored) in enumerate(
        draw(st.lists(st.tuples(SPAN, PLACE, st.integers(0, 1), st.booleans()), max_size=4))
    ):
        box = (x, 0.0, x + 40, 100.0)
        span = 24 * start, 24 * (start + length)
        truth.append(true_event(*span, box, f"t{n}", video, ignored=ignored))
    found = []
    for n, ((start, length), x, video) in enumerate(
        draw(st.lists(st.tuples(SPAN, PLACE, st.integers(0, 1)), max_size=5)), start=1
    ):
        span = 24 * start, 24 * (start + length)
        found.append(found_event(*span, (x, 0.0, x + 40, 100.0), n, video))
    return truth, found


@settings(max_examples=80)
@given(some_events(), st.sampled_from([0.0, 336.0]), st.randoms())
def test_matches_are_one_to_one_and_the_order_given_does_not_matter(events, tolerance, random):
    truth, found = events
    matches = match_events(truth, found, Criteria(tolerance))
    chosen = matches.true_of[matches.matched]
    assert len(set(chosen.tolist())) == len(chosen)
    assert not any(matches.truth[n].ignored for n in chosen)
    assert (matches.matched.astype(int) + matches.ignored + matches.false == 1).all()
    assert all(
        matches.truth[n].video == event.video
        for n, event in zip(matches.true_of, matches.found, strict=True)
        if n >= 0
    )
    assert (matches.tracks[chosen] >= 1).all()

    truth, found = list(truth), list(found)
    random.shuffle(truth)
    random.shuffle(found)
    again = match_events(truth, found, Criteria(tolerance))
    assert [t.event for t in again.truth] == [t.event for t in matches.truth]
    assert again.true_of.tolist() == matches.true_of.tolist()
    assert again.ignored.tolist() == matches.ignored.tolist()
