"""Matching against a plain loop over images, classes and detections."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import matching
from evaluation.matching import match_detections


def overlap(detection, truth, crowd=False):
    x1, y1, w1, h1 = detection
    x2, y2, w2, h2 = truth
    width = min(x1 + w1, x2 + w2) - max(x1, x2)
    height = min(y1 + h1, y2 + h2) - max(y1, y2)
    shared = max(width, 0) * max(height, 0)
    return shared / (w1 * h1) if crowd else shared / (w1 * h1 + w2 * h2 - shared)


def brute_force(truth, results):
    """Status of each detection by the PASCAL rule, and the detection that found each object."""
    status, owner = [""] * len(results), {}
    for i in sorted(range(len(results)), key=lambda i: (-results[i]["score"], i)):
        r = results[i]
        same = [
            (j, a)
            for j, a in enumerate(truth["annotations"])
            if (a["image_id"], a["category_id"]) == (r["image_id"], r["category_id"])
        ]
        best, best_iou = None, 0.0
        for j, a in same:
            iou = overlap(r["bbox"], a["bbox"])
            if not a["iscrowd"] and iou > best_iou:
                best, best_iou = j, iou
        in_crowd = any(a["iscrowd"] and overlap(r["bbox"], a["bbox"], True) >= 0.5 for _, a in same)
        if best is not None and best_iou >= 0.5:
            if truth["annotations"][best].get("ignore"):
                status[i] = "ignored"
            elif best not in owner:
                owner[best] = i
                status[i] = "tp"
        status[i] = status[i] or ("ignored" if in_crowd else "fp")
    return status, owner


@pytest.mark.parametrize("pairs_at_once", [5, 2_000_000])
def test_equals_a_plain_loop_on_random_sets(random_case, monkeypatch, pairs_at_once):
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", pairs_at_once)
    for seed in range(60):
        truth, results = random_case(seed)
        truth["images"].sort(key=lambda image: image["id"])
        results.sort(key=lambda r: r["image_id"])
        m = match_detections(truth, results)
        status, owner = brute_force(truth, results)
        found = [
            "tp" * bool(t) + "fp" * bool(f) + "ignored" * bool(i)
            for t, f, i in zip(m.tp, m.fp, m.ignored, strict=True)
        ]
        assert found == status, f"seed {seed}"
        assert m.found_by.tolist() == [owner.get(j, -1) for j in range(len(truth["annotations"]))]


def test_order_of_delivery_does_not_matter(random_case):
    truth, results = random_case(4)
    by_image = sorted(results, key=lambda r: -r["image_id"])  # stable: same order in an image
    a, b = match_detections(truth, results), match_detections(truth, by_image)
    np.testing.assert_array_equal(a.tp[a.order], b.tp[b.order])
    scores = (np.append(m.detections.scores, np.nan)[m.found_by] for m in (a, b))
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(("width", "hit"), [(5.0, True), (4.999, False)])
def test_iou_of_exactly_one_half_is_a_hit(width, hit):
    truth = one_image([{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 4]}])
    m = match_detections(
        truth, [{"image_id": 1, "category_id": 1, "bbox": [0, 0, width, 4], "score": 0.9}]
    )
    assert bool(m.tp[0]) is hit
    assert bool(m.fp[0]) is not hit


def one_image(annotations):
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "window"}],
    }
