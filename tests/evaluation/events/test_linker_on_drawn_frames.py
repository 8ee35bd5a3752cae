"""Any frames: the linker beside plain loops, with restarts at any frame, and beside the archive."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.events.found_events import FoundEvent, mean_of_best
from evaluation.events.linker import link_events
from evaluation.events.linking import Linking
from tests.evaluation.events.linked_frames import CADENCE, LINKING, events_of, observations_of, run


def whole(event: FoundEvent):
    return (
        event.video,
        event.event,
        event.times.tolist(),
        event.boxes.tolist(),
        event.scores.tolist(),
    )


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
