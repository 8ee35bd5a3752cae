"""Events out of detections, frame by frame and as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.events.linker import EventLinker, link_events
from evaluation.events.linking import Linking
from evaluation.events.observations import Observations
from tests.evaluation.events.linked_frames import (
    BOX,
    CADENCE,
    LINKING,
    events_of,
    observations_of,
    run,
    seen,
)


def shifted(by: float) -> list[float]:
    return [BOX[0] + by, BOX[1], BOX[2] + by, BOX[3]]


def test_an_event_is_opened_with_its_third_frame_continued_and_closed_after_the_gap():
    updates, rest = run(seen("xxxx....x"))
    assert [len(u.opened) for u in updates] == [0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [len(u.continued) for u in updates] == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert [len(u.closed) for u in updates] == [0, 0, 0, 0, 0, 0, 1, 0, 0]
    (opened,), (closed,) = updates[2].opened, updates[6].closed
    assert opened.times.tolist() == [0, 24, 48]
    assert (closed.event, closed.start, closed.end) == (1, 0, 72)
    assert rest == []


@pytest.mark.parametrize(("pattern", "found"), [("xx..x", 1), ("xx...x", 0), ("x.x.", 0)])
def test_two_missed_frames_are_bridged_three_are_not(pattern, found):
    assert len(events_of(seen(pattern))) == found


def test_frames_that_never_came_are_missed_frames():
    frames = seen("xx..x")
    assert len(events_of([frames[i] for i in (0, 1, 4)])) == 1
    late = [(0.0, [BOX], [0.9]), (24.0, [BOX], [0.9]), (24.0 + 4 * 24.0, [BOX], [0.9])]
    assert events_of(late) == []


def test_times_may_jitter_by_less_than_half_a_frame():
    frames = [(time, [BOX], [0.9]) for time in (0.0, 30.0, 47.0, 72.0 + 48.0 + 10.0)]
    (event,) = events_of(frames)
    assert len(event.times) == 4


@pytest.mark.parametrize(("late", "closed"), [(2.4, 0), (2.6, 1)])
def test_an_event_is_closed_as_soon_as_the_third_frame_in_a_row_is_due(late, closed):
    updates, _ = run([*seen("xxx"), (48.0 + late * CADENCE, [], [])])
    assert len(updates[-1].closed) == closed


def test_two_events_side_by_side_and_one_that_moves():
    frames = [(CADENCE * i, [shifted(5.0 * i), shifted(400)], [0.8, 0.9]) for i in range(6)]
    first, second = events_of(frames)
    # Confirmed in the same frame; numbered in the order in which they began: the better score.
    assert first.boxes[-1].tolist() == shifted(400)
    assert second.boxes[-1].tolist() == shifted(25)
    assert (first.event, second.event) == (1, 2)


def test_a_jump_begins_another_event():
    frames = [(CADENCE * i, [shifted(0 if i < 3 else 39)], [0.8]) for i in range(6)]
    assert [(event.start, event.end) for event in events_of(frames)] == [(0, 48), (72, 120)]


def test_an_event_is_opened_when_it_reaches_the_score_and_stays_open():
    scores = [0.5, 0.5, 0.6, 0.9, 0.9, 0.4, 0.4]
    frames = [(CADENCE * i, [BOX], [score]) for i, score in enumerate(scores)]
    updates, (event,) = run(frames, Linking(event_score=0.75))
    assert [len(u.opened) for u in updates] == [0, 0, 0, 0, 1, 0, 0]
    assert event.score == pytest.approx(0.8)
    assert event.confirmed_at(0.75) == 96
    assert event.confirmed_at(0.5) == 48
    with pytest.raises(ValueError, match="never reached"):
        event.confirmed_at(0.81)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ((0.0, [], []), "order of time"),
        ((float("nan"), [], []), "order of time"),
        ((48.0, [BOX], []), "1 boxes, but 0 scores"),
        ((48.0, [[0, 0, 1, np.inf]], [0.5]), "finite"),
        ((48.0, [[5, 0, 1, 1]], [0.5]), "x0 <= x1"),
        ((48.0, [BOX], [np.nan]), "finite"),
    ],
)
def test_a_bad_frame_is_refused_and_changes_nothing(frame, message):
    linker = EventLinker(LINKING, CADENCE)
    linker.update(24.0, [BOX], [0.9])
    before = linker.to_json()
    with pytest.raises(ValueError, match=message):
        linker.update(*frame)
    assert linker.to_json() == before


def test_a_cadence_must_be_positive():
    with pytest.raises(ValueError, match="cadence"):
        EventLinker(LINKING, 0.0)


def test_whole_videos_are_linked_apart_whatever_the_order_of_detections():
    observed = observations_of([24.0 * np.arange(4), 24.0 * np.arange(4)])
    frame = np.array([7, 0, 4, 1, 6, 2, 5])
    boxes = np.tile(np.array(BOX), (7, 1))
    scores = np.full(7, 0.9)
    events = link_events(observed, frame, boxes, scores, LINKING)
    spans = [(event.video, event.event, event.start, event.end) for event in events]
    assert spans == [(0, 1, 0, 48), (1, 1, 0, 72)]


def test_detections_in_held_frames_and_loose_pictures_do_not_count():
    valid = np.array([True, True, False, True])
    observed = observations_of([24.0 * np.arange(4)], valid)
    (event,) = link_events(
        observed, np.arange(4), np.tile(np.array(BOX), (4, 1)), np.full(4, 0.9), LINKING
    )
    assert event.times.tolist() == [0, 24, 72]
    loose = Observations((), np.full(4, -1), np.zeros(4), valid, np.zeros(0))
    boxes = np.tile(np.array(BOX), (4, 1))
    assert link_events(loose, np.arange(4), boxes, np.full(4, 0.9), LINKING) == []
