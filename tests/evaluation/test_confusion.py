"""The confusion matrix on a picture whose answer can be counted."""

from __future__ import annotations

import numpy as np

from evaluation.confusion import confusion_matrix
from evaluation.curves import class_curves
from evaluation.matching import match_detections

WINDOW, DOOR = 1, 2


def annotation(number, category_id, x, **fields):
    box = [x, 0, 10, 10]
    return {"id": number, "image_id": 1, "category_id": category_id, "bbox": box, **fields}


def detection(category_id, x, score):
    return {"image_id": 1, "category_id": category_id, "bbox": [x, 0, 10, 10], "score": score}


def truth_of(*annotations):
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 20}],
        "annotations": list(annotations),
        "categories": [{"id": WINDOW, "name": "window"}, {"id": DOOR, "name": "door"}],
    }


def test_counts_hits_confusions_misses_and_false_alarms():
    truth = truth_of(
        annotation(1, WINDOW, 0),  # found
        annotation(2, WINDOW, 20),  # taken for a door
        annotation(3, DOOR, 40),  # missed: its detection scores too little
        annotation(4, DOOR, 60, ignore=1),
    )
    results = [
        detection(WINDOW, 0, 0.9),
        detection(WINDOW, 1, 0.8),  # the same window again: a false alarm
        detection(DOOR, 20, 0.7),
        detection(DOOR, 40, 0.3),
        detection(DOOR, 60, 0.9),  # on an ignored door: left out
        detection(DOOR, 120, 0.6),  # nothing there
    ]
    matrix = confusion_matrix(match_detections(truth, results), {"window": 0.5, "door": 0.5})
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 0, 1], [1, 1, 0]])


def test_own_class_is_preferred_to_a_larger_overlap():
    truth = truth_of(annotation(1, WINDOW, 0), annotation(2, DOOR, 2))
    results = [detection(WINDOW, 2, 0.9), detection(DOOR, 0, 0.8)]
    matrix = confusion_matrix(match_detections(truth, results), {"window": 0.5, "door": 0.5})
    np.testing.assert_array_equal(matrix, np.diag([1, 1, 0]))


def test_rows_and_columns_add_up_on_random_sets(random_case):
    for seed in range(40):
        m = match_detections(*random_case(seed))
        matrix = confusion_matrix(m, dict.fromkeys(m.truth.class_names, 0.4))
        counts = [curve.n_truth for curve in class_curves(m).values()]
        assert matrix[:-1].sum(axis=1).tolist() == counts
        kept = (m.detections.scores >= 0.4) & ~m.ignored
        predicted = np.bincount(m.detections.category[kept], minlength=len(counts))
        np.testing.assert_array_equal(matrix[:, :-1].sum(axis=0), predicted)
        hits = np.bincount(m.detections.category[kept & m.tp], minlength=len(counts))
        np.testing.assert_array_equal(np.diag(matrix)[:-1], hits)
