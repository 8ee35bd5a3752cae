"""COCO's numbers against pycocotools itself."""

from __future__ import annotations

import contextlib
import copy
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.coco import evaluate_coco

NAMES = [
    "map", "map_50", "map_75", "map_small", "map_medium", "map_large",
    "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large",
]  # fmt: skip


def reference(truth, results):
    """pycocotools as its users call it, straight from the two dicts."""
    truth, results = copy.deepcopy(truth), copy.deepcopy(results)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO()
        expected.dataset = {"info": {}, **truth}
        expected.createIndex()
        if results:
            found = expected.loadRes(results)
        else:  # loadRes fails on an empty list
            found = COCO()
            found.dataset = {**truth, "annotations": []}
            found.createIndex()
        evaluator = COCOeval(expected, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def test_equals_pycocotools_to_the_last_digit_on_300_random_sets(random_case):
    for seed in range(300):
        truth, results = random_case(seed)
        scores = evaluate_coco(truth, results, backend="hotcoco")
        fallback = evaluate_coco(truth, results, backend="pycocotools")
        np.testing.assert_equal(scores.summary, fallback.summary, err_msg=f"seed {seed}")
        np.testing.assert_equal(scores.per_class, fallback.per_class, err_msg=f"seed {seed}")
        oracle = reference(truth, results)
        ours = [-1.0 if math.isnan(scores.summary[n]) else scores.summary[n] for n in NAMES]
        assert ours == oracle.stats.tolist(), f"seed {seed}"
        names = {c["id"]: c["name"] for c in truth["categories"]}
        for k, category_id in enumerate(oracle.params.catIds):
            of_class = scores.per_class[names[category_id]]
            precision = oracle.eval["precision"][:, :, k, 0, 2]
            recall = oracle.eval["recall"][:, k, 0, 2]
            for key, values in (("ap", precision), ("ap_50", precision[0]), ("ar", recall)):
                defined = values[values > -1]
                want = float(np.mean(defined)) if defined.size else math.nan
                np.testing.assert_equal(of_class[key], want)


def test_random_sets_hold_every_oddity(random_case):
    cases = [random_case(seed) for seed in range(300)]
    annotations = [a for truth, _ in cases for a in truth["annotations"]]
    assert any(a["iscrowd"] for a in annotations)
    assert any(a.get("ignore") and not a["iscrowd"] for a in annotations)
    assert sum(not results for _, results in cases) > 10
    assert sum(not truth["annotations"] for truth, _ in cases) > 10
    counts = [
        sum(r["image_id"] == image["id"] and r["category_id"] == c["id"] for r in results)
        for truth, results in cases
        for image in truth["images"]
        for c in truth["categories"]
    ]
    assert max(counts) > 100


def test_auto_takes_hotcoco_and_says_so(random_case):
    assert evaluate_coco(*random_case(1)).backend == "hotcoco"


@pytest.mark.parametrize("backend", ["hotcoco", "pycocotools"])
def test_annotation_number_0_counts_like_any_other(random_case, backend):
    truth, results = random_case(3)
    shifted = copy.deepcopy(truth)
    for annotation in shifted["annotations"]:
        annotation["id"] -= 1
    want = evaluate_coco(truth, results, backend).summary
    np.testing.assert_equal(evaluate_coco(shifted, results, backend).summary, want)


@pytest.mark.parametrize("backend", ["hotcoco", "pycocotools"])
def test_arguments_are_left_as_they_were_and_nothing_is_printed(random_case, backend, capfd):
    truth, results = random_case(2)
    before = copy.deepcopy((truth, results))
    evaluate_coco(truth, results, backend)
    assert (truth, results) == before
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_class_without_objects_is_nan_not_zero():
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "iscrowd": 0}
        ],
        "categories": [{"id": 1, "name": "window"}, {"id": 2, "name": "door"}],
    }
    scores = evaluate_coco(truth, [])
    assert scores.per_class["window"]["ap"] == 0.0
    assert math.isnan(scores.per_class["door"]["ap"])
    assert math.isnan(scores.summary["map_large"])
    assert scores.summary["map"] == 0.0


def test_results_of_another_data_set_are_refused(random_case):
    truth, _ = random_case(1)
    with pytest.raises(ValueError, match=r"entry 0: image_id 5000 is not in the truth"):
        evaluate_coco(
            truth, [{"image_id": 5000, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]
        )
