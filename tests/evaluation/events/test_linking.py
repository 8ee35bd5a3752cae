"""Which boxes of neighbouring frames are one and the same."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.events.linking import Linking, distinct, joined

LINKING = Linking()


def test_weak_and_double_detections_do_not_count():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10], [0, 0, 10, 4.0]])
    scores = np.array([0.5, 0.9, 0.39, 0.4])
    # IoU of 0 and 1 is 90/110; of 3 with 1 it is 36/104, which is under .5.
    assert distinct(boxes, scores, LINKING).tolist() == [1, 3]


def test_the_order_of_detections_does_not_matter():
    boxes = np.array([[0, 0, 10, 10], [40, 0, 50, 10], [20, 0, 30, 10.0]])
    scores = np.array([0.7, 0.7, 0.7])
    kept = boxes[distinct(boxes, scores, LINKING)]
    assert kept[:, 0].tolist() == [0, 20, 40]
    turned = boxes[::-1].copy()
    assert (turned[distinct(turned, scores, LINKING)] == kept).all()


def test_the_pair_that_overlaps_most_is_joined_first():
    last = np.array([[0, 0, 10, 10], [3, 0, 13, 10.0]])
    boxes = np.array([[2, 0, 12, 10.0]])
    # IoU 80/120 with the first, 90/110 with the second.
    assert joined(last, boxes, LINKING) == [(1, 0)]


def test_of_equal_overlaps_the_older_track_and_the_better_score_come_first():
    last = np.array([[0, 0, 10, 10], [4, 0, 14, 10.0]])
    assert joined(last, np.array([[2, 0, 12, 10.0]]), LINKING) == [(0, 0)]
    boxes = np.array([[2, 0, 12, 10], [-2, 0, 8, 10.0]])
    assert joined(last[:1], boxes, LINKING) == [(0, 0)]


def test_the_least_overlap_is_reached_or_not():
    last = np.array([[0, 0, 10, 10.0]])
    assert joined(last, np.array([[0, 0, 10, 3.0]]), LINKING) == [(0, 0)]
    assert joined(last, np.array([[0, 0, 10, 2.99]]), LINKING) == []
    assert joined(last, np.array([[0, 0, 0, 0.0]]), LINKING) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"score_threshold": 1.5}, r"score_threshold must lie in 0\.\.1"),
        ({"min_iou": 0.0}, "min_iou must lie above 0"),
        ({"max_gap": -1}, "max_gap must be a whole number >= 0"),
        ({"min_length": 2.5}, "min_length must be a whole number >= 1"),
    ],
)
def test_rules_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Linking(**values)


def test_weak_detections_are_linked_down_to_a_share_of_the_threshold():
    boxes = np.array([[0.0, 0, 10, 10], [30, 0, 40, 10], [60, 0, 70, 10]])
    scores = np.array([0.19, 0.21, 0.5])
    assert distinct(boxes, scores, Linking(0.4)).tolist() == [2]
    assert distinct(boxes, scores, Linking(0.4, linked_share=0.5)).tolist() == [2, 1]
