"""The truth table of detection labels, case by case, and the matching against pycocotools."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.columns import result_columns, truth_columns
from evaluation.detections import Detections
from utility.detection_labels import Objects, PictureLabels, Thresholds, outcome, picture_labels

A, B = [0, 0, 20, 20], [40, 40, 20, 20]  # two objects apart, xywh
HALF_OF_A = [0, 0, 20, 10]  # IoU exactly .5
LESS_OF_A = [0, 0, 20, 9]
Rows = list[tuple[int, list[int], float]]


def truth(objects: list[dict[str, Any]], pictures: int = 1) -> dict[str, Any]:
    return {
        "images": [{"id": i + 1, "width": 100, "height": 100} for i in range(pictures)],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}],
        "annotations": [
            {"id": i + 1, "image_id": 1, "category_id": 3, "area": 400, "iscrowd": 0, **each}
            for i, each in enumerate(objects)
        ],
    }


def detections(rows: Rows, image_id: int = 1) -> Detections:
    """Of (category, box, score)."""
    return Detections.from_results(
        [
            {"image_id": image_id, "category_id": c, "bbox": box, "score": score}
            for c, box, score in rows
        ]
    )


def judge(
    objects: list[dict[str, Any]], before: Rows, after: Rows, variant: str = "strict"
) -> PictureLabels:
    thresholds = Thresholds()
    columns = truth_columns(truth(objects))
    pristine, distorted = (result_columns(detections(rows), columns) for rows in (before, after))
    asked = (
        Objects.of_detections(pristine, columns, thresholds)
        if variant == "pristine_ref"
        else Objects.of_truth(columns)
    )
    outcomes = [outcome(asked, found, columns, thresholds) for found in (pristine, distorted)]
    return picture_labels(asked, *outcomes, variant, thresholds)


GOOD: Rows = [(3, A, 0.9)]
ONE, TWO = [{"bbox": A}], [{"bbox": A}, {"bbox": B}]
# objects, pristine, distorted -> y of strict, paper, pristine_ref
CASES: dict[str, tuple[list[dict[str, Any]], Rows, Rows, tuple[int, int, int]]] = {
    "still found": (ONE, GOOD, GOOD, (1, 1, 1)),
    "lost": (ONE, GOOD, [(3, A, 0.49)], (0, 0, 0)),
    "another class": (ONE, GOOD, [(7, A, 0.9)], (0, 0, 0)),
    "score exactly .5": (ONE, GOOD, [(3, A, 0.5)], (1, 1, 1)),
    "IoU exactly .5": (ONE, GOOD, [(3, HALF_OF_A, 0.9)], (1, 1, 1)),
    "IoU below .5": (ONE, GOOD, [(3, LESS_OF_A, 0.9)], (0, 0, 0)),
    "not found in the pristine picture": (ONE, [(3, A, 0.4)], GOOD, (-1, 0, -1)),
    "never found": (ONE, [], [], (-1, 0, -1)),
    "no object": ([], GOOD, GOOD, (-1, -1, 1)),
    "only a crowd": ([{"bbox": A, "iscrowd": 1}], GOOD, GOOD, (-1, -1, 1)),
    "only an ignored object": ([{"bbox": A, "ignore": 1}], GOOD, GOOD, (-1, -1, 1)),
    "another object than before": (TWO, [(3, A, 0.9)], [(3, B, 0.9)], (0, 0, 0)),
    "one of two": (TWO, [(3, A, 0.9), (3, B, 0.9)], [(3, B, 0.9)], (1, 1, 1)),
    "a false alarm alone": (ONE, [(3, B, 0.9)], [(3, B, 0.9)], (-1, 0, 1)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("place", range(3), ids=["strict", "paper", "pristine_ref"])
def test_truth_table(case: str, place: int) -> None:
    objects, before, after, expected = CASES[case]
    variant = ("strict", "paper", "pristine_ref")[place]
    assert judge(objects, before, after, variant).y.tolist() == [expected[place]]


def test_two_detections_serve_one_object_once() -> None:
    """The second of two on the same object must not pass for its neighbour's."""
    close = [{"bbox": [0, 0, 20, 20]}, {"bbox": [4, 0, 20, 20]}]
    both: Rows = [(3, [0, 0, 20, 20], 0.9), (3, [4, 0, 20, 20], 0.8)]
    twice: Rows = [(3, [0, 0, 20, 20], 0.9), (3, [0, 0, 20, 20], 0.8)]
    lone: Rows = [(3, [0, 0, 20, 20], 0.9)]
    assert judge(close, both, both).m.tolist() == [1.0]
    assert judge(close, both, lone).m.tolist() == [0.5]
    # The second takes what is left: it overlaps the neighbour by more than half.
    assert judge(close, both, twice).m.tolist() == [1.0]
    alone = judge(ONE, GOOD, [(3, A, 0.9), (3, A, 0.8)])
    assert alone.m.tolist() == [1.0]
    assert alone.new_false_positives.tolist() == [1]


def test_kept_fraction_and_relative_utility() -> None:
    before: Rows = [(3, A, 0.9), (3, B, 0.7)]
    found = judge(TWO, before, [(3, A, 0.7), (3, B, 0.3)])
    assert (found.n_gt.tolist(), found.n_ref.tolist(), found.m.tolist()) == ([2], [2], [0.5])
    # (.7 - .5) / (.9 - .5) and (.3 - .5) / (.7 - .5), the latter clipped to -1.
    assert found.u.tolist() == pytest.approx([(0.5 - 1) / 2])
    assert found.max_score.tolist() == pytest.approx([0.7])
    pristine = judge(TWO, before, before)
    assert (pristine.m.tolist(), pristine.u.tolist()) == ([1.0], [1.0])


def test_an_object_that_is_barely_found_has_no_relative_utility() -> None:
    found = judge(ONE, [(3, A, 0.55)], [(3, A, 0.55)])
    assert found.y.tolist() == [1]
    assert np.isnan(found.u).all()


def test_nothing_is_said_of_a_picture_where_nothing_was_found() -> None:
    found = judge(ONE, [], GOOD)
    assert np.isnan(found.m).all()
    assert np.isnan(found.u).all()
    assert found.n_ref.tolist() == [0]


def test_false_alarms_are_new_where_the_pristine_picture_has_none() -> None:
    alarm: Rows = [(3, B, 0.8)]
    assert judge(ONE, GOOD, GOOD + alarm).new_false_positives.tolist() == [1]
    assert judge(ONE, GOOD + alarm, GOOD + alarm).new_false_positives.tolist() == [0]
    assert judge(ONE, GOOD + alarm, GOOD + alarm * 2).new_false_positives.tolist() == [1]
    assert judge(ONE, GOOD, [*GOOD, (3, B, 0.49)]).new_false_positives.tolist() == [0]
    crowd = [*ONE, {"bbox": B, "iscrowd": 1}]
    assert judge(crowd, GOOD, GOOD + alarm).new_false_positives.tolist() == [0]
    other = [*ONE, {"bbox": B, "iscrowd": 1, "category_id": 7}]
    assert judge(other, GOOD, GOOD + alarm).new_false_positives.tolist() == [1]


@pytest.mark.parametrize("wrong", [{"score": 0.0}, {"iou": 1.0}, {"guard": 0.5}])
def test_thresholds_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Thresholds(**wrong)


def test_the_matching_is_that_of_pycocotools() -> None:
    """On 30 crowded pictures of random boxes: which objects are found, and which detections."""
    rng = np.random.default_rng(5)
    whole = truth([], pictures=30)
    results = []
    for image in range(1, 31):
        corners = rng.uniform(0, 60, (8, 2))
        for k, corner in enumerate(corners):
            box = [*corner, *rng.uniform(15, 30, 2)]
            whole["annotations"].append(
                {"id": 100 * image + k, "image_id": image, "category_id": int(rng.choice([3, 7])),
                 "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            )  # fmt: skip
            for _ in range(3):
                shifted = [*(corner + rng.normal(0, 4, 2)), box[2], box[3]]
                results.append(
                    {"image_id": image, "category_id": int(rng.choice([3, 7])), "bbox": shifted,
                     "score": round(float(rng.uniform(0.5, 1)), 2)}
                )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = whole
        coco.createIndex()
        oracle = COCOeval(coco, coco.loadRes(results), "bbox")
        oracle.params.iouThrs = np.array([0.5])
        oracle.params.areaRng = [[0, 1e10]]
        oracle.evaluate()
    found_ids = {
        int(gt)
        for image in oracle.evalImgs
        if image is not None
        for gt, match in zip(image["gtIds"], image["gtMatches"][0], strict=True)
        if match
    }
    columns = truth_columns(whole)
    found = result_columns(Detections.from_results(results), columns)
    ours = outcome(Objects.of_truth(columns), found, columns, Thresholds())
    ids = np.array([row["id"] for row in whole["annotations"]])
    assert set(ids[ours.found].tolist()) == found_ids
    assert 0 < len(found_ids) < len(ids)
    assert len(ours.alarms) == len(results) - len(found_ids)
