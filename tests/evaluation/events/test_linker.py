"""Events out of detections, frame by frame and as a whole, with restarts at any frame."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.events.found_events import FoundEvent, mean_of_best
from evaluation.events.linker import EventLinker, link_events
from evaluation.events.linking import Linking
from evaluation.events.observations import Observations

LINKING = Linking()
CADENCE = 24.0
BOX = [900.0, -300.0, 940.0, -260.0]


def shifted(by: float) -> list[float]:
    return [BOX[0] + by, BOX[1], BOX[2] + by, BOX[3]]


def run(frames, linking=LINKING, restarts=False, cadence=CADENCE):
    """Frames are (time, boxes, scores); returns the updates and what finishing closes."""
    linker = EventLinker(linking, cadence)
    updates = []
    for frame in frames:
        updates.append(linker.update(*frame))
        if restarts:
            linker = EventLinker.from_json(json.loads(json.dumps(linker.to_json())))
    return updates, linker.finish()


def seen(pattern, score=0.8):
    """A box that stands still, seen where the pattern has an x."""
    return [
        (CADENCE * i, [BOX] if mark == "x" else [], [score] if mark == "x" else [])
        for i, mark in enumerate(pattern)
    ]


def whole(event: FoundEvent):
    return (
        event.video,
        event.event,
        event.times.tolist(),
        event.boxes.tolist(),
        event.scores.tolist(),
    )


def events_of(frames, **kwargs):
    updates, rest = run(frames, **kwargs)
    return [event for update in updates for event in update.closed] + rest


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


def spoiled(change):
    linker = EventLinker(LINKING, CADENCE)
    for frame in seen("xxx"):
        linker.update(*frame)
    state = copy.deepcopy(linker.to_json())
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("tracks"), "the keys"),
        (lambda s: s["linking"].pop("min_iou"), "'linking' with"),
        (lambda s: s["linking"].update(min_iou="a lot"), "numbers in 'linking'"),
        (lambda s: s.update(cadence=-1), "'cadence' above 0"),
        (lambda s: s.update(events=0.5), "whole number as 'events'"),
        (lambda s: s.update(events=0), "numbered once"),
        (lambda s: s.update(last_time="now"), "'last_time'"),
        (lambda s: s.update(tracks={}), "list 'tracks'"),
        (lambda s: s["tracks"].append(7), "track 1: expected the keys"),
        (lambda s: s["tracks"].append(s["tracks"][0]), "numbered once"),
        (lambda s: s["tracks"][0]["times"].reverse(), "track 0: expected rising times"),
        (lambda s: s["tracks"][0]["times"].append(1e9), "as many times"),
        (lambda s: s["tracks"][0]["boxes"][0].pop(), "finite numbers as 'boxes'"),
        (lambda s: s["tracks"][0]["boxes"][0].reverse(), "boxes x0 <= x1"),
        (lambda s: s["tracks"][0].update(scores=[None] * 3), "finite numbers as 'scores'"),
        (lambda s: s["tracks"][0].update(event=True), "whole number as 'event'"),
        (lambda s: s.update(last_time=10), "rising times"),
    ],
)
def test_a_spoiled_state_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=f"(?s)watch.json.*{message}"):
        EventLinker.from_json(spoiled(change), "watch.json")


def test_a_list_is_no_state():
    with pytest.raises(ValueError, match="Remove it to begin anew"):
        EventLinker.from_json([])


def observations_of(times_by_video, valid=None):
    video = np.concatenate([np.full(len(t), v) for v, t in enumerate(times_by_video)])
    times = np.concatenate(times_by_video).astype(float)
    return Observations(
        names=tuple(f"v{v}" for v in range(len(times_by_video))),
        video=video.astype(np.int64),
        time=times,
        valid=np.ones(len(times), dtype=bool) if valid is None else valid,
        area=np.full(len(times_by_video), 1e4),
    )


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


# Few places and few scores, so that overlaps and scores are often equal.
DETECTION = st.tuples(
    st.integers(0, 6), st.integers(0, 1), st.sampled_from([0.3, 0.5, 0.5, 0.7, 0.9])
)
FRAME = st.tuples(st.integers(1, 5), st.lists(DETECTION, max_size=5))


def drawn_frames(drawn):
    time, frames = 0.0, []
    for step, detections in drawn:
        time += step * CADENCE
        boxes = [[4.0 * x, 8.0 * y, 4.0 * x + 10, 8.0 * y + 10] for x, y, _ in detections]
        frames.append((time, boxes, [score for *_, score in detections]))
    return frames


def expected_events(frames, linking):
    """The same rules once more, over the whole video, as plain loops."""

    def iou(a, b):
        sides = [min(a[k + 2], b[k + 2]) - max(a[k], b[k]) for k in (0, 1)]
        shared = max(sides[0], 0) * max(sides[1], 0)
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
        return shared / (sum(areas) - shared)

    tracks = []
    for time, boxes, scores in frames:
        ranked = sorted(
            ((-score, box[3], box[2], box[1], box[0]), box, score)
            for box, score in zip(boxes, scores, strict=True)
            if score >= linking.score_threshold
        )
        kept: list = []
        for _, box, score in ranked:
            if all(iou(box, other) <= linking.nms_iou for other, _ in kept):
                kept.append((box, score))
        slots = [round((time - track[-1][0]) / CADENCE) for track in tracks]
        pairs = sorted(
            (-iou(track[-1][1], box), t, b)
            for t, track in enumerate(tracks)
            for b, (box, _) in enumerate(kept)
            if slots[t] - 1 <= linking.max_gap and iou(track[-1][1], box) >= linking.min_iou
        )
        used: set = set()
        for _, t, b in pairs:
            if not {("t", t), ("b", b)} & used:
                used |= {("t", t), ("b", b)}
                tracks[t].append((time, *kept[b]))
        # A new track may not be joined in the frame that begins it.
        tracks += [[(time, *kept[b])] for b in range(len(kept)) if ("b", b) not in used]
    return sorted(
        track
        for track in tracks
        if len(track) >= linking.min_length
        and mean_of_best([s for *_, s in track], linking.min_length) >= linking.event_score
    )


def as_track(event):
    return [
        (time, box, score)
        for time, box, score in zip(
            event.times.tolist(), event.boxes.tolist(), event.scores.tolist(), strict=True
        )
    ]


@settings(max_examples=150)
@given(st.lists(FRAME, max_size=14), st.sampled_from([0.0, 0.6]))
def test_equals_plain_loops_over_the_whole_video(drawn, event_score):
    frames, linking = drawn_frames(drawn), Linking(event_score=event_score)
    assert sorted(map(as_track, events_of(frames, linking=linking))) == expected_events(
        frames, linking
    )


@settings(max_examples=60)
@given(st.lists(FRAME, max_size=14))
def test_a_stream_with_a_restart_after_every_frame_gives_the_events_of_the_archive(drawn):
    frames = drawn_frames(drawn)
    archive = []
    if len(frames) >= LINKING.min_length:
        frame = [i for i, (_, boxes, _) in enumerate(frames) for _ in boxes]
        linked = link_events(
            observations_of([np.array([time for time, *_ in frames])]),
            np.array(frame, dtype=np.int64),
            np.array([box for _, boxes, _ in frames for box in boxes], dtype=float).reshape(-1, 4),
            np.array([s for *_, scores in frames for s in scores], dtype=float),
            LINKING,
        )
        archive = list(map(whole, linked))
    # The archive knows its cadence from the frames; the stream is told the same.
    gaps = np.diff([time for time, *_ in frames])
    cadence = float(np.median(gaps)) if len(gaps) else CADENCE
    streamed = events_of(frames, restarts=True, cadence=cadence)
    assert sorted(map(whole, streamed)) == archive


@settings(max_examples=60)
@given(st.lists(FRAME, max_size=14))
def test_every_event_is_opened_once_and_closed_once(drawn):
    updates, rest = run(drawn_frames(drawn))
    opened = [event.event for update in updates for event in update.opened]
    closed = [event.event for update in updates for event in update.closed]
    closed += [event.event for event in rest]
    assert opened == list(range(1, len(opened) + 1))
    assert sorted(closed) == opened


@settings(max_examples=60)
@given(st.lists(FRAME, max_size=14))
def test_a_least_score_gives_the_events_that_an_archive_keeps_by_it(drawn):
    frames = drawn_frames(drawn)
    kept = [as_track(event) for event in events_of(frames) if event.score >= 0.6]
    gated = [as_track(e) for e in events_of(frames, linking=Linking(event_score=0.6))]
    assert sorted(gated) == sorted(kept)
