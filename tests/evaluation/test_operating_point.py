"""Curves and the chosen threshold against counting at every threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.curves import class_curves
from evaluation.matching import match_detections
from evaluation.operating_point import choose_operating_points, operating_points_at


def counted(matches, k, threshold):
    """Precision, recall, F1 by counting what the threshold keeps."""
    kept = (matches.detections.scores >= threshold) & (matches.detections.category == k)
    tp, fp = int((kept & matches.tp).sum()), int((kept & matches.fp).sum())
    n = int((matches.truth.counted & (matches.truth.category == k)).sum())
    return tp / (tp + fp), tp / n, 2 * tp / (tp + fp + n)


def test_chosen_threshold_has_the_highest_f1_of_all(random_case):
    compared = 0
    for seed in range(1, 60):
        m = match_detections(*random_case(seed))
        curves = class_curves(m)
        for k, (name, point) in enumerate(choose_operating_points(curves).items()):
            if not point.f1 > 0:
                continue
            assert (point.precision, point.recall, point.f1) == pytest.approx(
                counted(m, k, point.threshold)
            )
            every = [counted(m, k, t) for t in curves[name].threshold]
            assert point.f1 == pytest.approx(max(f1 for *_, f1 in every))
            compared += 1
    assert compared > 50


def test_equal_scores_stand_or_fall_together(random_case):
    truth, results = random_case(2)
    for r in results:
        r["score"] = 0.25
    for curve in class_curves(match_detections(truth, results)).values():
        assert curve.threshold.tolist() in ([], [0.25])


@pytest.mark.parametrize("with_truth", [True, False])
def test_without_evidence_the_threshold_is_one_half(random_case, with_truth):
    truth, results = random_case(2)
    if with_truth:
        results = []
    else:
        truth["annotations"] = []
    points = choose_operating_points(class_curves(match_detections(truth, results)))
    assert {p.threshold for p in points.values()} == {0.5}
    if not with_truth:
        assert all(math.isnan(p.f1) for p in points.values())


def test_of_equal_f1_the_highest_threshold_is_taken():
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 10}],
        "annotations": [
            {"id": i + 1, "image_id": 1, "category_id": 1, "bbox": [20 * i, 0, 10, 10]}
            for i in range(2)
        ],
        "categories": [{"id": 1, "name": "window"}],
    }
    # F1 after 1, 2, 3, 4 detections: 2/3, 1/2, 2/5, 2/3
    places = [(0, 0.9), (60, 0.8), (80, 0.7), (20, 0.6)]
    results = [
        {"image_id": 1, "category_id": 1, "bbox": [x, 0, 10, 10], "score": s} for x, s in places
    ]
    (point,) = choose_operating_points(class_curves(match_detections(truth, results))).values()
    assert point.threshold == 0.9


def test_thresholds_chosen_elsewhere_are_applied_and_must_be_complete(random_case):
    m = match_detections(*random_case(2))
    curves = class_curves(m)
    points = operating_points_at(curves, dict.fromkeys(curves, 0.35))
    for k, point in enumerate(points.values()):
        if not math.isnan(point.precision) and not math.isnan(point.recall):
            got = (point.precision, point.recall, point.f1)
            assert got == pytest.approx(counted(m, k, 0.35))
    name = next(iter(curves))
    with pytest.raises(ValueError, match=f"no score threshold for {name}"):
        operating_points_at(curves, {n: 0.5 for n in curves if n != name})


def test_f1_is_zero_where_nothing_is_right():
    curve_f1 = class_curves(
        match_detections(
            {
                "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 10}],
                "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}],
                "categories": [{"id": 1, "name": "window"}],
            },
            [{"image_id": 1, "category_id": 1, "bbox": [50, 0, 9, 9], "score": 0.5}],
        )
    )["window"].f1
    np.testing.assert_array_equal(curve_f1, [0.0])
