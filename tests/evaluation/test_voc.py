"""VOC average precision against sums written out by hand and a brute force."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from evaluation.matching import match_detections
from evaluation.voc import average_precisions, evaluate_voc


def brute_force(hits, n_truth):
    """Both APs in exact fractions, straight from their definitions."""
    points, found = [], 0
    for rank, hit in enumerate(hits, start=1):
        found += hit
        points.append((Fraction(found, n_truth), Fraction(found, rank)))

    def best_at(recall):
        return max((p for r, p in points if r >= recall), default=Fraction(0))

    eleven = sum(best_at(Fraction(i, 10)) for i in range(11)) / 11
    recalls = sorted({r for r, _ in points} | {Fraction(0)})
    steps = pairwise(recalls)
    return eleven, sum(((b - a) * best_at(b) for a, b in steps), Fraction(0))


def test_equals_brute_force_in_fractions():
    rng = np.random.default_rng(0)
    for _ in range(300):
        hits = rng.random(int(rng.integers(0, 40))) < rng.random()
        n_truth = int(hits.sum() + rng.integers(0, 10)) or 1
        want = brute_force(hits.tolist(), n_truth)
        assert average_precisions(hits, n_truth) == pytest.approx([float(w) for w in want])


def test_recall_of_three_tenths_reaches_its_point():
    hits = np.array([True, True, True])
    eleven, area = average_precisions(hits, 10)
    assert eleven == pytest.approx(4 / 11)  # recalls 0, .1, .2 and .3
    assert area == pytest.approx(0.3)


def test_mean_leaves_out_classes_without_objects_and_counts_those_without_detections(random_case):
    truth, results = random_case(2)
    classes = [c["id"] for c in truth["categories"]]
    for annotation in truth["annotations"]:
        annotation.update(category_id=classes[0], iscrowd=0, ignore=0)
    truth["categories"].append({"id": 99, "name": "without objects"})
    missed = {**truth["annotations"][0], "id": 10_000, "category_id": 98}
    truth["annotations"].append(missed)
    truth["categories"].append({"id": 98, "name": "never found"})
    results = [{**r, "category_id": classes[0]} for r in results]
    scores = evaluate_voc(match_detections(truth, results))
    assert math.isnan(scores.area["without objects"])
    assert scores.area["never found"] == scores.eleven_point["never found"] == 0.0
    first = truth["categories"][0]["name"]
    assert scores.mean_area == pytest.approx(scores.area[first] / 2)


def test_ignored_objects_are_neither_expected_nor_held_against():
    objects = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [50, 50, 10, 10], "ignore": 1},
    ]
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "annotations": objects,
        "categories": [{"id": 1, "name": "window"}],
    }
    on_difficult = {"image_id": 1, "category_id": 1, "bbox": [50, 50, 10, 10], "score": 0.9}
    on_object = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.5}
    scores = evaluate_voc(match_detections(truth, [on_difficult, on_difficult, on_object]))
    assert scores.mean_area == scores.mean_eleven_point == pytest.approx(1.0)
