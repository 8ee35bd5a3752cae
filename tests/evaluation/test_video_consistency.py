"""Steadiness on a film whose answer can be counted."""

from __future__ import annotations

import math

import pytest

from evaluation.columns import truth_columns
from evaluation.matching import match_detections
from evaluation.tracks import read_tracks
from evaluation.video_consistency import video_consistency

FISH, BIRD = 1, 2
THRESHOLDS = {"fish": 0.5, "bird": 0.5}
BOX = [10, 10, 20, 20]


def film_of(frames, **box):
    """One fish in `frames` frames, image ids from 1."""
    return {
        "images": [
            {"id": i, "video_id": 1, "frame_id": i, "width": 90, "height": 90, "file_name": ""}
            for i in frames
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": FISH, "bbox": BOX, "track_id": 4, **box}
            for i in frames
        ],
        "categories": [{"id": FISH, "name": "fish"}, {"id": BIRD, "name": "bird"}],
    }


def seen(image_id, category_id=FISH, score=0.9, box=BOX):
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}


def measure(truth, results):
    tracks = read_tracks(truth, truth_columns(truth))
    return video_consistency(match_detections(truth, results), THRESHOLDS, tracks)


def test_misses_low_scores_and_wrong_classes_are_changes():
    # seen, seen, missed, below the threshold, a bird, a bird, seen
    results = [
        seen(1),
        seen(2),
        seen(4, score=0.4),
        seen(5, BIRD),
        seen(6, BIRD),
        seen(7),
    ]
    steady = measure(film_of(range(1, 8)), results)
    assert (steady.objects, steady.pairs) == (1, 6)
    assert steady.flicker == pytest.approx(3 / 6)
    assert steady.found == pytest.approx(3 / 7)
    assert steady.jitter == 0.0


def test_jitter_is_the_mean_change_of_the_overlap():
    halves = [10, 10, 20, 10]  # IoU .5
    narrow = [10, 10, 20, 16]  # IoU .8
    steady = measure(film_of(range(1, 5)), [seen(1), seen(2, box=halves), seen(4, box=narrow)])
    assert steady.jitter == pytest.approx(0.5)
    steady = measure(film_of(range(1, 4)), [seen(i, box=narrow) for i in (1, 2, 3)])
    assert steady.jitter == 0.0


def test_every_object_counts_the_same_however_long_it_is_seen():
    truth = film_of(range(1, 6))
    for i in (1, 2):
        truth["annotations"].append(
            {**truth["annotations"][0], "id": 10 + i, "image_id": i, "track_id": 5}
            | {"bbox": [50, 50, 20, 20]}
        )
    results = [*(seen(i) for i in range(1, 6)), seen(1, box=[50, 50, 20, 20])]
    steady = measure(truth, results)
    assert (steady.objects, steady.pairs) == (2, 5)
    assert steady.flicker == pytest.approx((0 / 4 + 1 / 1) / 2)


def test_a_gap_in_the_video_joins_nothing():
    steady = measure(film_of([1, 2, 3, 9, 10]), [seen(i) for i in (1, 2, 3)])
    assert (steady.pairs, steady.flicker) == (3, 0.0)


def test_what_is_not_asked_for_is_not_measured():
    steady = measure(film_of(range(1, 4), ignore=1), [seen(1)])
    assert (steady.objects, steady.pairs) == (0, 0)
    assert all(map(math.isnan, (steady.flicker, steady.jitter, steady.found)))
