"""The whole evaluation: keys, JSON and extremes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from evaluation import evaluate_detections
from evaluation.summary import precision_at_recall


def test_scalars_have_the_documented_keys(random_case):
    truth, results = random_case(2)
    scalars = evaluate_detections(truth, results).scalars()
    names = [c["name"] for c in truth["categories"]]
    per_class = ("ap", "ap_50", "ar", "voc_11point", "voc_area", "f1")
    assert {f"{key}/{name}" for key in per_class for name in names} < set(scalars)
    assert {"map", "map_50", "map_75", "mar_100", "voc_11point", "voc_area"} < set(scalars)
    assert all(isinstance(v, float) for v in scalars.values())


def test_perfect_detections_score_one():
    truth = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 300, "height": 300}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 10, 150, 150]},
            {"id": 2, "image_id": 7, "category_id": 5, "bbox": [50, 60, 20, 20]},
        ],
        "categories": [{"id": 5, "name": "door"}, {"id": 3, "name": "window"}],
    }
    results = [
        {key: a[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for a in truth["annotations"]
    ]
    evaluation = evaluate_detections(truth, results)
    scalars = evaluation.scalars()
    assert evaluation.class_names == ("window", "door")  # by category id
    for key in ("map", "map_50", "voc_11point", "voc_area", "ap/window", "f1/door"):
        assert scalars[key] == pytest.approx(1.0)
    assert math.isnan(scalars["map_medium"])
    np.testing.assert_array_equal(evaluation.confusion, np.diag([1, 1, 0]))


@pytest.mark.parametrize("seed", [0, 17, 19, 34, 38])
def test_json_is_strict_even_for_empty_sets(random_case, seed):
    truth, results = random_case(seed)
    whole = evaluate_detections(truth, results).to_json()
    again = json.loads(json.dumps(whole, allow_nan=False))
    assert again == whole
    assert again["images"] == len(truth["images"])
    assert again["detections"] == len(results)


def test_given_operating_point_is_used_and_said(random_case):
    truth, results = random_case(2)
    chosen = evaluate_detections(truth, results)
    assert chosen.operating_point_chosen_here
    given = dict.fromkeys(chosen.class_names, 0.25)
    evaluation = evaluate_detections(truth, results, operating_point=given)
    assert not evaluation.operating_point_chosen_here
    assert evaluation.thresholds() == given
    assert evaluation.scalars()["map"] == chosen.scalars()["map"]


def test_precision_at_recall_equals_cocos_curve(random_case):
    """pycocotools interpolates the same way; without ties and crowds the two curves are one."""
    rng = np.random.default_rng(5)
    truth = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 500, "height": 50} for i in (1, 2)],
        "annotations": [
            {"id": i + 1, "image_id": 1 + i % 2, "category_id": 1, "bbox": [40 * i, 0, 20, 20]}
            for i in range(12)
        ],
        "categories": [{"id": 1, "name": "window"}],
    }
    results = [
        {
            "image_id": a["image_id"],
            "category_id": 1,
            "bbox": [a["bbox"][0], 0 if rng.random() < 0.6 else 15, 20, 20],
            "score": float(rng.random()),
        }
        for a in truth["annotations"]
    ]
    evaluation = evaluate_detections(truth, results)
    mean = precision_at_recall(evaluation.curves["window"]).mean()
    assert mean == pytest.approx(evaluation.coco.per_class["window"]["ap_50"])
